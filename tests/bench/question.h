/* Requests as bytes: encoded once by the suite's own codec, then only the msgid and the customers'
 * digits are written anew, so that asking costs the client next to nothing. */
#ifndef TESTS_BENCH_QUESTION_H
#define TESTS_BENCH_QUESTION_H

#include "common/base/buf.h"

enum { QUESTION_MANY_MAX = 1000 };

struct question_form {
    struct buf bytes;
    size_t count; /* of customers asked about */
    size_t digits_at[QUESTION_MANY_MAX];
};

void question_form_check(struct question_form *form);
void question_form_check_many(struct question_form *form, size_t count);
void question_form_done(struct question_form *form);

/* Writes form->bytes.len bytes. Slots are below a million. */
void question_write(const struct question_form *form, uint32_t slot, const uint64_t *customers,
                    char *ret_bytes);
/* The slot of a msgid, or UINT32_MAX. */
uint32_t question_slot(uint32_t msgid);

#endif
