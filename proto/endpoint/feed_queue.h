/* Shared by the two ends of a feed. Internal to endpoint. */
#ifndef PROTO_ENDPOINT_FEED_QUEUE_H
#define PROTO_ENDPOINT_FEED_QUEUE_H

/* Messages a slow reader may be behind before it misses some and has to ask for changes. */
enum { FEED_QUEUE_MESSAGES = 20000 };

#endif
