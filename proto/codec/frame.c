#include "proto/codec/internal.h"

static int bad_frame(struct error *error)
{
    return error_set(error, "not a MessagePack-RPC message");
}

static bool is_unsigned(const msgpack_object *object, uint64_t limit)
{
    return object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= limit;
}

/* The last parameter, if it is a map. */
static const msgpack_object *last_map(const msgpack_object *params)
{
    uint32_t count = params->via.array.size;

    if (count == 0 || params->via.array.ptr[count - 1].type != MSGPACK_OBJECT_MAP)
        return NULL;
    return &params->via.array.ptr[count - 1];
}

static int read_call_options(const msgpack_object *params, struct call_options *ret_options,
                             struct error *error)
{
    enum { TRACE_LIMIT = 64 };
    const msgpack_object *map = last_map(params);
    const msgpack_object *timeout = map ? codec_map_get(map, "timeout_ms") : NULL;
    const msgpack_object *trace = map ? codec_map_get(map, "trace") : NULL;

    if (timeout && timeout->type != MSGPACK_OBJECT_NIL) {
        if (!is_unsigned(timeout, INT32_MAX) || timeout->via.u64 == 0)
            return error_set(error, "'timeout_ms' must be an integer above 0");
        ret_options->timeout_ms = (int64_t)timeout->via.u64;
    }
    if (trace && trace->type != MSGPACK_OBJECT_NIL) {
        struct str text = codec_object_str(trace);
        if (trace->type != MSGPACK_OBJECT_STR || text.len > TRACE_LIMIT || !str_is_utf8(text))
            return error_set(error, "'trace' must be a text of at most %d bytes", TRACE_LIMIT);
        ret_options->trace = text;
    }
    return 0;
}

static int open_request(const msgpack_object *items, uint32_t count, struct frame *ret_frame,
                        struct error *error)
{
    if (count != 4 || !is_unsigned(&items[1], UINT32_MAX))
        return bad_frame(error);
    ret_frame->msgid = (uint32_t)items[1].via.u64;
    if (items[2].type != MSGPACK_OBJECT_STR || items[3].type != MSGPACK_OBJECT_ARRAY)
        return bad_frame(error);
    ret_frame->method = codec_object_str(&items[2]);
    ret_frame->body = &items[3];
    return read_call_options(&items[3], &ret_frame->options, error);
}

static int open_response(const msgpack_object *items, uint32_t count, struct frame *ret_frame,
                         struct error *error)
{
    if (count != 4 || !is_unsigned(&items[1], UINT32_MAX))
        return bad_frame(error);
    ret_frame->msgid = (uint32_t)items[1].via.u64;
    ret_frame->body = &items[3];
    if (items[2].type == MSGPACK_OBJECT_NIL)
        return 0;

    const msgpack_object *code = codec_map_get(&items[2], "code");
    const msgpack_object *message = codec_map_get(&items[2], "message");
    if (code)
        ret_frame->error_code = codec_object_str(code);
    if (message)
        ret_frame->error_message = codec_object_str(message);
    if (str_is_empty(ret_frame->error_code))
        ret_frame->error_code = str_of(rpc_errors[ERROR_INTERNAL].code);
    return 0;
}

static int open_notification(const msgpack_object *items, uint32_t count, struct frame *ret_frame,
                             struct error *error)
{
    if (count != 3 || items[1].type != MSGPACK_OBJECT_STR || items[2].type != MSGPACK_OBJECT_ARRAY)
        return bad_frame(error);
    ret_frame->method = codec_object_str(&items[1]);
    ret_frame->body = &items[2];
    return 0;
}

int codec_open_frame(struct str bytes, struct arena *arena, struct frame *ret_frame,
                     struct error *error)
{
    const msgpack_object *object;

    *ret_frame = (struct frame){0};
    if (codec_unpack(bytes, arena, &object, error) < 0)
        return -1;
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size < 3 ||
        !is_unsigned(&object->via.array.ptr[0], FRAME_NOTIFICATION))
        return bad_frame(error);

    const msgpack_object *items = object->via.array.ptr;
    uint32_t count = object->via.array.size;
    ret_frame->type = (enum frame_type)items[0].via.u64;
    switch (ret_frame->type) {
    case FRAME_REQUEST:
        return open_request(items, count, ret_frame, error);
    case FRAME_RESPONSE:
        return open_response(items, count, ret_frame, error);
    case FRAME_NOTIFICATION:
        return open_notification(items, count, ret_frame, error);
    }
    return bad_frame(error);
}

/* A last map is the options, unless it stands where a positional field is itself a map. */
static const msgpack_object *options_of(const msgpack_object *params, const struct shape *shape)
{
    const msgpack_object *map = last_map(params);
    uint32_t index = params->via.array.size - 1;
    uint32_t position = 0;

    if (!map)
        return NULL;
    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].need == OPTION)
            continue;
        if (position++ == index)
            return shape->fields[i].kind == FIELD_ITEM ? NULL : map;
    }
    return map;
}

int codec_read_params(const struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    const struct reader reader = {.arena = arena, .error = error, .strict = true};
    const msgpack_object *params = frame->body;
    const msgpack_object *options = options_of(params, shape);

    memset(ret_value, 0, shape->size);
    return codec_read_array(&reader, params->via.array.ptr,
                            params->via.array.size - (options ? 1 : 0), options, shape, ret_value);
}

int codec_read_result(const struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    const struct reader reader = {.arena = arena, .error = error};

    memset(ret_value, 0, shape->size);
    return codec_read_map(&reader, frame->body, shape, ret_value);
}

void codec_write_request(struct buf *out, uint32_t msgid, const char *method,
                         const struct shape *shape, const void *params,
                         const struct call_options *options)
{
    msgpack_packer packer;

    codec_packer_init(&packer, out);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_int(&packer, FRAME_REQUEST);
    msgpack_pack_uint32(&packer, msgid);
    codec_pack_text(&packer, str_of(method));
    codec_pack_params(&packer, shape, params, options);
}

void codec_write_response(struct buf *out, uint32_t msgid, const struct shape *shape,
                          const void *result)
{
    msgpack_packer packer;

    codec_packer_init(&packer, out);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_int(&packer, FRAME_RESPONSE);
    msgpack_pack_uint32(&packer, msgid);
    msgpack_pack_nil(&packer);
    codec_pack_map(&packer, shape, result);
}

void codec_write_error(struct buf *out, uint32_t msgid, enum rpc_error code, struct str message)
{
    msgpack_packer packer;

    codec_packer_init(&packer, out);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_int(&packer, FRAME_RESPONSE);
    msgpack_pack_uint32(&packer, msgid);
    msgpack_pack_map(&packer, 3);
    codec_pack_text(&packer, STR("code"));
    codec_pack_text(&packer, str_of(rpc_errors[code].code));
    codec_pack_text(&packer, STR("message"));
    codec_pack_text(&packer, message);
    codec_pack_text(&packer, STR("retryable"));
    if (rpc_errors[code].retryable)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
    msgpack_pack_nil(&packer);
}

void codec_write_notification(struct buf *out, const char *method, const struct shape *shape,
                              const void *params)
{
    msgpack_packer packer;

    codec_packer_init(&packer, out);
    msgpack_pack_array(&packer, 3);
    msgpack_pack_int(&packer, FRAME_NOTIFICATION);
    codec_pack_text(&packer, str_of(method));
    codec_pack_params(&packer, shape, params, NULL);
}
