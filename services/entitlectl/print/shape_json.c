#include "services/entitlectl/print/shape_json.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "proto/field.h"

static struct json *value_to_json(const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        return json_new_integer(value->integer);
    case VALUE_DOUBLE:
        return json_new_number(value->number);
    case VALUE_BOOLEAN:
        return json_new_bool(value->boolean);
    case VALUE_STRING:
        return json_new_str(value->string);
    case VALUE_NONE:
        break;
    }
    return NULL;
}

static struct json *bytes_to_json(struct str bytes)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    if (str_is_empty(bytes))
        return NULL;
    crypto_base64(&text, bytes);
    return json_new_str(buf_str(&text));
}

static struct json *texts_to_json(const struct str_list *list)
{
    struct json *array = json_new_array();

    for (size_t i = 0; i < list->count; i++)
        json_add(array, json_new_str(list->items[i]));
    return array;
}

static struct json *items_to_json(const struct shape *child, const struct any_list *list)
{
    struct json *array = json_new_array();

    for (size_t i = 0; i < list->count; i++)
        json_add(array, shape_to_json(child, list->items + i * child->size));
    return array;
}

static struct json *word_to_json(const struct field *field, const void *at)
{
    int choice;

    memcpy(&choice, at, sizeof(choice));
    return choice ? json_new_str(str_of(choice_text(field->enumeration, choice))) : NULL;
}

/* NULL: absent. */
static struct json *field_to_json(const struct field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_TEXT: {
        struct str text = *(const struct str *)at;
        return str_is_empty(text) ? NULL : json_new_str(text);
    }
    case FIELD_BIN:
        return bytes_to_json(*(const struct str *)at);
    case FIELD_BOOL:
        return json_new_bool(*(const bool *)at);
    case FIELD_INT:
        return json_new_integer(*(const int64_t *)at);
    case FIELD_NUM:
        return json_new_number(*(const double *)at);
    case FIELD_TIME:
        return *(const int64_t *)at ? json_new_integer(*(const int64_t *)at) : NULL;
    case FIELD_VALUE:
        return value_to_json(at);
    case FIELD_CHOICE:
        return word_to_json(field, at);
    case FIELD_STRS:
        return texts_to_json(at);
    case FIELD_ITEM: {
        const void *item;
        memcpy(&item, at, sizeof(item));
        return item ? shape_to_json(field->child, item) : NULL;
    }
    case FIELD_LIST:
    case FIELD_ROWS:
        return items_to_json(field->child, at);
    case FIELD_ENCODED: /* of snapshots, which nothing here prints */
        return NULL;
    }
    return NULL;
}

struct json *shape_to_json(const struct shape *shape, const void *value)
{
    struct json *object = json_new_object();

    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        struct json *member = field_to_json(field, (const char *)value + field->offset);
        if (member)
            json_set(object, field->name, member);
    }
    return object;
}
