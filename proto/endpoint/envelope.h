/* The frames of a request: who sent it, what is mirrored, the payload. Internal to endpoint.
 *
 * A ROUTER reads [identity, ..., empty, payload]: DEALER and REQ callers, also behind proxies, put
 * an empty frame before the payload, and everything up to it is mirrored. A payload that stands
 * alone, without an empty frame, is answered alone.
 */
#ifndef PROTO_ENDPOINT_ENVELOPE_H
#define PROTO_ENDPOINT_ENVELOPE_H

#include <stdbool.h>
#include <zmq.h>

#include "common/base/str.h"

enum {
    ENVELOPE_MIRRORED_MAX = 10, /* identities of proxies and the empty frame */
    ENVELOPE_FRAMES_MAX = ENVELOPE_MIRRORED_MAX + 2,
};

struct envelope {
    zmq_msg_t frames[ENVELOPE_FRAMES_MAX];
    size_t count;    /* of frames kept */
    size_t mirrored; /* frames[0 .. mirrored - 1] go back */
    size_t sent;     /* so many of these have, and libzmq has them */
    bool whole;      /* frames[mirrored] is the one payload */
};

/* False: no message is waiting (or, without ZMQ_DONTWAIT, the context ends). */
bool envelope_receive(void *socket, int flags, struct envelope *ret_envelope);
void envelope_done(struct envelope *envelope);
struct str envelope_payload(struct envelope *envelope); /* lives as long as the envelope */
struct str envelope_peer(struct envelope *envelope);    /* which connection; likewise */

/* Sends the mirrored frames and the message, never waits. -1: the first frame was refused, so
 * nothing was sent. All are used up. */
int envelope_reply(void *socket, struct envelope *envelope, zmq_msg_t *body);

/* Sends frames[first ..] as one message, as they are. They are used up. */
int envelope_forward(void *socket, struct envelope *envelope, size_t first);

#endif
