#include "proto/clients/c/call/inquiry.h"

#include <string.h>

#include "proto/clients/c/call/failure.h"
#include "proto/codec/codec.h"

/* The limits of check_params in messages.def. */
enum { HANDLE_MAX = 1200, NAME_MAX_BYTES = 255, TRACE_MAX = 64 };
enum { TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000 };
enum { SIZE_LIMIT = 1024 };

static int read_text(const char *name, const char *text, size_t limit, struct str *ret,
                     struct entitled_error *error)
{
    *ret = str_from(text, text ? strnlen(text, limit + 1) : 0);
    if (ret->len > limit)
        return failure_set(error, ENTITLED_BAD_REQUEST, "'%s' is longer than %zu bytes", name,
                           limit);
    if (!str_is_utf8(*ret))
        return failure_set(error, ENTITLED_BAD_REQUEST, "'%s' is not UTF-8 text", name);
    return ENTITLED_OK;
}

static int read_texts(const struct entitled_question *from, struct inquiry *ret,
                      struct entitled_error *error)
{
    struct check_params *params = &ret->params;
    int code = read_text("handle", from->handle, HANDLE_MAX, &params->handle, error);

    if (code == ENTITLED_OK)
        code = read_text("dimension", from->dimension, NAME_MAX_BYTES, &params->dimension, error);
    if (code == ENTITLED_OK)
        code = read_text("product", from->product, NAME_MAX_BYTES, &params->product, error);
    if (code == ENTITLED_OK)
        code = read_text("license", from->license, HANDLE_MAX, &params->license, error);
    if (code == ENTITLED_OK)
        code = read_text("trace", from->trace, TRACE_MAX, &ret->trace, error);
    return code;
}

/* Programs compiled with a later header have a larger struct. Members behind ours that are unset
 * mean what absent means; members that are set would narrow the question in a way that this version
 * does not know. */
static int check_size(const struct entitled_question *from, struct entitled_error *error)
{
    if (!from || from->size < sizeof(*from) || from->size > SIZE_LIMIT)
        return failure_set(error, ENTITLED_BAD_REQUEST,
                           "the question's size is not set; use ENTITLED_QUESTION_INIT");
    for (const char *byte = (const char *)from + sizeof(*from),
                    *end = (const char *)from + from->size;
         byte < end; byte++) {
        if (*byte)
            return failure_set(error, ENTITLED_BAD_REQUEST,
                               "the question has a member that this version of libentitled (%d.%d) "
                               "does not know",
                               ENTITLED_VERSION_MAJOR, ENTITLED_VERSION_MINOR);
    }
    return ENTITLED_OK;
}

int inquiry_read(const struct entitled_question *from, const struct entitled_options *options,
                 struct inquiry *ret, struct entitled_error *error)
{
    int code = check_size(from, error);

    if (code != ENTITLED_OK)
        return code;
    if (!from->handle || !from->dimension)
        return failure_set(error, ENTITLED_BAD_REQUEST, "a question needs handle and dimension");
    if (from->max_age_ms < 0 || from->timeout_ms < 0 || from->timeout_ms > TIMEOUT_MAX_MS)
        return failure_set(error, ENTITLED_BAD_REQUEST,
                           "max_age_ms and timeout_ms must not be negative, nor timeout_ms above a "
                           "day");
    *ret = (struct inquiry){.timeout_ms =
                                from->timeout_ms > 0 ? from->timeout_ms : options->timeout_ms};
    ret->params.quantity = from->quantity;
    ret->params.max_age_ms = from->max_age_ms;
    return read_texts(from, ret, error);
}

void inquiry_copy(const struct inquiry *from, struct arena *arena, struct inquiry *ret)
{
    *ret = *from;
    codec_copy(&shape_check_params, &from->params, arena, &ret->params);
    ret->trace = arena_str(arena, from->trace);
}
