/* Memory of small replies: many in one piece that they share. Internal to endpoint.
 *
 * What libzmq allocates for a message is freed by its own thread, which costs the allocator more
 * than copying the reply. A piece is used again, or freed, when the last message in it is gone; so
 * a peer that does not read could keep REPLY_SLAB_BYTES for each reply in its queue. Only so many
 * pieces are kept like that by all of them; from then on there is no room.
 */
#ifndef PROTO_ENDPOINT_REPLY_SLABS_H
#define PROTO_ENDPOINT_REPLY_SLABS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <zmq.h>

#include "common/base/str.h"

enum { REPLY_SLAB_BYTES = 4096, REPLY_SLABS_KEPT = 32, REPLY_SLABS_AWAY_MAX = 8192 };

struct reply_slab;

/* Of one thread. */
struct reply_slabs {
    struct reply_slab *kept[REPLY_SLABS_KEPT]; /* NULL: not needed yet */
    size_t filling;
    struct slabs_away *away; /* NULL: nothing was sent yet */
};

/* A message with a copy of the payload, which the caller sends or closes. False: it is too large
 * to share a piece, or too many are under way. */
bool reply_slabs_message(struct reply_slabs *slabs, struct str payload, zmq_msg_t *ret_message);
/* Messages that are still under way keep theirs. */
void reply_slabs_done(struct reply_slabs *slabs);

#endif
