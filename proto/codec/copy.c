/* Copies and comparisons of structs by their tables, with no bytes between. */
#include <string.h>

#include "proto/codec/codec.h"
#include "proto/field.h"

static struct str copy_text(struct str text, struct arena *arena)
{
    return text.len > 0 ? arena_str(arena, text) : STR_NONE;
}

static void copy_texts(struct str_list *list, struct arena *arena)
{
    struct str *items = arena_alloc_array(arena, list->count, sizeof(*items));

    for (size_t i = 0; i < list->count; i++)
        items[i] = copy_text(list->items[i], arena);
    list->items = items;
}

static void copy_list(struct any_list *list, const struct shape *shape, struct arena *arena)
{
    char *items = arena_alloc_array(arena, list->count, shape->size);

    for (size_t i = 0; i < list->count; i++)
        codec_copy(shape, list->items + i * shape->size, arena, items + i * shape->size);
    list->items = items;
}

static void copy_item(void **member, const struct shape *shape, struct arena *arena)
{
    void *copy;

    if (!*member)
        return;
    copy = arena_alloc(arena, shape->size);
    codec_copy(shape, *member, arena, copy);
    *member = copy;
}

/* The member still points to what the original's does. */
static void copy_member(const struct field *field, void *member, struct arena *arena)
{
    struct value *value = member;
    struct str *text = member;

    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        *text = copy_text(*text, arena);
        break;
    case FIELD_VALUE:
        if (value->kind == VALUE_STRING)
            value->string = copy_text(value->string, arena);
        break;
    case FIELD_STRS:
    case FIELD_ENCODED:
        copy_texts(member, arena);
        break;
    case FIELD_ITEM:
        copy_item(member, field->child, arena);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        copy_list(member, field->child, arena);
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_NUM:
    case FIELD_TIME:
    case FIELD_CHOICE:
        break;
    }
}

void codec_copy(const struct shape *shape, const void *value, struct arena *arena, void *ret_copy)
{
    if (shape->size > 0)
        memcpy(ret_copy, value, shape->size);
    for (size_t i = 0; i < shape->field_count; i++)
        copy_member(&shape->fields[i], (char *)ret_copy + shape->fields[i].offset, arena);
}

/* So that NaN equals itself. */
static uint64_t bits_of(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static bool equal_values(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NONE:
        return true;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_DOUBLE:
        return bits_of(a->number) == bits_of(b->number);
    case VALUE_BOOLEAN:
        return a->boolean == b->boolean;
    case VALUE_STRING:
        return str_eq(a->string, b->string);
    }
    return false;
}

static bool equal_texts(const struct str_list *a, const struct str_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static bool equal_lists(const struct any_list *a, const struct any_list *b,
                        const struct shape *shape)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!codec_equal(shape, a->items + i * shape->size, b->items + i * shape->size))
            return false;
    }
    return true;
}

static bool equal_items(const void *a, const void *b, const struct shape *shape)
{
    return a && b ? codec_equal(shape, a, b) : a == b;
}

static bool equal_members(const struct field *field, const void *a, const void *b)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        return str_eq(*(const struct str *)a, *(const struct str *)b);
    case FIELD_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case FIELD_INT:
    case FIELD_TIME:
        return *(const int64_t *)a == *(const int64_t *)b;
    case FIELD_NUM: /* bit by bit: what is not a number equals itself */
        return memcmp(a, b, sizeof(double)) == 0;
    case FIELD_VALUE:
        return equal_values(a, b);
    case FIELD_CHOICE:
        return *(const int *)a == *(const int *)b;
    case FIELD_STRS:
    case FIELD_ENCODED:
        return equal_texts(a, b);
    case FIELD_ITEM:
        return equal_items(*(void *const *)a, *(void *const *)b, field->child);
    case FIELD_LIST:
    case FIELD_ROWS:
        return equal_lists(a, b, field->child);
    }
    return false;
}

bool codec_equal(const struct shape *shape, const void *a, const void *b)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        if (!equal_members(field, (const char *)a + field->offset, (const char *)b + field->offset))
            return false;
    }
    return true;
}
