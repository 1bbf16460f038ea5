/* The feed: XPUB on one side, SUB on the other; one message per event, one frame each.
 *
 * A message that finds a full queue is dropped by ZeroMQ in silence, so every commit carries its
 * number and heartbeats repeat the last one: readers see gaps and ask for `changes`.
 *
 * All readers share one copy of a message, which is kept until the slowest has it: bounded in
 * bytes, beyond which only small messages go out. Readers subscribe to everything. Other prefixes
 * are remembered by libzmq byte by byte: few and short ones are let be, what is beyond that ends
 * the connection that it came over.
 */
#ifndef PROTO_ENDPOINT_FEED_H
#define PROTO_ENDPOINT_FEED_H

#include "common/base/error.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"
#include "proto/message.h"

struct feed_publisher;
struct feed_subscriber;

int feed_publisher_open(struct feed_publisher **ret, struct loop *loop,
                        struct endpoint_context *context, const struct endpoint_binding *binding,
                        struct error *error);
void feed_publisher_close(struct feed_publisher *publisher); /* takes NULL */

enum {
    FEED_PREFIX_BYTES = 64,          /* of a subscription */
    FEED_PREFIXES_BYTES = 64 * 1024, /* of all different ones together */
    FEED_WAITING_BYTES = 64 << 20,   /* of messages that some reader has not got yet */
    FEED_SMALL_BYTES = 1024,         /* a message that goes out also when there are more */
};

struct feed_publisher_stats {
    uint64_t cut_off;       /* readers, for their subscriptions */
    uint64_t withheld;      /* messages, for what waits */
    uint64_t waiting_bytes; /* now */
};

struct feed_publisher_stats feed_publisher_stats(const struct feed_publisher *publisher);
/* -1 if the message would exceed FRAME_LIMIT_BYTES, or too much waits for slow readers; nothing is
 * sent then. */
int feed_publish(struct feed_publisher *publisher, enum event_id event, const void *params);

/* params is of the event's shape and lives until the callback returns. */
typedef void feed_event_fn(void *arg, enum event_id event, const void *params);

int feed_subscriber_open(struct feed_subscriber **ret, struct loop *loop,
                         struct endpoint_context *context, const struct config_list *addresses,
                         feed_event_fn *on_event, void *arg, struct error *error);
void feed_subscriber_close(struct feed_subscriber *subscriber); /* takes NULL */

#endif
