/* The short way to an answer: nearly every question is about a customer whose subscriptions have
 * nothing unusual, and no operator's word on them. Everything else is found the long way. */
#include "proto/replica/find.h"

#include "proto/replica/found.h"

/* As record_has_handle() says: another spelling names the licence only. */
static bool has_handle(const unsigned char *packed, const struct handle *handle)
{
    const unsigned char *at = packed_id(packed);
    unsigned flags = packed_head(packed)->flags;
    unsigned counting = handle->is_spelling ? PACKED_LICENSE : flags;

    if (handle_matches(handle, at) && !handle->is_spelling)
        return true;
    at = text_end(at);
    for (unsigned flag = PACKED_TENANT; flag < PACKED_ALIASES; flag <<= 1) {
        if (!(flags & flag))
            continue;
        if (handle_matches(handle, at) && counting & flag)
            return true;
        at = text_end(at);
    }
    if (!(flags & counting & PACKED_ALIASES))
        return false;
    for (uint64_t left = number_unpack(&at); left > 0; left--, at = text_end(at)) {
        if (handle_matches(handle, at))
            return true;
    }
    return false;
}

static bool has_any_override(const struct contents *contents)
{
    return atomic_load_explicit(&contents->overrides.count, memory_order_acquire) > 0;
}

static bool leads_to_override(const struct contents *contents, uint32_t hash)
{
    struct index_cursor cursor = collection_at(&contents->overrides, hash);

    return index_next(&cursor) != 0;
}

static bool has_override(const struct contents *contents, const unsigned char *packed)
{
    const unsigned char *at = packed_id(packed);
    unsigned flags = packed_head(packed)->flags;
    uint64_t seed = contents->subscriptions.seed;
    bool found = leads_to_override(contents, text_hash(&at, seed));

    for (unsigned flag = PACKED_TENANT; flag < PACKED_ALIASES && !found; flag <<= 1)
        found = flags & flag && leads_to_override(contents, text_hash(&at, seed));
    if (!found && flags & PACKED_ALIASES) {
        for (uint64_t left = number_unpack(&at); left > 0 && !found; left--)
            found = leads_to_override(contents, text_hash(&at, seed));
    }
    return found;
}

bool find_plain_fact(const struct replica_lookup *lookup, char id[TEXT_ID_LEN],
                     struct decide_plain_fact *ret)
{
    const struct contents *contents = lookup->contents;
    uint32_t ref = index_only(&lookup->records);

    if (ref == 0 || lookup->question->license.len > 0)
        return false;
    const unsigned char *packed = slabs_block(&contents->slabs, ref);
    if (packed_head(packed)->flags & PACKED_UNUSUAL || !has_handle(packed, &lookup->handle))
        return false;
    if (has_any_override(contents) &&
        (leads_to_override(contents, lookup->handle.hash) || has_override(contents, packed)))
        return false;
    return unpack_plain(&contents->words, packed, lookup->question, id, ret);
}

bool find_lean_facts(struct replica_lookup *lookup, struct arena *arena, struct decide_facts *ret)
{
    const struct contents *contents = lookup->contents;
    bool any_override = has_any_override(contents);
    struct found records;
    const unsigned char *packed;

    if (any_override && leads_to_override(contents, lookup->handle.hash))
        return false;
    found_init(&records, arena);
    while ((packed = collection_find(&contents->subscriptions, &lookup->records)) != NULL) {
        if (packed_head(packed)->flags & PACKED_UNUSUAL)
            return false;
        if (!has_handle(packed, &lookup->handle))
            continue;
        if (any_override && has_override(contents, packed))
            return false;
        struct lean_subscription *lean = arena_alloc(arena, sizeof(*lean));
        unpack_lean(&contents->words, packed, lookup->question->dimension, arena, lean);
        found_add(&records, &lean->record);
    }
    *ret =
        (struct decide_facts){.subscriptions = records.items, .subscription_count = records.count};
    return true;
}
