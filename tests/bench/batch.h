/* Requests made ready before the clock starts, in memory, so that a reference is timed for writing
 * alone. */
#ifndef TESTS_BENCH_BATCH_H
#define TESTS_BENCH_BATCH_H

#include "tests/bench/tool.h"
#include "tests/bench/writes.h"

struct batch {
    struct arena arena;
    struct write *writes;
    size_t count;
};

/* By the options --kind load|update|insert --from K --count C --customers N. */
void batch_make(struct batch *batch, const struct options *options);
/* The requests from K on, of which there are `count`. */
void batch_load(struct batch *batch, uint64_t from, size_t count);
void batch_done(struct batch *batch);

#endif
