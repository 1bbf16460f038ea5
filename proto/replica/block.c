#include "proto/replica/block.h"

#include <string.h>

#include "common/base/mem.h"

/* Where the next part goes. Without memory the parts are only measured. */
struct room {
    char *memory;
    size_t used;
};

/* Every list of messages.def has this layout. */
struct any_list {
    void *items;
    size_t count;
};

static void *reserve(struct room *room, size_t size, size_t align)
{
    size_t at = (room->used + align - 1) / align * align;

    room->used = at + size;
    return room->memory ? room->memory + at : NULL;
}

static void copy_text(struct room *room, const struct str *from, struct str *to)
{
    char *place = reserve(room, from->len, 1);

    if (!to || !place)
        return;
    if (from->len > 0)
        memcpy(place, from->ptr, from->len);
    to->ptr = place;
}

static void copy_texts(struct room *room, const struct str_list *from, struct str_list *to)
{
    struct str *place = reserve(room, from->count * sizeof(*place), _Alignof(struct str));

    if (to && place) {
        to->items = place;
        if (from->count > 0)
            memcpy(place, from->items, from->count * sizeof(*place));
    }
    for (size_t i = 0; i < from->count; i++)
        copy_text(room, &from->items[i], place ? &place[i] : NULL);
}

static void copy_parts(struct room *room, const struct shape *shape, const void *from, void *to);

/* Places an array of structs, then what they point to. */
static void *copy_structs(struct room *room, const struct shape *shape, const void *from,
                          size_t count)
{
    char *place = reserve(room, count * shape->size, _Alignof(max_align_t));

    if (place && count > 0)
        memcpy(place, from, count * shape->size);
    for (size_t i = 0; i < count; i++) {
        size_t at = i * shape->size;
        copy_parts(room, shape, (const char *)from + at, place ? place + at : NULL);
    }
    return place;
}

static void copy_list(struct room *room, const struct shape *child, const struct any_list *from,
                      struct any_list *to)
{
    void *place = copy_structs(room, child, from->items, from->count);

    if (to)
        to->items = place;
}

static void copy_item(struct room *room, const struct shape *child, void *const *from, void **to)
{
    void *place = *from ? copy_structs(room, child, *from, 1) : NULL;

    if (to)
        *to = place;
}

static void copy_value(struct room *room, const struct value *from, struct value *to)
{
    if (from->kind == VALUE_STRING)
        copy_text(room, &from->string, to ? &to->string : NULL);
}

/* `to` is a flat copy of `from`, whose pointers are replaced; NULL while measuring. */
static void copy_field(struct room *room, const struct field *field, const void *from, void *to)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        copy_text(room, from, to);
        break;
    case FIELD_VALUE:
        copy_value(room, from, to);
        break;
    case FIELD_STRS:
        copy_texts(room, from, to);
        break;
    case FIELD_ITEM:
        copy_item(room, field->child, from, to);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        copy_list(room, field->child, from, to);
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_NUM:
    case FIELD_TIME:
    case FIELD_CHOICE:
        break;
    }
}

static void copy_parts(struct room *room, const struct shape *shape, const void *from, void *to)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        copy_field(room, field, (const char *)from + field->offset,
                   to ? (char *)to + field->offset : NULL);
    }
}

struct block *block_new(const struct shape *shape, const void *value)
{
    struct room room = {NULL, 0};

    copy_structs(&room, shape, value, 1);
    struct block *block = mem_alloc(sizeof(*block) + room.used);
    room = (struct room){block->value, 0};
    copy_structs(&room, shape, value, 1);
    return block;
}
