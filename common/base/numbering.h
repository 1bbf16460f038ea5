/* Numbers under texts, for one piece of work: in an arena, which takes it away again.
 *
 * A few are looked through, for that is faster; from then on they are hashed, so that any number of
 * them takes work in proportion. The texts are borrowed.
 */
#ifndef COMMON_BASE_NUMBERING_H
#define COMMON_BASE_NUMBERING_H

#include <stdint.h>

#include "common/base/arena.h"

struct numbering_entry {
    struct str text;
    size_t number;
};

enum { NUMBERING_FEW = 8 };

/* It must stay where it is. */
struct numbering {
    struct arena *arena;
    struct numbering_entry *entries; /* in the order in which they came */
    size_t count, room;
    uint32_t *slots; /* places of entries, from 1; NULL: they are few */
    size_t slot_count;
    struct numbering_entry few[NUMBERING_FEW];
};

static inline void numbering_init(struct numbering *numbering, struct arena *arena)
{
    numbering->arena = arena;
    numbering->entries = numbering->few;
    numbering->count = 0;
    numbering->room = NUMBERING_FEW;
    numbering->slots = NULL;
}

/* False: the text has a number already, which stays. */
bool numbering_add(struct numbering *numbering, struct str text, size_t number);
const struct numbering_entry *numbering_find(const struct numbering *numbering,
                                             struct str text); /* or NULL */

#endif
