/* The feed for client libraries: the store's commits as this checker applied them, and heartbeats
 * with the state that it answers from. Silent until the replica is complete. */
#ifndef SERVICES_CHECKER_PUBLIC_FEED_H
#define SERVICES_CHECKER_PUBLIC_FEED_H

#include "proto/endpoint/feed.h"
#include "proto/replica/follow.h"

struct public_feed;

/* When the store was last heard to hold no more than the replica, on the monotonic clock:
 * heartbeats tell how long ago that is. */
typedef int64_t public_feed_heard_fn(void *arg);

int public_feed_open(struct public_feed **ret, struct loop *loop, struct endpoint_context *sockets,
                     const struct endpoint_binding *binding, public_feed_heard_fn *heard, void *arg,
                     struct error *error);
void public_feed_close(struct public_feed *feed); /* takes NULL */

struct feed_publisher_stats public_feed_stats(const struct public_feed *feed);

/* After each change of the follower: its state now, and the event if it was one. */
void public_feed_update(struct public_feed *feed, const struct replica_follow_state *state,
                        const struct commit_event *event);

#endif
