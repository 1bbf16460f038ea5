/* Reads answers as an application with its own MessagePack reader does, without allocating, and
 * alike on both sides of a row: the client must not be what is measured. */
#ifndef TESTS_BENCH_ANSWER_H
#define TESTS_BENCH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct answer_read {
    bool allow;
    bool is_entitled; /* the reason */
    uint64_t granted;
    struct str subscription;
};

/* One answer, a map; *at moves behind it. False if it is not one. */
bool answer_read_map(const unsigned char **at, const unsigned char *end, struct answer_read *ret);

/* A response frame, [1, msgid, nil, result]: leaves *at on the result. False for anything else,
 * errors included. */
bool answer_open_response(const unsigned char **at, const unsigned char *end, uint32_t *ret_msgid);

/* The head of check_many's result, {"answers": [ ...: leaves *at on the first answer. */
bool answer_open_many(const unsigned char **at, const unsigned char *end, uint32_t *ret_count);

/* Whether it is what customer i must be told. */
bool answer_is_right(const struct answer_read *answer, uint64_t i);

#endif
