/* Messages to bytes, by the tables of messages.def. */
#include "proto/codec/internal.h"
#include "proto/codec/pack.h"

static void pack_value(struct buf *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        pack_nil(out);
        break;
    case VALUE_INTEGER:
        pack_int64(out, value->integer);
        break;
    case VALUE_DOUBLE:
        pack_double(out, value->number);
        break;
    case VALUE_BOOLEAN:
        if (value->boolean)
            pack_true(out);
        else
            pack_false(out);
        break;
    case VALUE_STRING:
        codec_pack_text(out, value->string);
        break;
    }
}

static bool is_present(const struct field *field, const void *value)
{
    const void *member = codec_member(field, value);

    if (field->need == REQUIRED)
        return true;
    switch (field->kind) {
    case FIELD_INT:
        return *(const int64_t *)member != (int64_t)field->fallback;
    case FIELD_NUM:
        return *(const double *)member != field->fallback;
    default:
        return field_is_set(field, member);
    }
}

static void pack_row(struct buf *out, const struct shape *shape, const void *value);

static void pack_list(struct buf *out, const struct field *field, const struct any_list *list)
{
    pack_array(out, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const void *item = list->items + i * field->child->size;
        if (field->kind == FIELD_ROWS)
            pack_row(out, field->child, item);
        else
            codec_pack_map(out, field->child, item);
    }
}

static void pack_texts(struct buf *out, const struct str_list *list)
{
    pack_array(out, list->count);
    for (size_t i = 0; i < list->count; i++)
        codec_pack_text(out, list->items[i]);
}

static void pack_encoded(struct buf *out, const struct str_list *list)
{
    pack_array(out, list->count);
    for (size_t i = 0; i < list->count; i++)
        pack_put(out, list->items[i].ptr, list->items[i].len);
}

static void pack_bytes(struct buf *out, struct str bytes)
{
    pack_bin(out, bytes.len);
    pack_bin_body(out, bytes.ptr, bytes.len);
}

static void pack_item(struct buf *out, const struct field *field, const void *item)
{
    if (item)
        codec_pack_map(out, field->child, item);
    else
        pack_nil(out);
}

static void pack_bool(struct buf *out, bool value)
{
    if (value)
        pack_true(out);
    else
        pack_false(out);
}

static void pack_field(struct buf *out, const struct field *field, const void *value)
{
    const void *member = codec_member(field, value);

    switch (field->kind) {
    case FIELD_TEXT:
        codec_pack_text(out, *(const struct str *)member);
        break;
    case FIELD_BIN:
        pack_bytes(out, *(const struct str *)member);
        break;
    case FIELD_BOOL:
        pack_bool(out, *(const bool *)member);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        pack_int64(out, *(const int64_t *)member);
        break;
    case FIELD_NUM:
        pack_double(out, *(const double *)member);
        break;
    case FIELD_VALUE:
        pack_value(out, member);
        break;
    case FIELD_CHOICE:
        codec_pack_text(out, str_of(choice_text(field->enumeration, *(const int *)member)));
        break;
    case FIELD_STRS:
        pack_texts(out, member);
        break;
    case FIELD_ITEM:
        pack_item(out, field, *(void *const *)member);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        pack_list(out, field, member);
        break;
    case FIELD_ENCODED:
        pack_encoded(out, member);
        break;
    }
}

static void pack_pair(struct buf *out, const struct field *field, const void *value)
{
    codec_pack_text(out, str_from(field->name, field->name_len));
    pack_field(out, field, value);
}

void codec_pack_map(struct buf *out, const struct shape *shape, const void *value)
{
    size_t count = 0;

    for (size_t i = 0; i < shape->field_count; i++)
        count += is_present(&shape->fields[i], value);
    pack_map(out, count);
    for (size_t i = 0; i < shape->field_count; i++) {
        if (is_present(&shape->fields[i], value))
            pack_pair(out, &shape->fields[i], value);
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

static void pack_positional(struct buf *out, const struct shape *shape, const void *value,
                            size_t count)
{
    for (size_t i = 0; i < shape->field_count && count > 0; i++) {
        if (shape->fields[i].need == OPTION)
            continue;
        pack_field(out, &shape->fields[i], value);
        count--;
    }
}

static void pack_row(struct buf *out, const struct shape *shape, const void *value)
{
    size_t count = positional_count(shape, value);

    pack_array(out, count);
    pack_positional(out, shape, value, count);
}

void codec_pack_params(struct buf *out, const struct shape *shape, const void *value,
                       const struct call_options *options)
{
    bool timeout = options && options->timeout_ms > 0;
    bool trace = options && options->trace.len > 0;
    size_t count = positional_count(shape, value);
    size_t pairs = (size_t)timeout + (size_t)trace;

    for (size_t i = 0; i < shape->field_count; i++)
        pairs += shape->fields[i].need == OPTION && is_present(&shape->fields[i], value);

    pack_array(out, count + (pairs > 0));
    pack_positional(out, shape, value, count);
    if (pairs == 0)
        return;
    pack_map(out, pairs);
    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].need == OPTION && is_present(&shape->fields[i], value))
            pack_pair(out, &shape->fields[i], value);
    }
    if (timeout) {
        codec_pack_text(out, STR("timeout_ms"));
        pack_int64(out, options->timeout_ms);
    }
    if (trace) {
        codec_pack_text(out, STR("trace"));
        codec_pack_text(out, options->trace);
    }
}

void codec_encode(const struct shape *shape, const void *value, struct buf *out)
{
    codec_pack_map(out, shape, value);
}
