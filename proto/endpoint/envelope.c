#include "proto/endpoint/envelope.h"

#include "proto/endpoint/socket.h"
#include <errno.h>

static bool receive_frame(void *socket, int flags, zmq_msg_t *msg)
{
    while (zmq_msg_recv(msg, socket, flags) < 0) {
        if (zmq_errno() != EINTR)
            return false;
    }
    return true;
}

/* Frames beyond the limit are read and dropped: the last place is overwritten. */
static bool receive_frames(void *socket, int flags, struct envelope *envelope, bool *ret_surplus)
{
    bool more = true;

    *ret_surplus = false;
    while (more) {
        if (envelope->count < ENVELOPE_FRAMES_MAX)
            zmq_msg_init(&envelope->frames[envelope->count++]);
        else
            *ret_surplus = true;
        zmq_msg_t *frame = &envelope->frames[envelope->count - 1];
        if (!receive_frame(socket, envelope->count > 1 ? 0 : flags, frame))
            return false;
        more = zmq_msg_more(frame) != 0;
    }
    return true;
}

static size_t find_empty(struct envelope *envelope)
{
    size_t i = 1;

    while (i < envelope->count && zmq_msg_size(&envelope->frames[i]) > 0)
        i++;
    return i;
}

bool envelope_receive(void *socket, int flags, struct envelope *ret_envelope)
{
    bool surplus;

    ret_envelope->count = 0;
    ret_envelope->sent = 0;
    ret_envelope->mirrored = 1;
    ret_envelope->whole = false;
    if (!receive_frames(socket, flags, ret_envelope, &surplus)) {
        envelope_done(ret_envelope);
        return false;
    }
    if (surplus)
        return true;

    size_t empty = find_empty(ret_envelope);
    if (empty < ret_envelope->count && empty < ENVELOPE_MIRRORED_MAX)
        ret_envelope->mirrored = empty + 1;
    ret_envelope->whole = ret_envelope->mirrored + 1 == ret_envelope->count;
    return true;
}

void envelope_done(struct envelope *envelope)
{
    for (size_t i = envelope->sent; i < envelope->count; i++)
        zmq_msg_close(&envelope->frames[i]);
    envelope->count = 0;
}

struct str envelope_payload(struct envelope *envelope)
{
    return socket_msg_str(&envelope->frames[envelope->mirrored]);
}

struct str envelope_peer(struct envelope *envelope)
{
    return socket_msg_str(&envelope->frames[0]);
}

/* With ZMQ_ROUTER_MANDATORY the first frame is refused when the peer is gone or its queue is full;
 * once it is taken, the rest of the message is too. */
static int send_frame(void *socket, zmq_msg_t *frame, bool more)
{
    int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);

    while (zmq_msg_send(frame, socket, flags) < 0) {
        if (zmq_errno() != EINTR)
            return -1;
    }
    return 0;
}

int envelope_reply(void *socket, struct envelope *envelope, zmq_msg_t *body)
{
    int err = 0;

    for (size_t i = 0; i < envelope->mirrored && err == 0; i++)
        err = send_frame(socket, &envelope->frames[i], true);
    if (err == 0)
        err = send_frame(socket, body, false);
    if (err < 0)
        zmq_msg_close(body);
    else
        envelope->sent = envelope->mirrored;
    return err;
}

int envelope_forward(void *socket, struct envelope *envelope, size_t first)
{
    for (size_t i = first; i < envelope->count; i++) {
        if (send_frame(socket, &envelope->frames[i], i + 1 < envelope->count) < 0)
            return -1;
    }
    return 0;
}
