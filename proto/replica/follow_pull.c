/* How a follower catches up: with a snapshot, or with the changes it has missed. */
#include "proto/codec/codec.h"
#include "proto/replica/follow_internal.h"

enum { CALL_TIMEOUT_MS = 30000, CHUNK_RECORDS = 1000, DECODED_RECORDS = 32 };

static void request_chunk(struct replica_follow *follow);

static void apply_records(struct replica_follow *follow, const struct subscription_list *records,
                          int64_t seq)
{
    for (size_t i = 0; i < records->count; i++) {
        if (!follow_touched_after(follow->removed, records->items[i].id, seq))
            follow_put(follow, &records->items[i]);
    }
}

static void apply_overrides(struct replica_follow *follow, const struct override_list *overrides,
                            int64_t seq)
{
    for (size_t i = 0; i < overrides->count; i++) {
        if (!follow_touched_after(follow->overrides_touched, overrides->items[i].id, seq))
            replica_put_override(follow->options.replica, &overrides->items[i]);
    }
}

/* A snapshot may follow on a gap too long for `changes`: what its range does not list any more, and
 * no later event wrote, is gone. Both are in the order of their ids. */
static void remove_unlisted(struct replica_follow *follow, struct str after, struct str until,
                            const struct subscription_list *listed, int64_t seq)
{
    struct replica *replica = follow->options.replica;
    struct arena arena = ARENA_INIT;
    const struct subscription *record = replica_next(replica, after, &arena);
    size_t i = 0;
    char id[ID_SIZE];

    while (record && (until.len == 0 || str_compare(record->id, until) <= 0)) {
        copy_id(id, record->id);
        while (i < listed->count && str_compare(listed->items[i].id, record->id) < 0)
            i++;
        bool is_listed = i < listed->count && str_eq(listed->items[i].id, record->id);
        if (!is_listed && record->seq <= seq)
            replica_remove(replica, record->id);
        arena_clear(&arena);
        record = replica_next(replica, str_of(id), &arena);
    }
    arena_done(&arena);
}

static void remove_unlisted_overrides(struct replica_follow *follow,
                                      const struct snapshot_result *chunk)
{
    struct replica *replica = follow->options.replica;
    struct map *listed = map_new();
    struct arena arena = ARENA_INIT;
    const struct override *override = NULL;

    for (size_t i = 0; i < chunk->overrides.count; i++)
        map_put(listed, chunk->overrides.items[i].id, follow);
    while (
        (override = replica_next_override(replica, override ? override->id : STR_NONE, &arena))) {
        if (!map_get(listed, override->id) &&
            !follow_touched_after(follow->overrides_touched, override->id, chunk->seq))
            replica_remove_override(replica, override->id);
    }
    arena_done(&arena);
    map_free(listed);
}

/* The first chunk's seq is what the whole snapshot shows at least; events lead on from there. What
 * has been had elsewhere shows less, even if that was a moment ago. */
static void finish_snapshot(struct replica_follow *follow)
{
    const struct replica_follow_filter *filter = follow->options.filter;

    if (filter)
        filter->forget(follow->options.arg);
    follow->seq = max(follow->seq, follow->first_chunk_seq);
    follow->phase = CATCHING_UP;
    follow_settle(follow);
    follow_tell(follow, NULL);
}

/* Some of a chunk, from *at on: what is decoded is applied before it leaves the cache. */
static void decode_some(struct replica_follow *follow, const struct str_list *encoded, size_t *at,
                        struct arena *arena, struct subscription_list *ret_list)
{
    while (ret_list->count < DECODED_RECORDS && *at < encoded->count) {
        struct subscription *record = &ret_list->items[ret_list->count];
        if (codec_decode(&shape_subscription, encoded->items[(*at)++], arena, record, NULL) == 0)
            ret_list->count++;
        else
            follow->unreadable++;
    }
}

/* What a later event removed must not come back. */
static void drop_removed(const struct replica_follow *follow, struct subscription_list *list,
                         int64_t seq)
{
    size_t left = 0;

    if (map_count(follow->removed) == 0)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (!follow_touched_after(follow->removed, list->items[i].id, seq))
            list->items[left++] = list->items[i];
    }
    list->count = left;
}

static void take_records(struct replica_follow *follow, struct str after,
                         const struct snapshot_result *chunk)
{
    struct subscription records[DECODED_RECORDS];
    struct arena arena = ARENA_INIT;
    size_t at = 0;

    do {
        struct subscription_list list = {records, 0};
        decode_some(follow, &chunk->subscriptions, &at, &arena, &list);
        bool is_end = at == chunk->subscriptions.count;
        if (list.count == 0 && !is_end)
            continue;
        struct str until = is_end ? chunk->next : list.items[list.count - 1].id;
        remove_unlisted(follow, after, until, &list, chunk->seq);
        drop_removed(follow, &list, chunk->seq);
        replica_put_all(follow->options.replica, list.items, list.count);
        after = until;
        arena_clear(&arena);
    } while (at < chunk->subscriptions.count);
    arena_done(&arena);
}

/* The next chunk is asked for before this one is applied: source and follower work at once. */
static void take_chunk(struct replica_follow *follow, const struct snapshot_result *chunk)
{
    bool is_last = follow->options.filter || chunk->next.len == 0;
    char after[ID_SIZE];

    follow->known = max(follow->known, chunk->seq);
    copy_id(after, str_of(follow->after));
    if (!is_last) {
        copy_id(follow->after, chunk->next);
        request_chunk(follow);
    }
    if (after[0] == '\0') {
        follow->first_chunk_seq = chunk->seq;
        remove_unlisted_overrides(follow, chunk);
        apply_overrides(follow, &chunk->overrides, chunk->seq);
    }
    if (!follow->options.filter)
        take_records(follow, str_of(after), chunk);
    if (is_last)
        finish_snapshot(follow);
}

static void on_chunk(void *arg, const struct rpc_response *response)
{
    struct replica_follow *follow = arg;
    const struct snapshot_result *chunk = response->result;

    follow->call = NULL;
    if (response->code != ERROR_NONE) {
        follow_retry(follow);
        return;
    }
    follow->failures = 0;
    follow_note_catching_up(follow, chunk->catching_up_since);
    if (str_eq_text(chunk->incarnation, follow->incarnation) &&
        !follow_is_older_start(follow, chunk->incarnation, chunk->start, chunk->start_seq))
        take_chunk(follow, chunk);
    else
        follow_begin_anew(follow, chunk->incarnation);
}

static void take_changes(struct replica_follow *follow, const struct changes_result *changes)
{
    apply_records(follow, &changes->subscriptions, changes->seq);
    apply_overrides(follow, &changes->overrides, changes->seq);
    for (size_t i = 0; i < changes->removed.count; i++)
        replica_remove(follow->options.replica, changes->removed.items[i]);
    for (size_t i = 0; i < changes->overrides_removed.count; i++) {
        struct str id = changes->overrides_removed.items[i];
        if (!follow_touched_after(follow->overrides_touched, id, changes->seq))
            replica_remove_override(follow->options.replica, id);
    }
    follow->seq = max(follow->seq, changes->seq);
    if (changes->more)
        follow_request_next(follow);
    else
        follow_settle(follow);
    follow_tell(follow, NULL);
}

static void on_changes(void *arg, const struct rpc_response *response)
{
    struct replica_follow *follow = arg;
    const struct changes_result *changes = response->result;

    follow->call = NULL;
    if (response->code == ERROR_NOT_FOUND)
        follow_start_snapshot(follow);
    else if (response->code != ERROR_NONE)
        follow_retry(follow);
    else if (!str_eq_text(changes->incarnation, follow->incarnation) ||
             follow_is_older_start(follow, changes->incarnation, changes->start,
                                   changes->start_seq))
        follow_begin_anew(follow, changes->incarnation);
    else
        take_changes(follow, changes);
}

static void request_chunk(struct replica_follow *follow)
{
    /* The overrides come with the first chunk; a filter wants nothing else of it. */
    const struct snapshot_params params = {.after = str_of(follow->after),
                                           .limit = follow->options.filter ? 1 : CHUNK_RECORDS};

    follow->call = rpc_call(follow->options.source, follow->options.snapshot_method, &params,
                            CALL_TIMEOUT_MS, STR_NONE, on_chunk, follow);
}

static void request_changes(struct replica_follow *follow)
{
    const struct changes_params params = {.incarnation = str_of(follow->incarnation),
                                          .since = follow->seq};

    follow->call = rpc_call(follow->options.source, follow->options.changes_method, &params,
                            CALL_TIMEOUT_MS, STR_NONE, on_changes, follow);
}

void follow_request_next(void *arg)
{
    struct replica_follow *follow = arg;

    follow->timer = NULL;
    if (follow->phase == SNAPSHOT)
        request_chunk(follow);
    else if (follow->phase == CATCHING_UP)
        request_changes(follow);
}

void follow_start_snapshot(struct replica_follow *follow)
{
    follow_stop_asking(follow);
    follow->phase = SNAPSHOT;
    follow->after[0] = '\0';
    follow->snapshots++;
    request_chunk(follow);
}
