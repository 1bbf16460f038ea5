/* The records that a look-up has found, each once: one may be replaced while the others under its
 * handle are found, and is met twice then. */
#ifndef PROTO_REPLICA_FOUND_H
#define PROTO_REPLICA_FOUND_H

#include <string.h>

#include "common/base/numbering.h"
#include "proto/replica/text.h"

struct found {
    struct arena *arena;
    const struct subscription **items;
    size_t count, room;
    struct numbering ids; /* once there are more than a few */
};

static inline void found_init(struct found *found, struct arena *arena)
{
    found->arena = arena;
    found->items = NULL;
    found->count = found->room = 0;
}

static inline bool found_has(struct found *found, struct str id)
{
    if (found->count > NUMBERING_FEW)
        return !numbering_add(&found->ids, id, 0);
    for (size_t i = 0; i < found->count; i++) {
        if (texts_are_equal(found->items[i]->id, id))
            return true;
    }
    if (found->count == NUMBERING_FEW) {
        numbering_init(&found->ids, found->arena);
        for (size_t i = 0; i < found->count; i++)
            numbering_add(&found->ids, found->items[i]->id, 0);
        numbering_add(&found->ids, id, 0);
    }
    return false;
}

static inline void found_add(struct found *found, const struct subscription *record)
{
    if (found_has(found, record->id))
        return;
    if (found->count == found->room) {
        size_t room = found->room > 0 ? found->room * 2 : 4;
        const struct subscription **wider = arena_alloc_array(found->arena, room, sizeof(wider[0]));
        if (found->count > 0)
            memcpy(wider, found->items, found->count * sizeof(wider[0]));
        found->items = wider;
        found->room = room;
    }
    found->items[found->count++] = record;
}

#endif
