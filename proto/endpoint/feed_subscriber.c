/* Reading feeds. Apart from feed_publisher.c: the client library publishes nothing. */
#include "proto/endpoint/feed.h"

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/feed_queue.h"
#include "proto/endpoint/socket.h"

struct feed_subscriber {
    struct loop *loop;
    void *sub;
    feed_event_fn *on_event;
    void *arg;
};

static enum event_id find_event(struct str name)
{
    int i = 0;

    while (i < EVENT_COUNT && !str_eq_text(name, events[i].name))
        i++;
    return (enum event_id)i;
}

/* What cannot be read is as good as lost: its number will be missed. */
static void take_event(struct feed_subscriber *subscriber, struct str bytes)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct frame frame;

    if (codec_open_frame(bytes, &frame, NULL) < 0 || frame.type != FRAME_NOTIFICATION)
        return;
    enum event_id event = find_event(frame.method);
    if (event == EVENT_COUNT)
        return;
    void *params = arena_alloc(&arena, events[event].params->size);
    if (codec_read_params(&frame, events[event].params, &arena, params, NULL) == 0)
        subscriber->on_event(subscriber->arg, event, params);
}

static void on_readable(void *arg, void *socket)
{
    enum { EVENTS_PER_TURN = 256 };
    struct feed_subscriber *subscriber = arg;
    zmq_msg_t msg;
    size_t frames;

    for (int i = 0; i < EVENTS_PER_TURN && socket_receive(socket, &msg, &frames); i++) {
        if (frames == 1)
            take_event(subscriber, socket_msg_str(&msg));
        zmq_msg_close(&msg);
    }
}

static int connect_all(struct endpoint_context *context, void *socket,
                       const struct config_list *addresses, struct error *error)
{
    if (addresses->count == 0)
        return error_set(error, "no feed to connect to is set");
    for (size_t i = 0; i < addresses->count; i++) {
        if (socket_connect(context, socket, addresses->items[i], error) < 0)
            return -1;
    }
    return 0;
}

int feed_subscriber_open(struct feed_subscriber **ret, struct loop *loop,
                         struct endpoint_context *context, const struct config_list *addresses,
                         feed_event_fn *on_event, void *arg, struct error *error)
{
    struct feed_subscriber *subscriber = mem_alloc_zero(sizeof(*subscriber));

    *subscriber = (struct feed_subscriber){.loop = loop, .on_event = on_event, .arg = arg};
    subscriber->sub = socket_open(context, ZMQ_SUB, 0);
    socket_set(subscriber->sub, ZMQ_RCVHWM, FEED_QUEUE_MESSAGES);
    zmq_setsockopt(subscriber->sub, ZMQ_SUBSCRIBE, "", 0);
    socket_watch(loop, subscriber->sub, LOOP_READ, on_readable, subscriber);
    if (connect_all(context, subscriber->sub, addresses, error) < 0) {
        feed_subscriber_close(subscriber);
        return -1;
    }
    *ret = subscriber;
    return 0;
}

void feed_subscriber_close(struct feed_subscriber *subscriber)
{
    if (!subscriber)
        return;
    socket_unwatch(subscriber->loop, subscriber->sub);
    socket_close(subscriber->sub);
    mem_free(subscriber);
}
