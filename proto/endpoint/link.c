#include "proto/endpoint/link.h"

#include <string.h>

#include "common/base/mem.h"
#include "proto/endpoint/socket.h"

struct link {
    struct loop *loop;
    const struct link_events *events;
    void *dealer;
    void *monitor; /* PAIR on which libzmq tells what becomes of the connection */
    bool connected, refused;
    bool blocked; /* a send was refused; waiting for the queue to have room */
};

static void watch(struct link *link);

static void on_dealer(void *arg, void *socket)
{
    enum { MESSAGES_PER_TURN = 256 };
    struct link *link = arg;
    zmq_msg_t msg;
    size_t frames;

    for (int i = 0; i < MESSAGES_PER_TURN && socket_receive(socket, &msg, &frames); i++) {
        link->events->on_message(link->events->arg, socket_msg_str(&msg));
        zmq_msg_close(&msg);
    }
    if (link->blocked) {
        link->blocked = false;
        watch(link);
        link->events->on_writable(link->events->arg);
    }
}

static void watch(struct link *link)
{
    socket_watch(link->loop, link->dealer, LOOP_READ | (link->blocked ? LOOP_WRITE : 0), on_dealer,
                 link);
}

static void set_connected(struct link *link, bool connected)
{
    if (link->connected == connected)
        return;
    link->connected = connected;
    if (!connected && link->blocked) {
        link->blocked = false;
        watch(link);
    }
    link->events->on_connection(link->events->arg, link, connected);
}

/* A message of the monitor is [event number and value, address]; zmq_socket_monitor(3). */
static bool receive_event(void *monitor, uint16_t *ret_event)
{
    zmq_msg_t msg;

    zmq_msg_init(&msg);
    int len = zmq_msg_recv(&msg, monitor, ZMQ_DONTWAIT);
    if (len >= (int)sizeof(*ret_event))
        memcpy(ret_event, zmq_msg_data(&msg), sizeof(*ret_event));
    while (len >= 0 && zmq_msg_more(&msg))
        len = zmq_msg_recv(&msg, monitor, ZMQ_DONTWAIT);
    zmq_msg_close(&msg);
    return len >= 0;
}

static void on_monitor(void *arg, void *socket)
{
    struct link *link = arg;
    uint16_t event = 0;

    while (receive_event(socket, &event)) {
        /* What follows a refusal is the end of that connection. */
        if (event != ZMQ_EVENT_DISCONNECTED)
            link->refused = event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
        set_connected(link, event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    }
}

static int open_monitor(struct link *link, struct endpoint_context *context, struct error *error)
{
    cleanup(mem_freep) char *address = mem_printf("inproc://link-%p", (void *)link);

    if (zmq_socket_monitor(link->dealer, address,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_DISCONNECTED) < 0)
        return error_set(error, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
    link->monitor = socket_open(context, ZMQ_PAIR, 0);
    socket_watch(link->loop, link->monitor, LOOP_READ, on_monitor, link);
    return socket_connect(context, link->monitor, address, error);
}

int link_open(struct link **ret, struct loop *loop, struct endpoint_context *context,
              const char *address, const struct link_events *events, struct error *error)
{
    struct link *link = mem_alloc_zero(sizeof(*link));

    link->loop = loop;
    link->events = events;
    link->dealer = socket_open(context, ZMQ_DEALER, 0);
    watch(link);
    if (open_monitor(link, context, error) < 0 ||
        socket_connect(context, link->dealer, address, error) < 0) {
        link_close(link);
        return -1;
    }
    *ret = link;
    return 0;
}

void link_close(struct link *link)
{
    if (!link)
        return;
    socket_unwatch(link->loop, link->dealer);
    if (link->monitor) {
        socket_unwatch(link->loop, link->monitor);
        zmq_socket_monitor(link->dealer, NULL, 0);
    }
    socket_close(link->monitor);
    socket_close(link->dealer);
    mem_free(link);
}

bool link_connected(const struct link *link)
{
    return link->connected;
}

bool link_refused(const struct link *link)
{
    return link->refused;
}

bool link_send(struct link *link, struct str payload)
{
    if (!link->connected)
        return false;
    /* The empty frame first: what a REQ socket would put there. */
    if (zmq_send(link->dealer, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        zmq_send(link->dealer, payload.ptr, payload.len, ZMQ_DONTWAIT);
        return true;
    }
    if (!link->blocked) {
        link->blocked = true;
        watch(link);
    }
    return false;
}
