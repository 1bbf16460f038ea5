/* A record or override as a replica keeps it: what a peer sent comes back whole. The first byte
 * chooses. */
#include "proto/replica/pack.h"
#include "tests/fuzz/again.h"

static void pack_and_unpack(const struct shape *shape, const void *value, struct arena *arena)
{
    cleanup(buf_done) struct buf packed = BUF_INIT;
    struct words words;
    void *again = arena_alloc(arena, shape->size);

    words_init(&words);
    if (shape == &shape_subscription) {
        pack_subscription(&words, value, &packed);
        unpack_subscription(&words, (const unsigned char *)packed.data, arena, again);
    } else {
        pack_override(&words, value, &packed);
        unpack_override(&words, (const unsigned char *)packed.data, arena, again);
    }
    FUZZ_HOLDS(codec_equal(shape, value, again));
    words_done(&words);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct error error = {""};

    if (input.len == 0)
        return;
    const struct shape *shape = input.ptr[0] & 1 ? &shape_override : &shape_subscription;
    void *value = arena_alloc(&arena, shape->size);
    if (codec_decode(shape, str_from(input.ptr + 1, input.len - 1), &arena, value, &error) == 0)
        pack_and_unpack(shape, value, &arena);
}
