/* What was read must be read again from what is written of it, and be the same. */
#ifndef TESTS_FUZZ_AGAIN_H
#define TESTS_FUZZ_AGAIN_H

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/fuzz/fuzz.h"

static inline void reads_again(const struct shape *shape, const void *value, struct arena *arena)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    void *again = arena_alloc(arena, shape->size);
    struct error error = {""};

    codec_encode(shape, value, &bytes);
    bool is_read =
        codec_decode(shape, arena_str(arena, buf_str(&bytes)), arena, again, &error) == 0;
    if (!is_read)
        fprintf(stderr, "%s: %s\n", shape->name, error.text);
    FUZZ_HOLDS(is_read && codec_equal(shape, value, again));
}

#endif
