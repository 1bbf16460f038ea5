/* Inputs as our own encoder makes them: encode DIRECTORY, in which there must be rpc_frame,
 * stored_record and packed_record. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/support/random_message.h"

enum { ROUNDS = 3, DEPTH = 3 };

static const char *directory;

static void keep(const char *target, const char *name, const struct buf *bytes)
{
    cleanup(mem_freep) char *path = mem_printf("%s/%s/%s", directory, target, name);
    FILE *file = fopen(path, "we");

    if (!file || fwrite(bytes->data, 1, bytes->len, file) != bytes->len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void *any_message(const struct shape *shape, struct arena *arena)
{
    void *value = arena_alloc(arena, shape->size);

    random_message(shape, arena, value, DEPTH);
    return value;
}

static void encode_method(size_t index, int round)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    const struct method *method = &methods[index];
    const struct call_options options = {.timeout_ms = 1500, .trace = STR("trace")};
    char name[128];

    snprintf(name, sizeof(name), "%s.%s.%d", method->server, method->name, round);
    codec_write_request(&bytes, 7, method->name, method->params,
                        any_message(method->params, &arena), round ? &options : NULL);
    keep("rpc_frame", name, &bytes);
    buf_clear(&bytes);
    snprintf(name, sizeof(name), "%s.%s.result.%d", method->server, method->name, round);
    codec_write_response(&bytes, (uint32_t)index, method->result,
                         any_message(method->result, &arena));
    keep("rpc_frame", name, &bytes);
}

static void encode_error(enum rpc_error code)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT;

    codec_write_error(&bytes, 7, code, STR("a sentence"));
    keep("rpc_frame", rpc_errors[code].code, &bytes);
}

static void encode_event(const struct event *event, int round)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    char name[128];

    snprintf(name, sizeof(name), "%s.%s.%d", event->feed, event->name, round);
    codec_write_notification(&bytes, event->name, event->params,
                             any_message(event->params, &arena));
    keep("rpc_frame", name, &bytes);
}

/* The first byte chooses, as the fuzzer reads it. */
static void encode_record(const char *target, unsigned char choice, const struct shape *shape,
                          int round)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf bytes = BUF_INIT;
    char name[128];

    snprintf(name, sizeof(name), "%s.%d", shape->name, round);
    buf_append_char(&bytes, (char)choice);
    codec_encode(shape, any_message(shape, &arena), &bytes);
    keep(target, name, &bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    directory = argv[1];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < METHOD_COUNT; i++)
            encode_method(i, round);
        for (size_t i = 0; i < EVENT_COUNT; i++)
            encode_event(&events[i], round);
        for (size_t i = 0; i < shape_count; i++)
            encode_record("stored_record", (unsigned char)i, shapes[i], round);
        encode_record("packed_record", 0, &shape_subscription, round);
        encode_record("packed_record", 1, &shape_override, round);
    }
    for (int code = ERROR_NONE + 1; code < ERROR_COUNT; code++)
        encode_error((enum rpc_error)code);
    return 0;
}
