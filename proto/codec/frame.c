/* Frames: requests, responses and notifications as MessagePack-RPC has them. */
#include "proto/codec/internal.h"
#include "proto/codec/pack.h"

#include <string.h>

static int bad_frame(struct error *error)
{
    return error_set(error, "not a MessagePack-RPC message");
}

static bool read_msgid(struct input *input, uint32_t *ret_msgid)
{
    struct token token;

    if (!token_next(input, &token) || token.kind != TOKEN_INTEGER || token.integer < 0 ||
        token.integer > UINT32_MAX)
        return false;
    *ret_msgid = (uint32_t)token.integer;
    return true;
}

/* Method and parameters, which a request and a notification end with. */
static bool read_call(struct input *input, struct frame *frame)
{
    struct token method, params;

    if (!token_next(input, &method) || method.kind != TOKEN_TEXT)
        return false;
    frame->method = method.bytes;
    frame->body = str_from(input->at, (size_t)(input->end - input->at));
    return token_next(input, &params) && params.kind == TOKEN_ARRAY;
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
    struct token array, type;

    *ret_frame = (struct frame){0};
    if (!token_is_one_object(bytes))
        return error_set(error, "not one whole MessagePack object");
    input.end += bytes.len;
    if (!token_next(&input, &array) || array.kind != TOKEN_ARRAY || array.count < 3 ||
        !token_next(&input, &type) || type.kind != TOKEN_INTEGER || type.integer < 0 ||
        type.integer > FRAME_NOTIFICATION)
        return bad_frame(error);
    ret_frame->type = (enum frame_type)type.integer;
    return read_frame(&input, array.count, ret_frame) ? 0 : bad_frame(error);
}

static struct reader reader_of(const struct frame *frame, struct arena *arena, struct error *error)
{
    const unsigned char *begin = (const unsigned char *)frame->body.ptr;

    return (struct reader){
        .input = {begin, begin + frame->body.len}, .arena = arena, .error = error};
}

int codec_read_params(struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    struct reader reader = reader_of(frame, arena, error);

    reader.strict = true;
    memset(ret_value, 0, shape->size);
    return codec_read_params_array(&reader, shape, ret_value, &frame->options);
}

int codec_read_result(const struct frame *frame, const struct shape *shape, struct arena *arena,
                      void *ret_value, struct error *error)
{
    struct reader reader = reader_of(frame, arena, error);

    memset(ret_value, 0, shape->size);
    return codec_read_map(&reader, shape, ret_value);
}

void codec_write_request(struct buf *out, uint32_t msgid, const char *method,
                         const struct shape *shape, const void *params,
                         const struct call_options *options)
{
    pack_array(out, 4);
    pack_int(out, FRAME_REQUEST);
    pack_uint32(out, msgid);
    codec_pack_text(out, str_of(method));
    codec_pack_params(out, shape, params, options);
}

void codec_write_response(struct buf *out, uint32_t msgid, const struct shape *shape,
                          const void *result)
{
    pack_array(out, 4);
    pack_int(out, FRAME_RESPONSE);
    pack_uint32(out, msgid);
    pack_nil(out);
    codec_pack_map(out, shape, result);
}

void codec_write_error(struct buf *out, uint32_t msgid, enum rpc_error code, struct str message)
{
    pack_array(out, 4);
    pack_int(out, FRAME_RESPONSE);
    pack_uint32(out, msgid);
    pack_map(out, 3);
    codec_pack_text(out, STR("code"));
    codec_pack_text(out, str_of(rpc_errors[code].code));
    codec_pack_text(out, STR("message"));
    codec_pack_text(out, message);
    codec_pack_text(out, STR("retryable"));
    if (rpc_errors[code].retryable)
        pack_true(out);
    else
        pack_false(out);
    pack_nil(out);
}

void codec_write_notification(struct buf *out, const char *method, const struct shape *shape,
                              const void *params)
{
    pack_array(out, 3);
    pack_int(out, FRAME_NOTIFICATION);
    codec_pack_text(out, str_of(method));
    codec_pack_params(out, shape, params, NULL);
}
