/* Whatever the store may find in its database: the first byte chooses the shape. */
#include "tests/fuzz/again.h"

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct error error = {""};

    if (input.len == 0)
        return;
    const struct shape *shape = shapes[(unsigned char)input.ptr[0] % shape_count];
    void *value = arena_alloc(&arena, shape->size);
    if (codec_decode(shape, str_from(input.ptr + 1, input.len - 1), &arena, value, &error) == 0)
        reads_again(shape, value, &arena);
    else
        FUZZ_HOLDS(error.text[0]);
}
