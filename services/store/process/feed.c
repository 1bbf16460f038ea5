/* What the store says unasked: every commit that wrote something, and that it is alive. */
#include "common/base/clock.h"
#include "services/store/process/store.h"

void store_publish(struct store *store, struct change *change)
{
    struct str incarnation = str_of(store->books.incarnation);
    struct commit_event event;

    if (change->entries == 0)
        return;
    change_event(change, incarnation, &event);
    event.start = store->books.start;
    event.start_seq = store->books.start_seq;
    store->events_published++;
    if (feed_publish(store->feed, EVENT_feed_commit, &event) == 0)
        return;
    store->events_truncated++;
    feed_publish(store->feed, EVENT_feed_commit,
                 &(struct commit_event){.incarnation = incarnation,
                                        .seq = change->seq,
                                        .truncated = true,
                                        .start = store->books.start,
                                        .start_seq = store->books.start_seq});
}

static void on_heartbeat(void *arg)
{
    struct store *store = arg;

    feed_publish(store->feed, EVENT_feed_heartbeat,
                 &(struct heartbeat_event){.incarnation = str_of(store->books.incarnation),
                                           .seq = store->books.seq,
                                           .time_ms = clock_wall_ms(),
                                           .catching_up_since = store->books.catching_up_since_s,
                                           .start = store->books.start,
                                           .start_seq = store->books.start_seq});
    store_start_heartbeat(store);
}

void store_start_heartbeat(struct store *store)
{
    store->heartbeat_timer = loop_after(
        store->context->loop, store->settings->store.heartbeat_interval_ms, on_heartbeat, store);
}
