/* Messages of a queue, read by a poller of the vectors' seller. */
#ifndef TESTS_SUPPORT_MESSAGE_FIXTURE_H
#define TESTS_SUPPORT_MESSAGE_FIXTURE_H

#include <string.h>

#include "common/base/mem.h"
#include "services/poller/message.h"
#include "tests/support/vectors.h"

#define PRODUCT   "4exampleproductcode0000001"
#define BUYER     "111122223333"
#define SELLER    "444455556666"
#define CUSTOMER  "ExCustId0001"
#define AGREEMENT "agmt-1exampleagreement0000000001"
#define RENEWAL   "agmt-2exampleagreement0000000002"
#define LICENSE   "arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define LICENSE_2 "arn:aws:license-manager::555566667777:license:l-00112233445566778899aabbccddeeff"
#define OFFER     "offer-exampleoffer01"
#define FAN       "arn:aws:sns:us-east-1:444455556666:fan-out"
#define TOPIC     "arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-" PRODUCT

static const char *accounts[] = {SELLER};
static const struct message_owner ours = {{accounts, 1}, {NULL, 0}};
static const struct message_owner anybody;

struct reader {
    struct arena arena;
    struct notification read;
};

static inline const struct notification *read_as(struct reader *reader, struct str body,
                                                 const struct message_owner *owner)
{
    message_read(body, owner, &reader->arena, &reader->read);
    return &reader->read;
}

static inline int open_reader(void **state)
{
    *state = mem_alloc_zero(sizeof(struct reader));
    return 0;
}

static inline int close_reader(void **state)
{
    struct reader *reader = *state;

    arena_done(&reader->arena);
    mem_free(reader);
    return 0;
}

static inline void assert_text(struct str got, const char *want)
{
    if (!str_eq(got, str_of(want)))
        fail_msg("'" STR_FMT "' instead of '%s'", STR_ARG(got), want ? want : "");
}

static inline void assert_problem(const struct notification *got, const char *part)
{
    cleanup(mem_freep) char *problem = str_dup(got->problem);

    if (!part)
        assert_text(got->problem, NULL);
    else if (!strstr(problem, part))
        fail_msg("'%s' does not say '%s'", problem, part);
}

static inline const struct json *case_of(const struct json *cases, const char *id)
{
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *found = json_at(cases, i);
        if (str_eq_text(json_get_str(found, "id"), id))
            return found;
    }
    fail_msg("there is no case '%s'", id);
    return NULL;
}

#endif
