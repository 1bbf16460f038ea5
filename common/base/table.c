#include "common/base/table.h"

#include <string.h>

#include "common/base/hash.h"

enum { SLOTS_PER_ENTRY = 4 };

static const struct table_entry *look_through(const struct table *table, struct str text)
{
    for (size_t i = 0; i < table->count; i++) {
        if (str_eq(table->entries[i].text, text))
            return &table->entries[i];
    }
    return NULL;
}

/* The slot of the text, or the free one where it belongs. Where the entries are cannot be known
 * from outside, so nobody can choose texts that collide. */
static uint32_t *slot_of(const struct table *table, struct str text)
{
    uint64_t seed = (uintptr_t)table->entries;
    size_t at = hash_bytes((const unsigned char *)text.ptr, text.len, seed);

    for (;; at++) {
        uint32_t *slot = &table->slots[at & (table->slot_count - 1)];
        if (*slot == 0 || str_eq(table->entries[*slot - 1].text, text))
            return slot;
    }
}

static void hash_all(struct table *table)
{
    table->slot_count = table->room * SLOTS_PER_ENTRY;
    table->slots = arena_alloc_array(table->arena, table->slot_count, sizeof(table->slots[0]));
    for (size_t i = 0; i < table->count; i++)
        *slot_of(table, table->entries[i].text) = (uint32_t)i + 1;
}

/* The room is a power of two. */
static void widen(struct table *table)
{
    const struct table_entry *old = table->entries;

    table->room *= 2;
    table->entries = arena_alloc_array(table->arena, table->room, sizeof(table->entries[0]));
    memcpy(table->entries, old, table->count * sizeof(old[0]));
    hash_all(table);
}

bool table_add(struct table *table, struct str text, size_t number)
{
    if (table_find(table, text))
        return false;
    if (table->count == table->room)
        widen(table);
    table->entries[table->count++] = (struct table_entry){text, number};
    if (table->slots)
        *slot_of(table, text) = (uint32_t)table->count;
    return true;
}

const struct table_entry *table_find(const struct table *table, struct str text)
{
    if (!table->slots)
        return look_through(table, text);
    uint32_t place = *slot_of(table, text);
    return place > 0 ? &table->entries[place - 1] : NULL;
}
