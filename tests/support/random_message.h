/* Random values for every shape of the table, so that a new message is tested by being declared.
 * Every run has the same. */
#ifndef TESTS_SUPPORT_RANDOM_MESSAGE_H
#define TESTS_SUPPORT_RANDOM_MESSAGE_H

#include "common/base/arena.h"
#include "proto/codec/codec.h"
#include "proto/message.h"

static unsigned random_message_state = 1;

static inline unsigned random_below(unsigned below)
{
    random_message_state = random_message_state * 1103515245u + 12345u;
    return (random_message_state >> 16) % below;
}

static inline struct str any_text(struct arena *arena, size_t limit)
{
    static const char *const samples[] = {"", "a", "seats", "\xc3\xa9\xe2\x9c\x93", "x y\"z\n"};
    struct str text = str_of(samples[random_below(5)]);

    return arena_str(arena, text.len <= limit ? text : STR_NONE);
}

static inline void random_message(const struct shape *shape, struct arena *arena, void *value,
                                  int depth);

static inline void random_list(const struct field *field, struct arena *arena, void *member,
                               int depth)
{
    struct {
        char *items;
        size_t count;
    } *list = member;

    list->count = depth > 0 ? random_below(3) : 0;
    list->items = arena_alloc_array(arena, list->count, field->child->size);
    for (size_t i = 0; i < list->count; i++)
        random_message(field->child, arena, list->items + i * field->child->size, depth - 1);
}

static inline void random_encoded(const struct field *field, struct arena *arena,
                                  struct str_list *list, int depth)
{
    list->count = depth > 0 ? random_below(3) : 0;
    list->items = arena_alloc_array(arena, list->count, sizeof(list->items[0]));
    for (size_t i = 0; i < list->count; i++) {
        struct buf bytes = BUF_INIT;
        void *item = arena_alloc(arena, field->child->size);
        random_message(field->child, arena, item, depth - 1);
        codec_encode(field->child, item, &bytes);
        list->items[i] = arena_str(arena, buf_str(&bytes));
        buf_done(&bytes);
    }
}

static inline struct value any_value(struct arena *arena)
{
    switch (random_below(5)) {
    case 0:
        return (struct value){.kind = VALUE_INTEGER, .integer = (int64_t)random_below(100) - 50};
    case 1:
        return (struct value){.kind = VALUE_DOUBLE, .number = random_below(100) / 7.0};
    case 2:
        return (struct value){.kind = VALUE_BOOLEAN, .boolean = random_below(2)};
    case 3:
        return (struct value){.kind = VALUE_STRING, .string = any_text(arena, 100)};
    default:
        return (struct value){.kind = VALUE_NONE};
    }
}

static inline void random_field(const struct field *field, struct arena *arena, void *member,
                                int depth)
{
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BIN:
        *(struct str *)member = any_text(arena, field->limit);
        break;
    case FIELD_BOOL:
        *(bool *)member = random_below(2);
        break;
    case FIELD_INT:
    case FIELD_TIME:
        *(int64_t *)member =
            random_below(2) ? INT64_MAX - random_below(10) : (int64_t)random_below(10) - 5;
        break;
    case FIELD_NUM:
        *(double *)member = random_below(10) / 4.0;
        break;
    case FIELD_VALUE:
        *(struct value *)member = any_value(arena);
        break;
    case FIELD_CHOICE:
        *(int *)member = 1 + (int)random_below((unsigned)field->enumeration->count - 1);
        break;
    case FIELD_STRS: {
        struct str_list *list = member;
        list->count = random_below(3);
        list->items = arena_alloc_array(arena, list->count, sizeof(list->items[0]));
        for (size_t i = 0; i < list->count; i++)
            list->items[i] = any_text(arena, 100);
        break;
    }
    case FIELD_ITEM:
        *(void **)member = arena_alloc(arena, field->child->size);
        random_message(field->child, arena, *(void **)member, depth - 1);
        break;
    case FIELD_LIST:
    case FIELD_ROWS:
        random_list(field, arena, member, depth);
        break;
    case FIELD_ENCODED:
        random_encoded(field, arena, member, depth);
        break;
    }
}

static inline void random_message(const struct shape *shape, struct arena *arena, void *value,
                                  int depth)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &shape->fields[i];
        /* Absent is as good a value as any, where the table allows it. */
        if (field->need != REQUIRED && field->kind != FIELD_INT && field->kind != FIELD_NUM &&
            random_below(3) == 0)
            continue;
        random_field(field, arena, (char *)value + field->offset, depth);
    }
}

#endif
