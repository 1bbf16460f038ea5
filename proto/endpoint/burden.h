/* What a server keeps in memory for each peer: replies on their way, requests that wait. Internal
 * to endpoint.
 *
 * ZeroMQ counts messages, and one may be of any size: this counts bytes. A peer is a connection. It
 * may burden the server with so much, all together with so much; a connection over it is refused as
 * throttled until it has read its replies. While all together are over theirs, that holds for every
 * peer that burdens the server with anything at all. So it costs a question of others nothing, and
 * a look-up is needed only once more is kept than one peer may have.
 *
 * A reply is counted until libzmq lets its memory go: written to the peer, or dropped with it.
 */
#ifndef PROTO_ENDPOINT_BURDEN_H
#define PROTO_ENDPOINT_BURDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "common/base/str.h"

struct burdens; /* of one server; any thread */
struct burden;  /* of one peer */

struct burden_limits {
    size_t peer_bytes, all_bytes;
};

struct burdens *burdens_new(struct burden_limits limits);
/* Messages that are under way keep what they need of it. Takes NULL. */
void burdens_leave(struct burdens *burdens);
size_t burdens_bytes(const struct burdens *burdens);

/* Whether any peer may be refused now: asked first, for it takes no lock. */
bool burdens_may_refuse(const struct burdens *burdens);
/* If so: whether this one is. */
bool burdens_refuse(struct burdens *burdens, struct str peer);

/* How many replies and requests of the peer are counted now. */
size_t burdens_parts(struct burdens *burdens, struct str peer);

/* Counts bytes until burden_end(). */
struct burden *burden_begin(struct burdens *burdens, struct str peer, size_t bytes);
void burden_end(struct burden *burden, size_t bytes);

/* A message with a copy of the payload, counted as long as it lives. */
void burden_message(struct burdens *burdens, struct str peer, struct str payload,
                    zmq_msg_t *ret_message);

#endif
