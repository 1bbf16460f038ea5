/* How others come to hold everything: chunk by chunk, and what changed since a seq. */
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "services/store/methods/handlers.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/overrides.h"
#include "services/store/tables/records.h"

/* A reply stays well below the frame's limit also with the overrides beside the records. */
enum { CHUNK_LIMIT = 10000, CHUNK_BYTES = 768 * 1024, CHANGES_LIMIT = 10000 };

/* What a snapshot's reader takes in while it stays in the cache, and its messages in memory that
 * the allocator keeps. */
enum { SNAPSHOT_BYTES = 192 * 1024 };

enum rpc_error on_snapshot(struct work *work)
{
    const struct snapshot_params *params = work->params;
    struct snapshot_result *result = work->result;
    int64_t limit = params->limit < 1             ? 1
                    : params->limit > CHUNK_LIMIT ? CHUNK_LIMIT
                                                  : params->limit;

    result->incarnation = str_of(work->books->incarnation);
    result->seq = work->books->seq;
    result->catching_up_since = work->books->catching_up_since_s;
    result->start = work->books->start;
    result->start_seq = work->books->start_seq;
    result->subscriptions = records_encoded(work->books->db, params->after, (size_t)limit,
                                            SNAPSHOT_BYTES, work->arena, &result->next);
    if (params->after.len == 0)
        result->overrides = overrides_all(work->books->db, work->arena);
    return ERROR_NONE;
}

/* What was written since, each thing once, as far as one reply reaches. */
struct gathered {
    struct work *work;
    struct changes_result *result;
    struct map *seen;
    size_t entries;
    size_t bytes;
    bool full;
};

/* What a record takes on the wire, roughly: its texts and entitlements. */
static size_t size_of(const struct subscription *record)
{
    size_t size = 400 + record->license_arn.len + record->tenant.len;

    for (size_t i = 0; i < record->entitlements.count; i++) {
        const struct entitlement *one = &record->entitlements.items[i];
        size += 60 + one->dimension.len;
        if (one->value.kind == VALUE_STRING)
            size += one->value.string.len;
    }
    return size;
}

static void gather_subscription(struct gathered *gathered, struct str id)
{
    struct arena *arena = gathered->work->arena;
    struct changes_result *result = gathered->result;
    struct subscription record;

    if (map_put(gathered->seen, id, gathered))
        return;
    if (records_get(gathered->work->books->db, id, arena, &record)) {
        gathered->bytes += size_of(&record);
        result->subscriptions.items[result->subscriptions.count++] = record;
    } else {
        gathered->bytes += id.len + 4;
        result->removed.items[result->removed.count++] = arena_str(arena, id);
    }
}

static void gather_override(struct gathered *gathered, struct str id)
{
    struct arena *arena = gathered->work->arena;
    struct changes_result *result = gathered->result;
    struct override override;

    if (map_put(gathered->seen, id, gathered))
        return;
    if (overrides_get(gathered->work->books->db, id, arena, &override))
        result->overrides.items[result->overrides.count++] = override;
    else
        result->overrides_removed.items[result->overrides_removed.count++] = arena_str(arena, id);
    gathered->bytes += 1000;
}

static void gather_verified(void *arg, struct str id)
{
    struct gathered *gathered = arg;

    gathered->entries++;
    if (gathered->entries < 2 * CHANGES_LIMIT)
        gather_subscription(gathered, arena_str(gathered->work->arena, id));
    else
        gathered->full = true;
}

static bool tells_of_verified(const struct journal_entry *entry)
{
    return entry->subscription.len == 0 && entry->override.len == 0 && entry->change.len == 0 &&
           !entry->erased;
}

/* A reply ends between two commits only. */
static bool gather(void *arg, const struct journal_entry *entry)
{
    struct gathered *gathered = arg;
    bool begins_commit = entry->seq != gathered->result->seq;

    if (begins_commit && (gathered->bytes >= CHUNK_BYTES || gathered->entries >= CHANGES_LIMIT)) {
        gathered->result->more = true;
        return false;
    }
    if (gathered->bytes >= 2 * CHUNK_BYTES || gathered->entries >= 2 * CHANGES_LIMIT) {
        gathered->full = true;
        return false;
    }
    gathered->entries++;
    gathered->result->seq = entry->seq;
    if (entry->subscription.len > 0)
        gather_subscription(gathered, entry->subscription);
    if (entry->override.len > 0)
        gather_override(gathered, entry->override);
    if (tells_of_verified(entry) &&
        !verified_each(gathered->work->books->verified, entry->seq, gather_verified, gathered))
        gathered->full = true;
    return !gathered->full;
}

static void prepare(struct changes_result *result, struct arena *arena)
{
    enum { MOST = 2 * CHANGES_LIMIT };

    result->subscriptions.items = arena_alloc_array(arena, MOST, sizeof(struct subscription));
    result->removed.items = arena_alloc_array(arena, MOST, sizeof(struct str));
    result->overrides.items = arena_alloc_array(arena, MOST, sizeof(struct override));
    result->overrides_removed.items = arena_alloc_array(arena, MOST, sizeof(struct str));
}

static enum rpc_error take_a_snapshot(struct work *work, const char *why)
{
    error_set(work->error, "%s: take a snapshot", why);
    return ERROR_NOT_FOUND;
}

enum rpc_error on_changes(struct work *work)
{
    const struct changes_params *params = work->params;
    struct changes_result *result = work->result;
    const struct books *books = work->books;

    result->incarnation = str_of(books->incarnation);
    result->seq = params->since;
    result->start = books->start;
    result->start_seq = books->start_seq;
    if (!str_eq(params->incarnation, result->incarnation))
        return take_a_snapshot(work, "this is another incarnation");
    if (params->since < 0 || params->since > books->seq)
        return take_a_snapshot(work, "there has been no such seq");
    if (params->since == books->seq)
        return ERROR_NONE;
    if (books->seq - params->since > CHANGES_LIMIT)
        return take_a_snapshot(work, "too much changed since");

    cleanup(map_freep) struct map *seen = map_new();
    struct gathered gathered = {.work = work, .result = result, .seen = seen};
    prepare(result, work->arena);
    if (!journal_since(books->db, params->since, gather, &gathered))
        return take_a_snapshot(work, "the journal does not reach back that far");
    return gathered.full
               ? take_a_snapshot(work, "too much changed since, or the store no longer knows it")
               : ERROR_NONE;
}
