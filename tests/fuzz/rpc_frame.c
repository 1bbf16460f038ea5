/* A frame of any socket: opened, and its body read by the shapes that the method names. */
#include "tests/fuzz/again.h"

static void read_request(struct frame *frame, const struct shape *shape, struct arena *arena)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    void *value = arena_alloc(arena, shape->size), *again = arena_alloc(arena, shape->size);
    struct frame second;
    struct error error = {""};

    if (codec_read_params(frame, shape, arena, value, &error) < 0)
        return;
    codec_write_request(&bytes, frame->msgid, "method", shape, value, &frame->options);
    FUZZ_HOLDS(codec_open_frame(buf_str(&bytes), &second, &error) == 0);
    FUZZ_HOLDS(codec_read_params(&second, shape, arena, again, &error) == 0);
    FUZZ_HOLDS(codec_equal(shape, value, again));
    FUZZ_HOLDS(second.options.timeout_ms == frame->options.timeout_ms);
    FUZZ_HOLDS(str_eq(second.options.trace, frame->options.trace));
}

static void read_map(const struct frame *frame, const struct shape *shape, struct arena *arena)
{
    void *value = arena_alloc(arena, shape->size);
    struct error error = {""};

    if (codec_read_result(frame, shape, arena, value, &error) == 0)
        reads_again(shape, value, arena);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct frame frame;
    struct error error = {""};

    if (codec_open_frame(input, &frame, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    if (frame.type == FRAME_RESPONSE) {
        /* A response does not say of what: the caller knows by its number. */
        read_map(&frame, methods[frame.msgid % METHOD_COUNT].result, &arena);
        return;
    }
    for (size_t i = 0; frame.type == FRAME_REQUEST && i < METHOD_COUNT; i++) {
        if (str_eq_text(frame.method, methods[i].name))
            read_request(&frame, methods[i].params, &arena);
    }
    for (size_t i = 0; frame.type == FRAME_NOTIFICATION && i < EVENT_COUNT; i++) {
        if (str_eq_text(frame.method, events[i].name))
            read_map(&frame, events[i].params, &arena);
    }
}
