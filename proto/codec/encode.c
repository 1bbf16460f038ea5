#include "proto/codec/internal.h"

#include "common/base/mem.h"

static int write_to_buf(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
    return 0;
}

void codec_packer_init(msgpack_packer *packer, struct buf *out)
{
    msgpack_packer_init(packer, out, write_to_buf);
}

void codec_pack_text(msgpack_packer *packer, struct str text)
{
    msgpack_pack_str(packer, text.len);
    msgpack_pack_str_body(packer, text.ptr, text.len);
}

static void pack_value(msgpack_packer *packer, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        msgpack_pack_nil(packer);
        break;
    case VALUE_INTEGER:
        msgpack_pack_int64(packer, value->integer);
        break;
    case VALUE_DOUBLE:
        msgpack_pack_double(packer, value->number);
        break;
    case VALUE_BOOLEAN:
        if (value->boolean)
            msgpack_pack_true(packer);
        else
            msgpack_pack_false(packer);
        break;
    case VALUE_STRING:
        codec_pack_text(packer, value->string);
        break;
    }
}

static bool is_present(const struct field *field, const void *value)
{
    const void *member = codec_member(field, value);

    if (field->need == REQUIRED)
        return true;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        return ((const struct str *)member)->len > 0;
    case FIELD_BOOL:
        return *(const bool *)member;
    case FIELD_INT:
        return *(const int64_t *)member != (int64_t)field->fallback;
    case FIELD_NUM:
        return *(const double *)member != field->fallback;
    case FIELD_TIME:
        return *(const int64_t *)member != 0;
    case FIELD_VALUE:
        return ((const struct value *)member)->kind != VALUE_NONE;
    case FIELD_CHOICE:
        return *(const int *)member != 0;
    case FIELD_STRS:
    case FIELD_LIST:
    case FIELD_ROWS:
        return ((const struct any_list *)member)->count > 0;
    case FIELD_ITEM:
        return *(void *const *)member != NULL;
    }
    return false;
}

static void pack_row(msgpack_packer *packer, const struct shape *shape, const void *value);

static void pack_list(msgpack_packer *packer, const struct field *field,
                      const struct any_list *list)
{
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const void *item = list->items + i * field->child->size;
        if (field->kind == FIELD_ROWS)
            pack_row(packer, field->child, item);
        else
            codec_pack_map(packer, field->child, item);
    }
}

static void pack_texts(msgpack_packer *packer, const struct str_list *list)
{
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++)
        codec_pack_text(packer, list->items[i]);
}

static void pack_bytes(msgpack_packer *packer, struct str bytes)
{
    msgpack_pack_bin(packer, bytes.len);
    msgpack_pack_bin_body(packer, bytes.ptr, bytes.len);
}

static void pack_item(msgpack_packer *packer, const struct field *field, const void *item)
{
    if (item)
        codec_pack_map(packer, field->child, item);
    else
        msgpack_pack_nil(packer);
}

static void pack_bool(msgpack_packer *packer, bool value)
{
    if (value)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
}

static void pack_field(msgpack_packer *packer, const struct field *field, const void *value)
{
    const void *member = codec_member(field, value);

    switch (field->kind) {
    case FIELD_TEXT:
        codec_pack_text(packer, *(const struct str *)member);
        break;
    case FIELD_BIN:
        pack_bytes(packer, *(const struct str *)member);
        break;
    case FIELD_BOOL:
        pack_bool(packer, *(const bool *)member);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        msgpack_pack_int64(packer, *(const int64_t *)member);
        break;
    case FIELD_NUM:
        msgpack_pack_double(packer, *(const double *)member);
        break;
    case FIELD_VALUE:
        pack_value(packer, member);
        break;
    case FIELD_CHOICE:
        codec_pack_text(packer, str_of(choice_text(field->enumeration, *(const int *)member)));
        break;
    case FIELD_STRS:
        pack_texts(packer, member);
        break;
    case FIELD_ITEM:
        pack_item(packer, field, *(void *const *)member);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        pack_list(packer, field, member);
        break;
    }
}

static void pack_pair(msgpack_packer *packer, const struct field *field, const void *value)
{
    codec_pack_text(packer, str_of(field->name));
    pack_field(packer, field, value);
}

void codec_pack_map(msgpack_packer *packer, const struct shape *shape, const void *value)
{
    size_t count = 0;

    for (size_t i = 0; i < shape->field_count; i++)
        count += is_present(&shape->fields[i], value);
    msgpack_pack_map(packer, count);
    for (size_t i = 0; i < shape->field_count; i++) {
        if (is_present(&shape->fields[i], value))
            pack_pair(packer, &shape->fields[i], value);
    }
}

/* How many positional fields must be written: up to the last one that is present. */
static size_t positional_count(const struct shape *shape, const void *value)
{
    size_t position = 0, count = 0;

    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].need == OPTION)
            continue;
        position++;
        if (is_present(&shape->fields[i], value))
            count = position;
    }
    return count;
}

static void pack_positional(msgpack_packer *packer, const struct shape *shape, const void *value,
                            size_t count)
{
    for (size_t i = 0; i < shape->field_count && count > 0; i++) {
        if (shape->fields[i].need == OPTION)
            continue;
        pack_field(packer, &shape->fields[i], value);
        count--;
    }
}

static void pack_row(msgpack_packer *packer, const struct shape *shape, const void *value)
{
    size_t count = positional_count(shape, value);

    msgpack_pack_array(packer, count);
    pack_positional(packer, shape, value, count);
}

void codec_pack_params(msgpack_packer *packer, const struct shape *shape, const void *value,
                       const struct call_options *options)
{
    bool timeout = options && options->timeout_ms > 0;
    bool trace = options && options->trace.len > 0;
    size_t count = positional_count(shape, value);
    size_t pairs = (size_t)timeout + (size_t)trace;

    for (size_t i = 0; i < shape->field_count; i++)
        pairs += shape->fields[i].need == OPTION && is_present(&shape->fields[i], value);

    msgpack_pack_array(packer, count + (pairs > 0));
    pack_positional(packer, shape, value, count);
    if (pairs == 0)
        return;
    msgpack_pack_map(packer, pairs);
    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].need == OPTION && is_present(&shape->fields[i], value))
            pack_pair(packer, &shape->fields[i], value);
    }
    if (timeout) {
        codec_pack_text(packer, STR("timeout_ms"));
        msgpack_pack_int64(packer, options->timeout_ms);
    }
    if (trace) {
        codec_pack_text(packer, STR("trace"));
        codec_pack_text(packer, options->trace);
    }
}

void codec_encode(const struct shape *shape, const void *value, struct buf *out)
{
    msgpack_packer packer;

    codec_packer_init(&packer, out);
    codec_pack_map(&packer, shape, value);
}

void codec_copy(const struct shape *shape, const void *value, struct arena *arena, void *ret_copy)
{
    struct buf bytes = BUF_INIT;

    codec_encode(shape, value, &bytes);
    struct str kept = arena_str(arena, buf_str(&bytes));
    buf_done(&bytes);
    /* What was encoded by the table decodes by the table, unless the value broke its own limits. */
    if (codec_decode(shape, kept, arena, ret_copy, NULL) < 0)
        memset(ret_copy, 0, shape->size);
}

bool codec_equal(const struct shape *shape, const void *a, const void *b)
{
    struct buf bytes_a = BUF_INIT, bytes_b = BUF_INIT;

    codec_encode(shape, a, &bytes_a);
    codec_encode(shape, b, &bytes_b);
    bool equal = str_eq(buf_str(&bytes_a), buf_str(&bytes_b));
    buf_done(&bytes_a);
    buf_done(&bytes_b);
    return equal;
}
