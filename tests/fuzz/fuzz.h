/* A fuzzer: one function that takes any bytes, one file per decoder.
 *
 * libfuzzer.c calls it under libFuzzer; corpus.c feeds it files, so that what was found stays a
 * test.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/str.h"

/* The bytes end where their memory does. */
void fuzz_one(struct str input);

/* What must hold of any input: a find if it does not. */
#define FUZZ_HOLDS(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
