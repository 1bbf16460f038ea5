/* Frames: requests, responses and notifications as MessagePack-RPC has them. */
#include "proto/codec/shapes.h"

#include <string.h>

static int bad_frame(struct error *error)
{
    return error_set(error, "not a MessagePack-RPC message");
}

static bool read_integer_to(struct input *input, int64_t most, int64_t *ret)
{
    struct token token;

    if (input_take_common_integer(input, ret))
        return *ret <= most;
    if (!token_next(input, &token) || token.kind != TOKEN_INTEGER)
        return false;
    *ret = token.integer;
    return *ret >= 0 && *ret <= most;
}

static bool read_msgid(struct input *input, uint32_t *ret_msgid)
{
    int64_t msgid;

    if (!read_integer_to(input, UINT32_MAX, &msgid))
        return false;
    *ret_msgid = (uint32_t)msgid;
    return true;
}

static bool read_array(struct input *input, uint32_t *ret_count)
{
    struct token array;

    if (input_take_short_array(input, ret_count))
        return true;
    if (!token_next(input, &array) || array.kind != TOKEN_ARRAY)
        return false;
    *ret_count = array.count;
    return true;
}

/* Method and parameters, which a request and a notification end with. */
static bool read_call(struct input *input, struct frame *frame)
{
    struct token method;
    uint32_t count;

    if (!token_next(input, &method) || method.kind != TOKEN_TEXT)
        return false;
    frame->method = method.bytes;
    frame->body = str_from(input->at, (size_t)(input->end - input->at));
    return read_array(input, &count);
}

/* Texts of a map; other members are passed. */
static bool read_error(struct input *input, const struct token *map, struct frame *frame)
{
    for (uint32_t i = 0; i < map->count; i++) {
        struct token key, value;
        if (!token_next(input, &key) || !token_skip_parts(input, &key) ||
            !token_next(input, &value) || !token_skip_parts(input, &value))
            return false;
        if (value.kind != TOKEN_TEXT)
            continue;
        if (token_is_text(&key, "code"))
            frame->error_code = value.bytes;
        else if (token_is_text(&key, "message"))
            frame->error_message = value.bytes;
    }
    return true;
}

static bool read_response(struct input *input, struct frame *frame)
{
    struct token error;

    if (!read_msgid(input, &frame->msgid) || !token_next(input, &error))
        return false;
    if (error.kind == TOKEN_MAP ? !read_error(input, &error, frame)
                                : !token_skip_parts(input, &error))
        return false;
    if (error.kind != TOKEN_NIL && str_is_empty(frame->error_code))
        frame->error_code = str_of(rpc_errors[ERROR_INTERNAL].code);
    frame->body = str_from(input->at, (size_t)(input->end - input->at));
    return true;
}

static bool read_frame(struct input *input, uint32_t count, struct frame *frame)
{
    switch (frame->type) {
    case FRAME_REQUEST:
        return count == 4 && read_msgid(input, &frame->msgid) && read_call(input, frame);
    case FRAME_RESPONSE:
        return count == 4 && read_response(input, frame);
    case FRAME_NOTIFICATION:
        return count == 3 && read_call(input, frame);
    }
    return false;
}

int codec_open_frame(struct str bytes, struct frame *ret_frame, struct error *error)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr;
    struct input input = {begin, begin};
    uint32_t count;
    int64_t type;

    *ret_frame = (struct frame){0};
    if (!token_is_one_object(bytes))
        return error_set(error, "not one whole MessagePack object");
    input.end += bytes.len;
    if (!read_array(&input, &count) || count < 3 ||
        !read_integer_to(&input, FRAME_NOTIFICATION, &type))
        return bad_frame(error);
    ret_frame->type = (enum frame_type)type;
    return read_frame(&input, count, ret_frame) ? 0 : bad_frame(error);
}

static struct reader reader_of(struct str bytes, struct arena *arena, struct error *error)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr;

    return (struct reader){.input = {begin, begin + bytes.len}, .arena = arena, .error = error};
}

int codec_read_params(struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    struct reader reader = reader_of(frame->body, arena, error);

    reader.strict = true;
    memset(ret_value, 0, shape->size);
    return coder_of(shape)->read_params(&reader, ret_value, &frame->options) < 0 ? -1 : 0;
}

int codec_read_result(const struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    struct reader reader = reader_of(frame->body, arena, error);

    memset(ret_value, 0, shape->size);
    return coder_of(shape)->read_map(&reader, ret_value);
}

bool codec_is_map(struct str bytes)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr;
    struct input input = {begin, begin + bytes.len};

    return token_is_one_object(bytes) && input_is_map(&input);
}

int codec_decode(const struct shape *shape, struct str bytes, struct arena *arena, void *ret_value,
                 struct error *error)
{
    struct reader reader = reader_of(bytes, arena, error);

    memset(ret_value, 0, shape->size);
    if (bytes.len == 0)
        return read_not_whole(&reader);
    if (coder_of(shape)->read_map(&reader, ret_value) < 0)
        return -1;
    return reader.input.at == reader.input.end ? 0 : read_not_whole(&reader);
}

void codec_encode(const struct shape *shape, const void *value, struct buf *out)
{
    write_end(out, coder_of(shape)->write_map(out, write_begin(out, HEAD_ROOM), value));
}

/* The array that a frame is, and its type. */
static unsigned char *begin_frame(struct buf *out, size_t parts, enum frame_type type)
{
    return put_integer(put_array(write_begin(out, 2 * HEAD_ROOM), parts), type);
}

static unsigned char *write_text(struct buf *out, unsigned char *at, struct str text)
{
    return put_text(write_room(out, at, HEAD_ROOM + text.len), text);
}

void codec_write_request(struct buf *out, uint32_t msgid, const char *method,
                         const struct shape *shape, const void *params,
                         const struct call_options *options)
{
    unsigned char *at = begin_frame(out, 4, FRAME_REQUEST);

    at = put_integer(write_room(out, at, HEAD_ROOM), msgid);
    at = write_text(out, at, str_of(method));
    write_end(out, coder_of(shape)->write_params(out, at, params, options));
}

void codec_write_response(struct buf *out, uint32_t msgid, const struct shape *shape,
                          const void *result)
{
    unsigned char *at = begin_frame(out, 4, FRAME_RESPONSE);

    at = put_nil(put_integer(write_room(out, at, 2 * HEAD_ROOM), msgid));
    write_end(out, coder_of(shape)->write_map(out, at, result));
}

void codec_write_error(struct buf *out, uint32_t msgid, enum rpc_error code, struct str message)
{
    unsigned char *at = begin_frame(out, 4, FRAME_RESPONSE);

    at = put_map(put_integer(write_room(out, at, 2 * HEAD_ROOM), msgid), 3);
    at = write_text(out, at, STR("code"));
    at = write_text(out, at, str_of(rpc_errors[code].code));
    at = write_text(out, at, STR("message"));
    at = write_text(out, at, message);
    at = write_text(out, at, STR("retryable"));
    at = put_boolean(write_room(out, at, 2 * HEAD_ROOM), rpc_errors[code].retryable);
    write_end(out, put_nil(at));
}

void codec_write_notification(struct buf *out, const char *method, const struct shape *shape,
                              const void *params)
{
    unsigned char *at = begin_frame(out, 3, FRAME_NOTIFICATION);

    at = write_text(out, at, str_of(method));
    write_end(out, coder_of(shape)->write_params(out, at, params, NULL));
}
