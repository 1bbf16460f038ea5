#include "common/base/numbering.h"

#include <string.h>

#include "common/base/hash.h"

enum { SLOTS_PER_ENTRY = 4 };

static const struct numbering_entry *look_through(const struct numbering *numbering,
                                                  struct str text)
{
    for (size_t i = 0; i < numbering->count; i++) {
        if (str_eq(numbering->entries[i].text, text))
            return &numbering->entries[i];
    }
    return NULL;
}

/* The slot of the text, or the free one where it belongs. Where the entries are cannot be known
 * from outside, so nobody can choose texts that collide. */
static uint32_t *slot_of(const struct numbering *numbering, struct str text)
{
    uint64_t seed = (uintptr_t)numbering->entries;
    size_t at = hash_bytes((const unsigned char *)text.ptr, text.len, seed);

    for (;; at++) {
        uint32_t *slot = &numbering->slots[at & (numbering->slot_count - 1)];
        if (*slot == 0 || str_eq(numbering->entries[*slot - 1].text, text))
            return slot;
    }
}

static void hash_all(struct numbering *numbering)
{
    numbering->slot_count = numbering->room * SLOTS_PER_ENTRY;
    numbering->slots =
        arena_alloc_array(numbering->arena, numbering->slot_count, sizeof(numbering->slots[0]));
    for (size_t i = 0; i < numbering->count; i++)
        *slot_of(numbering, numbering->entries[i].text) = (uint32_t)i + 1;
}

/* The room is a power of two. */
static void widen(struct numbering *numbering)
{
    const struct numbering_entry *old = numbering->entries;

    numbering->room *= 2;
    numbering->entries =
        arena_alloc_array(numbering->arena, numbering->room, sizeof(numbering->entries[0]));
    memcpy(numbering->entries, old, numbering->count * sizeof(old[0]));
    hash_all(numbering);
}

bool numbering_add(struct numbering *numbering, struct str text, size_t number)
{
    if (numbering_find(numbering, text))
        return false;
    if (numbering->count == numbering->room)
        widen(numbering);
    numbering->entries[numbering->count++] = (struct numbering_entry){text, number};
    if (numbering->slots)
        *slot_of(numbering, text) = (uint32_t)numbering->count;
    return true;
}

const struct numbering_entry *numbering_find(const struct numbering *numbering, struct str text)
{
    if (!numbering->slots)
        return look_through(numbering, text);
    uint32_t place = *slot_of(numbering, text);
    return place > 0 ? &numbering->entries[place - 1] : NULL;
}
