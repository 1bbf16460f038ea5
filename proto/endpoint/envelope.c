#include "proto/endpoint/envelope.h"

#include "proto/endpoint/socket.h"
#include <errno.h>

/* Its size; -1: there is none. */
static int receive_frame(void *socket, int flags, zmq_msg_t *msg)
{
    int size;

    while ((size = zmq_msg_recv(msg, socket, flags)) < 0) {
        if (zmq_errno() != EINTR)
            return -1;
    }
    return size;
}

/* Frames beyond the limit are read and dropped: the last place is overwritten. The first empty
 * frame, which is not the peer's name, ends what is mirrored. */
static bool receive_frames(void *socket, int flags, struct envelope *envelope, bool *ret_surplus)
{
    bool more = true;

    *ret_surplus = false;
    while (more) {
        if (envelope->count < ENVELOPE_FRAMES_MAX)
            zmq_msg_init(&envelope->frames[envelope->count++]);
        else
            *ret_surplus = true;
        size_t last = envelope->count - 1;
        int size = receive_frame(socket, last > 0 ? 0 : flags, &envelope->frames[last]);
        if (size < 0)
            return false;
        if (size == 0 && last > 0 && last < ENVELOPE_MIRRORED_MAX && envelope->mirrored == 1)
            envelope->mirrored = last + 1;
        more = zmq_msg_more(&envelope->frames[last]) != 0;
    }
    return true;
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
        ret_envelope->mirrored = 1;
    ret_envelope->whole = !surplus && ret_envelope->mirrored + 1 == ret_envelope->count;
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
