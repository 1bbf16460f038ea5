#include "services/store/tables/ids.h"

#include <string.h>

bool ids_has(const struct ids *ids, struct str id)
{
    return ids->list.count > 0 && numbering_find(&ids->known, id);
}

void ids_add(struct ids *ids, struct str id)
{
    if (ids_has(ids, id))
        return;
    if (ids->list.count == 0)
        numbering_init(&ids->known, ids->arena);
    if (ids->list.count == ids->capacity) {
        ids->capacity = ids->capacity ? 2 * ids->capacity : 8;
        struct str *items = arena_alloc_array(ids->arena, ids->capacity, sizeof(*items));
        if (ids->list.count > 0)
            memcpy(items, ids->list.items, ids->list.count * sizeof(*items));
        ids->list.items = items;
    }
    struct str copy = arena_str(ids->arena, id);
    numbering_add(&ids->known, copy, ids->list.count);
    ids->list.items[ids->list.count++] = copy;
}
