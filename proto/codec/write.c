/* What the members of messages are written with, whatever shape they are of. */
#include "proto/codec/write.h"

/* Most texts are short, and memcpy() is a call. */
static unsigned char *put_bytes(unsigned char *at, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;

    if (len >= 8 && len <= 16) {
        memcpy(at, from, 8);
        memcpy(at + len - 8, from + len - 8, 8);
    } else if (len > 16 && len <= 32) {
        memcpy(at, from, 16);
        memcpy(at + len - 16, from + len - 16, 16);
    } else if (len > 0) {
        memcpy(at, from, len);
    }
    return at + len;
}

unsigned char *put_wide_integer(unsigned char *at, int64_t integer)
{
    pack_int64(&at, integer);
    return at;
}

unsigned char *put_text(unsigned char *at, struct str text)
{
    pack_str(&at, text.len);
    return put_bytes(at, text.ptr, text.len);
}

unsigned char *put_binary(unsigned char *at, struct str bytes)
{
    pack_bin(&at, bytes.len);
    return put_bytes(at, bytes.ptr, bytes.len);
}

unsigned char *put_value(unsigned char *at, const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        return put_integer(at, value->integer);
    case VALUE_DOUBLE:
        return put_number(at, value->number);
    case VALUE_BOOLEAN:
        return put_boolean(at, value->boolean);
    case VALUE_STRING:
        return put_text(at, value->string);
    case VALUE_NONE:
        break;
    }
    return put_nil(at);
}

unsigned char *write_texts(struct buf *out, unsigned char *at, const struct str_list *list)
{
    at = put_array(write_room(out, at, HEAD_ROOM), list->count);
    for (size_t i = 0; i < list->count; i++)
        at = put_text(write_room(out, at, HEAD_ROOM + list->items[i].len), list->items[i]);
    return at;
}

unsigned char *write_encoded(struct buf *out, unsigned char *at, const struct str_list *list)
{
    at = put_array(write_room(out, at, HEAD_ROOM), list->count);
    for (size_t i = 0; i < list->count; i++) {
        at = write_room(out, at, list->items[i].len);
        at = put_bytes(at, list->items[i].ptr, list->items[i].len);
    }
    return at;
}

unsigned char *write_items(struct buf *out, unsigned char *at, const void *items, size_t count,
                           size_t size, write_fn *write)
{
    at = put_array(write_room(out, at, HEAD_ROOM), count);
    for (size_t i = 0; i < count; i++)
        at = write(out, at, (const char *)items + i * size);
    return at;
}

unsigned char *write_item(struct buf *out, unsigned char *at, const void *item, write_fn *write)
{
    return item ? write(out, at, item) : put_nil(write_room(out, at, HEAD_ROOM));
}

size_t call_option_count(const struct call_options *options)
{
    return options ? (size_t)(options->timeout_ms > 0) + (options->trace.len > 0) : 0;
}

unsigned char *write_call_options(struct buf *out, unsigned char *at,
                                  const struct call_options *options)
{
    static const struct str timeout = STR_INIT("timeout_ms"), trace = STR_INIT("trace");

    if (options && options->timeout_ms > 0) {
        at = put_text(write_room(out, at, 2 * HEAD_ROOM + timeout.len), timeout);
        at = put_integer(at, options->timeout_ms);
    }
    if (options && options->trace.len > 0) {
        at = write_room(out, at, 2 * HEAD_ROOM + trace.len + options->trace.len);
        at = put_text(put_text(at, trace), options->trace);
    }
    return at;
}
