#include "proto/replica/follow.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"

enum {
    CALL_TIMEOUT_MS = 30000,
    CHUNK_RECORDS = 1000,
    DECODED_RECORDS = 32,
    /* Many readers see the same gap at the same moment. */
    GAP_JITTER_MS = 200,
    RETRY_MS = 200,
    RETRY_DOUBLINGS_MAX = 5,
    ID_SIZE = 65,
    NOT_TOLD = -1,
};

enum phase {
    LISTENING,   /* nothing heard yet */
    SNAPSHOT,    /* pulling chunks, applying events */
    CATCHING_UP, /* events are missing; asking for what they changed */
    FOLLOWING,
};

struct replica_follow {
    struct replica_follow_options options;
    struct feed_subscriber *feed;
    struct rpc_call *call;
    struct loop_timer *timer;
    enum phase phase;
    char incarnation[ID_SIZE];
    bool complete;
    int64_t seq;                 /* all up to it is in the replica */
    int64_t run_first, run_last; /* the latest unbroken run of events, which are in it too */
    int64_t known;               /* the highest commit heard of */
    char after[ID_SIZE];         /* of the next chunk */
    int64_t first_chunk_seq;
    /* What events touched since the phase is not FOLLOWING, with the seq of it: answers that show
     * an earlier state must not undo that. Records need it only for removals; they have versions.
     */
    struct map *removed, *overrides_touched;
    unsigned failures;
    int64_t last_heard_mono_ms, equal_mono_ms;
    uint64_t gaps, snapshots, unreadable;
    int64_t start; /* of the store, as last heard; 0: nobody said */
    /* What was complete before, set aside in the replica. */
    bool kept;
    char kept_incarnation[ID_SIZE];
    int64_t kept_seq, kept_equal_mono_ms, kept_at_s;
    int64_t told_seq; /* NOT_TOLD: the source does not know of it */
    int64_t catching_up_since_s;
    int64_t lost_commits;
    uint64_t older_starts;
};

static void start_snapshot(struct replica_follow *follow);
static void request_next(void *arg);
static void request_chunk(struct replica_follow *follow);

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t jitter_ms(int64_t limit)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return limit;
    return random % limit;
}

static void copy_id(char to[ID_SIZE], struct str id)
{
    snprintf(to, ID_SIZE, STR_FMT, STR_ARG(id));
}

static void tell(struct replica_follow *follow, const struct commit_event *event)
{
    if (follow->options.on_change)
        follow->options.on_change(follow->options.arg, event);
}

static void touch(struct map *map, struct str id, int64_t seq)
{
    map_put(map, id, (void *)(intptr_t)seq);
}

/* Whether an event after the state `seq` touched it. */
static bool touched_after(const struct map *map, struct str id, int64_t seq)
{
    return (intptr_t)map_get(map, id) > seq;
}

static void forget_touched(struct replica_follow *follow)
{
    if (map_count(follow->removed) + map_count(follow->overrides_touched) == 0)
        return;
    map_free(follow->removed);
    map_free(follow->overrides_touched);
    follow->removed = map_new();
    follow->overrides_touched = map_new();
}

static void stop_asking(struct replica_follow *follow)
{
    rpc_call_cancel(take(follow->call));
    loop_cancel(take(follow->timer));
}

static void ask_in(struct replica_follow *follow, int64_t delay_ms)
{
    if (!follow->call && !follow->timer)
        follow->timer = loop_after(follow->options.loop, delay_ms, request_next, follow);
}

static void retry(struct replica_follow *follow)
{
    int64_t delay_ms = (int64_t)RETRY_MS << follow->failures;

    if (follow->failures < RETRY_DOUBLINGS_MAX)
        follow->failures++;
    ask_in(follow, delay_ms + jitter_ms(delay_ms));
}

/* After anything was applied: how far it reaches now, and whether that is far enough. */
static void settle(struct replica_follow *follow)
{
    if (follow->run_first <= follow->seq + 1)
        follow->seq = max(follow->seq, follow->run_last);
    if (follow->phase == SNAPSHOT)
        return;
    if (follow->seq < follow->known) {
        if (follow->phase == FOLLOWING)
            follow->gaps++;
        follow->phase = CATCHING_UP;
        ask_in(follow, jitter_ms(GAP_JITTER_MS));
        return;
    }
    stop_asking(follow);
    forget_touched(follow);
    follow->failures = 0;
    follow->phase = FOLLOWING;
    follow->equal_mono_ms = follow->last_heard_mono_ms;
    if (!follow->complete) {
        follow->complete = true;
        tell(follow, NULL);
    }
}

/* The first state that was complete is the fullest: what followed it never caught up. */
static void set_aside(struct replica_follow *follow)
{
    follow->kept = true;
    copy_id(follow->kept_incarnation, str_of(follow->incarnation));
    follow->kept_seq = follow->seq;
    follow->kept_equal_mono_ms = follow->equal_mono_ms;
    follow->kept_at_s = clock_wall_s();
    replica_set_aside(follow->options.replica, follow->kept_at_s);
}

static void begin_anew(struct replica_follow *follow, struct str incarnation)
{
    const struct replica_follow_filter *filter = follow->options.filter;
    bool was_complete = follow->complete, keeps = was_complete && !filter && !follow->kept;

    if (keeps)
        set_aside(follow);
    follow->told_seq = follow->options.tells_source ? NOT_TOLD : 0;
    copy_id(follow->incarnation, incarnation);
    follow->complete = false;
    follow->seq = follow->known = 0;
    follow->run_first = follow->run_last = 0;
    forget_touched(follow);
    /* Readers must know before they can miss a record. */
    if (was_complete)
        tell(follow, NULL);
    if (filter)
        filter->forget(follow->options.arg);
    if (!keeps)
        replica_clear(follow->options.replica);
    start_snapshot(follow);
}

/* Every message of the store says how far its books went when it started. Whoever holds more holds
 * what the store had acknowledged and does not know any more. */
static bool is_older_start(struct replica_follow *follow, struct str incarnation, int64_t start,
                           int64_t start_seq)
{
    int64_t before = follow->start, held = max(follow->seq, follow->known);

    if (start == 0 || start == before)
        return false;
    follow->start = start;
    if (before == 0 || held <= start_seq || !str_eq_text(incarnation, follow->incarnation))
        return false;
    follow->lost_commits = held - start_seq;
    follow->older_starts++;
    return true;
}

static void note_catching_up(struct replica_follow *follow, int64_t since_s)
{
    follow->catching_up_since_s = since_s;
    replica_set_catching_up(follow->options.replica, since_s);
}

/* By a heartbeat of this seq, which is in the replica. */
static void let_go_if_caught_up(struct replica_follow *follow, int64_t seq)
{
    if (!follow->kept || follow->catching_up_since_s != 0 || !follow->complete ||
        follow->phase != FOLLOWING || follow->told_seq == NOT_TOLD || seq < follow->told_seq)
        return;
    follow->kept = false;
    replica_let_go(follow->options.replica);
    tell(follow, NULL);
}

/* Events. */

static void apply_removals(struct replica_follow *follow, const struct str_list *ids,
                           const struct str_list *override_ids, int64_t seq)
{
    for (size_t i = 0; i < ids->count; i++) {
        replica_remove(follow->options.replica, ids->items[i]);
        if (follow->phase != FOLLOWING)
            touch(follow->removed, ids->items[i], seq);
    }
    for (size_t i = 0; i < override_ids->count; i++) {
        replica_remove_override(follow->options.replica, override_ids->items[i]);
        if (follow->phase != FOLLOWING)
            touch(follow->overrides_touched, override_ids->items[i], seq);
    }
}

static void put(struct replica_follow *follow, const struct subscription *record)
{
    const struct replica_follow_filter *filter = follow->options.filter;

    if (!filter || filter->wants(follow->options.arg, record))
        replica_put(follow->options.replica, record);
}

static void apply_event(struct replica_follow *follow, const struct commit_event *event)
{
    struct replica *replica = follow->options.replica;

    for (size_t i = 0; i < event->subscriptions.count; i++)
        put(follow, &event->subscriptions.items[i]);
    for (size_t i = 0; i < event->overrides.count; i++) {
        replica_put_override(replica, &event->overrides.items[i]);
        if (follow->phase != FOLLOWING)
            touch(follow->overrides_touched, event->overrides.items[i].id, event->seq);
    }
    apply_removals(follow, &event->removed, &event->overrides_removed, event->seq);
}

/* The run of events that are in the replica whole. A truncated one ends it. */
static void extend_run(struct replica_follow *follow, const struct commit_event *event)
{
    if (event->truncated || event->seq != follow->run_last + 1)
        follow->run_first = event->seq + event->truncated;
    follow->run_last = event->seq;
}

static void on_commit(struct replica_follow *follow, const struct commit_event *event)
{
    if (event->seq <= max(follow->seq, follow->run_last))
        return;
    follow->known = max(follow->known, event->seq);
    if (follow->phase == FOLLOWING && (event->truncated || event->seq != follow->seq + 1)) {
        follow->phase = CATCHING_UP;
        follow->gaps++;
    }
    apply_event(follow, event);
    extend_run(follow, event);
    settle(follow);
    tell(follow, event);
}

static void on_event(void *arg, enum event_id event, const void *params)
{
    struct replica_follow *follow = arg;
    const struct commit_event *commit = event == EVENT_feed_commit ? params : NULL;
    const struct heartbeat_event *heartbeat = event == EVENT_feed_heartbeat ? params : NULL;

    if (!commit && !heartbeat)
        return;
    struct str incarnation = commit ? commit->incarnation : heartbeat->incarnation;
    bool is_older =
        commit ? is_older_start(follow, incarnation, commit->start, commit->start_seq)
               : is_older_start(follow, incarnation, heartbeat->start, heartbeat->start_seq);
    follow->last_heard_mono_ms =
        max(follow->last_heard_mono_ms, clock_mono_ms() - (heartbeat ? heartbeat->age_ms : 0));
    if (heartbeat)
        note_catching_up(follow, heartbeat->catching_up_since);
    if (is_older || !str_eq_text(incarnation, follow->incarnation) || follow->phase == LISTENING)
        begin_anew(follow, incarnation);
    if (commit) {
        on_commit(follow, commit);
    } else {
        follow->known = max(follow->known, heartbeat->seq);
        settle(follow);
        let_go_if_caught_up(follow, heartbeat->seq);
    }
}

/* Answers. */

static void apply_records(struct replica_follow *follow, const struct subscription_list *records,
                          int64_t seq)
{
    for (size_t i = 0; i < records->count; i++) {
        if (!touched_after(follow->removed, records->items[i].id, seq))
            put(follow, &records->items[i]);
    }
}

static void apply_overrides(struct replica_follow *follow, const struct override_list *overrides,
                            int64_t seq)
{
    for (size_t i = 0; i < overrides->count; i++) {
        if (!touched_after(follow->overrides_touched, overrides->items[i].id, seq))
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
            !touched_after(follow->overrides_touched, override->id, chunk->seq))
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
    settle(follow);
    tell(follow, NULL);
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
        if (!touched_after(follow->removed, list->items[i].id, seq))
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
        retry(follow);
        return;
    }
    follow->failures = 0;
    note_catching_up(follow, chunk->catching_up_since);
    if (str_eq_text(chunk->incarnation, follow->incarnation) &&
        !is_older_start(follow, chunk->incarnation, chunk->start, chunk->start_seq))
        take_chunk(follow, chunk);
    else
        begin_anew(follow, chunk->incarnation);
}

static void take_changes(struct replica_follow *follow, const struct changes_result *changes)
{
    apply_records(follow, &changes->subscriptions, changes->seq);
    apply_overrides(follow, &changes->overrides, changes->seq);
    for (size_t i = 0; i < changes->removed.count; i++)
        replica_remove(follow->options.replica, changes->removed.items[i]);
    for (size_t i = 0; i < changes->overrides_removed.count; i++) {
        struct str id = changes->overrides_removed.items[i];
        if (!touched_after(follow->overrides_touched, id, changes->seq))
            replica_remove_override(follow->options.replica, id);
    }
    follow->seq = max(follow->seq, changes->seq);
    if (changes->more)
        request_next(follow);
    else
        settle(follow);
    tell(follow, NULL);
}

static void on_changes(void *arg, const struct rpc_response *response)
{
    struct replica_follow *follow = arg;
    const struct changes_result *changes = response->result;

    follow->call = NULL;
    if (response->code == ERROR_NOT_FOUND)
        start_snapshot(follow);
    else if (response->code != ERROR_NONE)
        retry(follow);
    else if (!str_eq_text(changes->incarnation, follow->incarnation) ||
             is_older_start(follow, changes->incarnation, changes->start, changes->start_seq))
        begin_anew(follow, changes->incarnation);
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

static void request_next(void *arg)
{
    struct replica_follow *follow = arg;

    follow->timer = NULL;
    if (follow->phase == SNAPSHOT)
        request_chunk(follow);
    else if (follow->phase == CATCHING_UP)
        request_changes(follow);
}

static void start_snapshot(struct replica_follow *follow)
{
    stop_asking(follow);
    follow->phase = SNAPSHOT;
    follow->after[0] = '\0';
    follow->snapshots++;
    request_chunk(follow);
}

static void resume(struct replica_follow *follow, const struct replica_follow_state *state)
{
    copy_id(follow->incarnation, state->incarnation);
    follow->seq = follow->known = state->seq;
    follow->last_heard_mono_ms = state->last_heard_mono_ms;
    follow->equal_mono_ms = state->equal_mono_ms;
    follow->complete = true;
    follow->phase = FOLLOWING;
}

/* What a follower before set aside is in the replica still. */
static void resume_kept(struct replica_follow *follow, const struct replica_follow_state *state)
{
    follow->kept = replica_has_kept(follow->options.replica);
    if (!follow->kept)
        return;
    copy_id(follow->kept_incarnation, state->kept_incarnation);
    follow->kept_seq = state->kept_seq;
    follow->kept_equal_mono_ms = state->kept_equal_mono_ms;
    follow->kept_at_s = state->catching_up_since_s;
    follow->told_seq = follow->options.tells_source ? NOT_TOLD : 0;
}

int replica_follow_open(struct replica_follow **ret, const struct replica_follow_options *options,
                        struct error *error)
{
    struct replica_follow *follow = mem_alloc_zero(sizeof(*follow));

    follow->options = *options;
    follow->removed = map_new();
    follow->overrides_touched = map_new();
    if (options->resume && options->resume->complete)
        resume(follow, options->resume);
    if (options->resume)
        resume_kept(follow, options->resume);
    follow->options.resume = NULL;
    if (feed_subscriber_open(&follow->feed, options->loop, options->context, options->feed,
                             on_event, follow, error) < 0) {
        replica_follow_close(follow);
        return -1;
    }
    *ret = follow;
    return 0;
}

void replica_follow_close(struct replica_follow *follow)
{
    if (!follow)
        return;
    feed_subscriber_close(follow->feed);
    stop_asking(follow);
    map_free(follow->removed);
    map_free(follow->overrides_touched);
    mem_free(follow);
}

void replica_follow_told(struct replica_follow *follow, int64_t seq)
{
    follow->told_seq = seq;
}

/* What is kept may be more than the store knew of when it said that it is not. */
static int64_t catching_up_since_s(const struct replica_follow *follow)
{
    if (follow->catching_up_since_s == 0 && follow->kept)
        return follow->kept_at_s;
    return follow->catching_up_since_s;
}

void replica_follow_state(const struct replica_follow *follow,
                          struct replica_follow_state *ret_state)
{
    *ret_state = (struct replica_follow_state){
        .complete = follow->complete,
        .kept = follow->kept,
        .kept_incarnation = str_of(follow->kept_incarnation),
        .kept_seq = follow->kept_seq,
        .kept_equal_mono_ms = follow->kept_equal_mono_ms,
        .catching_up_since_s = catching_up_since_s(follow),
        .lost_commits = follow->lost_commits,
        .older_starts = follow->older_starts,
        .incarnation = str_of(follow->incarnation),
        .seq = follow->seq,
        .last_heard_mono_ms = follow->last_heard_mono_ms,
        .equal_mono_ms = follow->equal_mono_ms,
        .gaps = follow->gaps,
        .snapshots = follow->snapshots,
        .unreadable = follow->unreadable,
    };
}
