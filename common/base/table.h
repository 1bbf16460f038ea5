/* Numbers under texts, for one piece of work: in an arena, which takes it away again.
 *
 * A few are looked through, for that is faster; from then on they are hashed, so that any number of
 * them takes work in proportion. The texts are borrowed.
 */
#ifndef COMMON_BASE_TABLE_H
#define COMMON_BASE_TABLE_H

#include <stdint.h>

#include "common/base/arena.h"

struct table_entry {
    struct str text;
    size_t number;
};

enum { TABLE_FEW = 8 };

/* It must stay where it is. */
struct table {
    struct arena *arena;
    struct table_entry *entries; /* in the order in which they came */
    size_t count, room;
    uint32_t *slots; /* places of entries, from 1; NULL: they are few */
    size_t slot_count;
    struct table_entry few[TABLE_FEW];
};

static inline void table_init(struct table *table, struct arena *arena)
{
    table->arena = arena;
    table->entries = table->few;
    table->count = 0;
    table->room = TABLE_FEW;
    table->slots = NULL;
}

/* False: the text has a number already, which stays. */
bool table_add(struct table *table, struct str text, size_t number);
const struct table_entry *table_find(const struct table *table, struct str text); /* or NULL */

#endif
