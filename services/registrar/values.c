#include "services/registrar/values.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

struct value_entry {
    struct value_entry *next;
    struct str name;
    struct str text;
    struct values *items, *last_item;
};

struct values {
    struct arena *arena;
    const struct values *owner;
    struct values *next;
    struct value_entry *entries;
};

struct values *values_new(struct arena *arena)
{
    struct values *values = arena_alloc(arena, sizeof(*values));

    values->arena = arena;
    return values;
}

static struct value_entry *find(const struct values *values, struct str name)
{
    for (struct value_entry *entry = values->entries; entry; entry = entry->next) {
        if (str_eq(entry->name, name))
            return entry;
    }
    return NULL;
}

static struct value_entry *find_or_add(struct values *values, const char *name)
{
    struct value_entry *entry = find(values, str_of(name));

    if (!entry) {
        entry = arena_alloc(values->arena, sizeof(*entry));
        entry->name = arena_str(values->arena, str_of(name));
        entry->next = values->entries;
        values->entries = entry;
    }
    return entry;
}

static const struct value_entry *find_outwards(const struct values *values, struct str name)
{
    for (; values; values = values->owner) {
        const struct value_entry *entry = find(values, name);
        if (entry)
            return entry;
    }
    return NULL;
}

void values_set(struct values *values, const char *name, struct str text)
{
    find_or_add(values, name)->text = arena_str(values->arena, text);
}

void values_set_text(struct values *values, const char *name, const char *text)
{
    values_set(values, name, str_of(text));
}

void values_printf(struct values *values, const char *name, const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();
    values_set(values, name, str_from(text, (size_t)len));
    mem_free(text);
}

struct values *values_add(struct values *values, const char *name)
{
    struct value_entry *entry = find_or_add(values, name);
    struct values *item = values_new(values->arena);

    item->owner = values;
    if (entry->last_item)
        entry->last_item->next = item;
    else
        entry->items = item;
    entry->last_item = item;
    return item;
}

struct str values_get(const struct values *values, struct str name)
{
    const struct value_entry *entry = find_outwards(values, name);

    return entry ? entry->text : STR_NONE;
}

const struct values *values_list(const struct values *values, struct str name)
{
    const struct value_entry *entry = find_outwards(values, name);

    return entry ? entry->items : NULL;
}

const struct values *values_next(const struct values *item)
{
    return item->next;
}
