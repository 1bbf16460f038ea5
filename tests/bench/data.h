/* The made-up customers that every row asks about: number i is the same in every program, so that
 * each answer can be compared with what it must be. */
#ifndef TESTS_BENCH_DATA_H
#define TESTS_BENCH_DATA_H

#include "common/base/arena.h"
#include "proto/message.h"

#define DATA_PRODUCT   "4exampleproductcode0000001"
#define DATA_DIMENSION "seats"

/* "tenant-" and eight digits: the handle by which an application asks. */
enum { DATA_TENANT_LEN = 15, DATA_DIGITS_AT = 7, DATA_DIGITS = 8 };

/* What number i holds of the dimension: from 70,000 up, so that all take the same bytes. */
static inline uint32_t data_granted(uint64_t i)
{
    return 70000 + (uint32_t)(i * 2654435761u % 1000000007u);
}

static inline void data_put_digits(uint64_t i, char *digits)
{
    for (int at = DATA_DIGITS - 1; at >= 0; at--, i /= 10)
        digits[at] = (char)('0' + i % 10);
}

void data_tenant(uint64_t i, char text[DATA_TENANT_LEN + 1]);
struct str data_license_key(uint64_t i, struct arena *arena);
struct str data_license_arn(uint64_t i, struct arena *arena);
struct str data_account(uint64_t i, struct arena *arena);

/* A new listing's subscription with two entitlements, verified at `now_s` and good for a year. Its
 * id grows with i, as a snapshot's order asks. */
void data_record(uint64_t i, int64_t now_s, struct arena *arena, struct subscription *ret);

/* What a checker answers to a question for one of the dimension. */
void data_answer(uint64_t i, int64_t now_s, struct arena *arena, struct answer *ret);

#endif
