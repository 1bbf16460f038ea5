#include "proto/codec/internal.h"

static int read_field(const struct reader *reader, const struct field *field,
                      const msgpack_object *object, void *value);

static int wrong_type(const struct reader *reader, const struct field *field, const char *wanted)
{
    return error_set(reader->error, "'%s' must be %s", field->name, wanted);
}

static int read_integer(const msgpack_object *object, int64_t *ret_value)
{
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        *ret_value = object->via.i64;
        return 0;
    }
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX) {
        *ret_value = (int64_t)object->via.u64;
        return 0;
    }
    return -1;
}

static int read_number(const msgpack_object *object, double *ret_value)
{
    switch (object->type) {
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *ret_value = object->via.f64;
        return 0;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *ret_value = (double)object->via.u64;
        return 0;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *ret_value = (double)object->via.i64;
        return 0;
    default:
        return -1;
    }
}

static int read_text(const struct reader *reader, const struct field *field,
                     const msgpack_object *object, size_t limit, struct str *ret_text)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return wrong_type(reader, field, "a text");

    struct str text = codec_object_str(object);
    if (text.len > limit)
        return error_set(reader->error, "'%s' is longer than %zu bytes", field->name, limit);
    if (!str_is_utf8(text))
        return error_set(reader->error, "'%s' is not UTF-8 text", field->name);
    *ret_text = text;
    return 0;
}

static int read_bytes(const struct reader *reader, const struct field *field,
                      const msgpack_object *object, struct str *ret_bytes)
{
    if (object->type == MSGPACK_OBJECT_BIN)
        *ret_bytes = str_from(object->via.bin.ptr, object->via.bin.size);
    else if (object->type == MSGPACK_OBJECT_STR)
        *ret_bytes = codec_object_str(object);
    else
        return wrong_type(reader, field, "bytes");
    if (ret_bytes->len > field->limit)
        return error_set(reader->error, "'%s' is longer than %zu bytes", field->name, field->limit);
    return 0;
}

static int read_value(const struct reader *reader, const struct field *field,
                      const msgpack_object *object, struct value *ret_value)
{
    enum { STRING_LIMIT = 4096 };

    switch (object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        *ret_value = (struct value){.kind = VALUE_BOOLEAN, .boolean = object->via.boolean};
        return 0;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *ret_value = (struct value){.kind = VALUE_DOUBLE, .number = object->via.f64};
        return 0;
    case MSGPACK_OBJECT_STR:
        ret_value->kind = VALUE_STRING;
        return read_text(reader, field, object, STRING_LIMIT, &ret_value->string);
    default:
        ret_value->kind = VALUE_INTEGER;
        if (read_integer(object, &ret_value->integer) < 0)
            return wrong_type(reader, field, "an integer, a double, a boolean or a text");
        return 0;
    }
}

static int read_choice(const struct reader *reader, const struct field *field,
                       const msgpack_object *object, void *member)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return wrong_type(reader, field, "a word");

    int choice = choice_of(field->enumeration, codec_object_str(object));
    if (choice == 0 && reader->strict && field->need == REQUIRED)
        return error_set(reader->error, "'%s' must be one of the words of %s", field->name,
                         field->enumeration->name);
    *(int *)member = choice;
    return 0;
}

static int check_count(const struct reader *reader, const struct field *field,
                       const msgpack_object *object)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(reader, field, "an array");
    if (object->via.array.size > field->limit)
        return error_set(reader->error, "'%s' has more than %zu items", field->name, field->limit);
    return 0;
}

static int read_texts(const struct reader *reader, const struct field *field,
                      const msgpack_object *object, struct str_list *ret_list)
{
    enum { ITEM_LIMIT = 1200 };

    if (check_count(reader, field, object) < 0)
        return -1;
    ret_list->items =
        arena_alloc_array(reader->arena, object->via.array.size, sizeof(ret_list->items[0]));
    ret_list->count = object->via.array.size;
    for (size_t i = 0; i < ret_list->count; i++) {
        if (read_text(reader, field, &object->via.array.ptr[i], ITEM_LIMIT, &ret_list->items[i]) <
            0)
            return -1;
    }
    return 0;
}

static int read_row(const struct reader *reader, const struct field *field,
                    const msgpack_object *object, void *item)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(reader, field, "an array of arrays");
    return codec_read_array(reader, object->via.array.ptr, object->via.array.size, NULL,
                            field->child, item);
}

static int read_list(const struct reader *reader, const struct field *field,
                     const msgpack_object *object, struct any_list *ret_list)
{
    if (check_count(reader, field, object) < 0)
        return -1;

    size_t size = field->child->size;
    ret_list->items = arena_alloc_array(reader->arena, object->via.array.size, size);
    ret_list->count = object->via.array.size;
    for (size_t i = 0; i < ret_list->count; i++) {
        const msgpack_object *item = &object->via.array.ptr[i];
        void *value = ret_list->items + i * size;
        int result = field->kind == FIELD_ROWS ? read_row(reader, field, item, value)
                                               : codec_read_map(reader, item, field->child, value);
        if (result < 0)
            return error_prefix(reader->error, "%s[%zu]", field->name, i);
    }
    return 0;
}

static int read_item(const struct reader *reader, const struct field *field,
                     const msgpack_object *object, void *member)
{
    void *item = arena_alloc(reader->arena, field->child->size);

    if (codec_read_map(reader, object, field->child, item) < 0)
        return error_prefix(reader->error, "%s", field->name);
    *(void **)member = item;
    return 0;
}

static int read_field(const struct reader *reader, const struct field *field,
                      const msgpack_object *object, void *value)
{
    void *member = (char *)value + field->offset;

    switch (field->kind) {
    case FIELD_TEXT:
        return read_text(reader, field, object, field->limit, member);
    case FIELD_BIN:
        return read_bytes(reader, field, object, member);
    case FIELD_BOOL:
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
            return wrong_type(reader, field, "true or false");
        *(bool *)member = object->via.boolean;
        return 0;
    case FIELD_INT:
    case FIELD_TIME:
        return read_integer(object, member) < 0 ? wrong_type(reader, field, "an integer") : 0;
    case FIELD_NUM:
        return read_number(object, member) < 0 ? wrong_type(reader, field, "a number") : 0;
    case FIELD_VALUE:
        return read_value(reader, field, object, member);
    case FIELD_CHOICE:
        return read_choice(reader, field, object, member);
    case FIELD_STRS:
        return read_texts(reader, field, object, member);
    case FIELD_ITEM:
        return read_item(reader, field, object, member);
    case FIELD_LIST:
    case FIELD_ROWS:
        return read_list(reader, field, object, member);
    }
    return 0;
}

/* object NULL or nil: absent. */
static int read_or_default(const struct reader *reader, const struct field *field,
                           const msgpack_object *object, void *value)
{
    void *member = (char *)value + field->offset;

    if (object && object->type != MSGPACK_OBJECT_NIL)
        return read_field(reader, field, object, value);
    if (field->need == REQUIRED)
        return error_set(reader->error, "'%s' is missing", field->name);
    if (field->kind == FIELD_INT)
        *(int64_t *)member = (int64_t)field->fallback;
    else if (field->kind == FIELD_NUM)
        *(double *)member = field->fallback;
    return 0;
}

int codec_read_map(const struct reader *reader, const msgpack_object *object,
                   const struct shape *shape, void *value)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return error_set(reader->error, "a map was expected");
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        if (read_or_default(reader, field, codec_map_get(object, field->name), value) < 0)
            return -1;
    }
    return 0;
}

int codec_read_array(const struct reader *reader, const msgpack_object *items, uint32_t count,
                     const msgpack_object *options, const struct shape *shape, void *value)
{
    uint32_t position = 0;

    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        const msgpack_object *object = NULL;

        if (field->need == OPTION)
            object = options ? codec_map_get(options, field->name) : NULL;
        else if (position < count)
            object = &items[position++];
        if (read_or_default(reader, field, object, value) < 0)
            return -1;
    }
    return 0;
}

int codec_decode(const struct shape *shape, struct str bytes, struct arena *arena, void *ret_value,
                 struct error *error)
{
    const struct reader reader = {.arena = arena, .error = error};
    const msgpack_object *object;

    memset(ret_value, 0, shape->size);
    if (codec_unpack(bytes, arena, &object, error) < 0)
        return -1;
    return codec_read_map(&reader, object, shape, ret_value);
}
