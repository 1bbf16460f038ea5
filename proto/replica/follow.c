#include "proto/replica/follow.h"

#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/replica/follow_internal.h"

enum {
    /* Many readers see the same gap at the same moment. */
    GAP_JITTER_MS = 200,
    RETRY_MS = 200,
    RETRY_DOUBLINGS_MAX = 5,
    NOT_REPORTED = -1,
};

static int64_t jitter_ms(int64_t limit)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return limit;
    return random % limit;
}

void follow_tell(struct replica_follow *follow, const struct commit_event *event)
{
    if (follow->options.on_change)
        follow->options.on_change(follow->options.arg, event);
}

static void touch(struct map *map, struct str id, int64_t seq)
{
    map_put(map, id, (void *)(intptr_t)seq);
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

void follow_stop_asking(struct replica_follow *follow)
{
    rpc_call_cancel(take(follow->call));
    loop_cancel(take(follow->timer));
}

static void ask_in(struct replica_follow *follow, int64_t delay_ms)
{
    if (!follow->call && !follow->timer)
        follow->timer = loop_after(follow->options.loop, delay_ms, follow_request_next, follow);
}

void follow_retry(struct replica_follow *follow)
{
    int64_t delay_ms = (int64_t)RETRY_MS << follow->failures;

    if (follow->failures < RETRY_DOUBLINGS_MAX)
        follow->failures++;
    ask_in(follow, delay_ms + jitter_ms(delay_ms));
}

/* After anything was applied: how far it reaches now, and whether that is far enough. */
void follow_settle(struct replica_follow *follow)
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
    follow_stop_asking(follow);
    forget_touched(follow);
    follow->failures = 0;
    follow->phase = FOLLOWING;
    follow->equal_mono_ms = follow->last_heard_mono_ms;
    if (!follow->complete) {
        follow->complete = true;
        follow_tell(follow, NULL);
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

void follow_begin_anew(struct replica_follow *follow, struct str incarnation)
{
    const struct replica_follow_filter *filter = follow->options.filter;
    bool was_complete = follow->complete, keeps = was_complete && !filter && !follow->kept;

    if (keeps)
        set_aside(follow);
    follow->reported_seq = follow->options.reports_to_source ? NOT_REPORTED : 0;
    copy_id(follow->incarnation, incarnation);
    follow->complete = false;
    follow->seq = follow->known = 0;
    follow->run_first = follow->run_last = 0;
    forget_touched(follow);
    /* Readers must know before they can miss a record. */
    if (was_complete)
        follow_tell(follow, NULL);
    if (filter)
        filter->forget(follow->options.arg);
    if (!keeps)
        replica_clear(follow->options.replica);
    follow_start_snapshot(follow);
}

/* Every message of the store says how far its books went when it started. A follower that holds
 * more holds commits that the store had acknowledged and lost. */
bool follow_is_older_start(struct replica_follow *follow, struct str incarnation, int64_t start,
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

void follow_note_catching_up(struct replica_follow *follow, int64_t since_s)
{
    follow->catching_up_since_s = since_s;
    replica_set_catching_up(follow->options.replica, since_s);
}

/* By a heartbeat of this seq, which is in the replica. */
static void let_go_if_caught_up(struct replica_follow *follow, int64_t seq)
{
    if (!follow->kept || follow->catching_up_since_s != 0 || !follow->complete ||
        follow->phase != FOLLOWING || follow->reported_seq == NOT_REPORTED ||
        seq < follow->reported_seq)
        return;
    follow->kept = false;
    replica_let_go(follow->options.replica);
    follow_tell(follow, NULL);
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

void follow_put(struct replica_follow *follow, const struct subscription *record)
{
    const struct replica_follow_filter *filter = follow->options.filter;

    if (!filter || filter->wants(follow->options.arg, record))
        replica_put(follow->options.replica, record);
}

static void apply_event(struct replica_follow *follow, const struct commit_event *event)
{
    struct replica *replica = follow->options.replica;

    for (size_t i = 0; i < event->subscriptions.count; i++)
        follow_put(follow, &event->subscriptions.items[i]);
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
    follow_settle(follow);
    follow_tell(follow, event);
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
        commit ? follow_is_older_start(follow, incarnation, commit->start, commit->start_seq)
               : follow_is_older_start(follow, incarnation, heartbeat->start, heartbeat->start_seq);
    follow->last_heard_mono_ms =
        max(follow->last_heard_mono_ms, clock_mono_ms() - (heartbeat ? heartbeat->age_ms : 0));
    if (heartbeat)
        follow_note_catching_up(follow, heartbeat->catching_up_since);
    if (is_older || !str_eq_text(incarnation, follow->incarnation) || follow->phase == LISTENING)
        follow_begin_anew(follow, incarnation);
    if (commit) {
        on_commit(follow, commit);
    } else {
        follow->known = max(follow->known, heartbeat->seq);
        follow_settle(follow);
        let_go_if_caught_up(follow, heartbeat->seq);
    }
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
    follow->reported_seq = follow->options.reports_to_source ? NOT_REPORTED : 0;
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
    follow_stop_asking(follow);
    map_free(follow->removed);
    map_free(follow->overrides_touched);
    mem_free(follow);
}

void replica_follow_reported(struct replica_follow *follow, int64_t seq)
{
    follow->reported_seq = seq;
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
