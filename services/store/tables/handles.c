#include "services/store/tables/handles.h"

#include <string.h>

#include "proto/record/record.h"

struct str handles_key(struct arena *arena, struct str handle, struct str id)
{
    char *key = arena_alloc(arena, handle.len + 1 + id.len);

    memcpy(key, handle.ptr, handle.len);
    if (id.len > 0)
        memcpy(key + handle.len + 1, id.ptr, id.len);
    return str_from(key, handle.len + 1 + id.len);
}

bool handles_have(const struct handles *handles, struct str handle)
{
    for (size_t i = 0; i < handles->count; i++) {
        if (str_eq(handles->items[i], handle))
            return true;
    }
    return false;
}

static void add_handle(struct handles *handles, struct str handle)
{
    if (handle.len == 0 || handles->count == HANDLES_MAX)
        return;
    for (size_t i = 0; i < handles->count; i++) {
        if (str_eq(handles->items[i], handle))
            return;
    }
    handles->items[handles->count++] = handle;
}

void handles_collect(const struct subscription *record, struct handles *ret)
{
    ret->count = 0;
    add_handle(ret, record->id);
    add_handle(ret, record->license_key);
    add_handle(ret, record->account_id);
    add_handle(ret, record->customer_identifier);
    add_handle(ret, handle_key(record->tenant));
    add_handle(ret, record->agreement_id);
    for (size_t i = 0; i < record->aliases.count; i++)
        add_handle(ret, record->aliases.items[i]);
}
