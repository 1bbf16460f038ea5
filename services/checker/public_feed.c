#include "services/checker/public_feed.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum { HEARTBEAT_MS = 1000 };

struct public_feed {
    struct loop *loop;
    struct feed_publisher *publisher;
    struct loop_timer *timer;
    public_feed_heard_fn *heard;
    void *arg;
    bool complete;
    char incarnation[65];
    int64_t seq, catching_up_since_s;
};

static void beat(void *arg)
{
    struct public_feed *feed = arg;
    const struct heartbeat_event heartbeat = {
        .incarnation = str_of(feed->incarnation),
        .seq = feed->seq,
        .time_ms = clock_wall_ms(),
        .age_ms = clock_mono_ms() - feed->heard(feed->arg),
        .catching_up_since = feed->catching_up_since_s,
    };

    if (feed->complete)
        feed_publish(feed->publisher, EVENT_feed_heartbeat, &heartbeat);
    feed->timer = loop_after(feed->loop, HEARTBEAT_MS, beat, feed);
}

int public_feed_open(struct public_feed **ret, struct loop *loop, struct endpoint_context *sockets,
                     const struct endpoint_binding *binding, public_feed_heard_fn *heard, void *arg,
                     struct error *error)
{
    struct public_feed *feed = mem_alloc_zero(sizeof(*feed));

    *feed = (struct public_feed){.loop = loop, .heard = heard, .arg = arg};
    if (feed_publisher_open(&feed->publisher, loop, sockets, binding, error) < 0) {
        public_feed_close(feed);
        return -1;
    }
    beat(feed);
    *ret = feed;
    return 0;
}

void public_feed_close(struct public_feed *feed)
{
    if (!feed)
        return;
    loop_cancel(feed->timer);
    feed_publisher_close(feed->publisher);
    mem_free(feed);
}

struct feed_publisher_stats public_feed_stats(const struct public_feed *feed)
{
    return feed_publisher_stats(feed->publisher);
}

/* An event came in one message, so it goes out in one, unless too much waits for slow readers.
 * Which start of the store it is from is for those who follow the store itself: another checker may
 * be a moment behind this one. */
void public_feed_update(struct public_feed *feed, const struct replica_follow_state *state,
                        const struct commit_event *event)
{
    feed->complete = state->complete;
    feed->seq = state->seq;
    feed->catching_up_since_s = state->catching_up_since_s;
    snprintf(feed->incarnation, sizeof(feed->incarnation), STR_FMT, STR_ARG(state->incarnation));
    if (!event || !feed->complete)
        return;
    struct commit_event passed_on = *event;
    passed_on.start = passed_on.start_seq = 0;
    if (feed_publish(feed->publisher, EVENT_feed_commit, &passed_on) == 0)
        return;
    feed_publish(feed->publisher, EVENT_feed_commit,
                 &(struct commit_event){
                     .incarnation = event->incarnation, .seq = event->seq, .truncated = true});
}
