/* Apart from feed_subscriber.c, for the client library reads feeds and binds nothing. */
#include "proto/endpoint/feed.h"

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/feed_queue.h"
#include "proto/endpoint/socket.h"

enum { FEED_LINGER_MS = 200 };

struct feed_publisher {
    struct loop *loop;
    void *xpub;
    struct socket_binding *binding;
    struct buf out;
};

/* What readers send up, subscriptions, would otherwise gather in memory. */
static void drain_subscriptions(void *arg, void *socket)
{
    zmq_msg_t msg;
    size_t frames;
    (void)arg;

    while (socket_receive(socket, &msg, &frames))
        zmq_msg_close(&msg);
}

int feed_publisher_open(struct feed_publisher **ret, struct loop *loop,
                        struct endpoint_context *context, const struct endpoint_binding *binding,
                        struct error *error)
{
    struct feed_publisher *publisher = mem_alloc_zero(sizeof(*publisher));

    publisher->loop = loop;
    publisher->xpub = socket_open(context, ZMQ_XPUB, FEED_LINGER_MS);
    socket_set(publisher->xpub, ZMQ_SNDHWM, FEED_QUEUE_MESSAGES);
    loop_watch_socket(loop, publisher->xpub, LOOP_READ, drain_subscriptions, NULL);
    if (socket_bind(&publisher->binding, context, publisher->xpub, binding, error) < 0) {
        feed_publisher_close(publisher);
        return -1;
    }
    *ret = publisher;
    return 0;
}

void feed_publisher_close(struct feed_publisher *publisher)
{
    if (!publisher)
        return;
    loop_unwatch_socket(publisher->loop, publisher->xpub);
    socket_unbind(publisher->binding);
    socket_close(publisher->xpub);
    buf_done(&publisher->out);
    mem_free(publisher);
}

int feed_publish(struct feed_publisher *publisher, enum event_id event, const void *params)
{
    struct buf *out = &publisher->out;

    buf_clear(out);
    codec_write_notification(out, events[event].name, events[event].params, params);
    if (out->len > FRAME_LIMIT_BYTES)
        return -1;
    zmq_send(publisher->xpub, out->data, out->len, ZMQ_DONTWAIT);
    return 0;
}
