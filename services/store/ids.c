#include "services/store/ids.h"

#include <string.h>

bool ids_has(const struct ids *ids, struct str id)
{
    for (size_t i = 0; i < ids->list.count; i++) {
        if (str_eq(ids->list.items[i], id))
            return true;
    }
    return false;
}

void ids_add(struct ids *ids, struct str id)
{
    if (ids_has(ids, id))
        return;
    if (ids->list.count == ids->capacity) {
        ids->capacity = ids->capacity ? 2 * ids->capacity : 8;
        struct str *items = arena_alloc_array(ids->arena, ids->capacity, sizeof(*items));
        if (ids->list.count > 0)
            memcpy(items, ids->list.items, ids->list.count * sizeof(*items));
        ids->list.items = items;
    }
    ids->list.items[ids->list.count++] = arena_str(ids->arena, id);
}
