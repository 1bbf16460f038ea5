/* Apart from feed_subscriber.c, for the client library reads feeds and binds nothing. */
#include "proto/endpoint/feed.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "common/log/once_a_minute.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/feed_queue.h"
#include "proto/endpoint/handed_over.h"
#include "proto/endpoint/socket.h"

enum {
    FEED_LINGER_MS = 200,
    /* What readers send: subscriptions, and before them the handshake (RFC 26: an INITIATE has some
     * 300 bytes and a routing id). */
    READER_FRAME_LIMIT_BYTES = 1024,
    /* Few: libzmq takes in all that are there before it lets its caller go on. */
    READER_QUEUE_MESSAGES = 4,
};

/* Of messages under way; it outlives the publisher. */
struct feed_load {
    atomic_size_t bytes;
    atomic_size_t users; /* the publisher and each message */
};

struct feed_publisher {
    struct loop *loop;
    void *xpub;
    struct socket_binding *binding;
    struct buf out;
    struct feed_load *load;
    size_t prefix_bytes; /* of all different subscriptions */
    struct feed_publisher_stats stats;
    struct once_a_minute dropped_line;
};

struct block {
    struct feed_load *load;
    size_t bytes;
    char payload[];
};

static void leave_load(struct feed_load *load)
{
    if (load && atomic_fetch_sub(&load->users, 1) == 1)
        mem_free(load);
}

static void leave_block(void *payload, void *arg)
{
    struct block *block = arg;
    (void)payload;

    TAKE_OVER(block);
    atomic_fetch_sub(&block->load->bytes, block->bytes);
    leave_load(block->load);
    mem_free(block);
}

static void make_message(const struct feed_publisher *publisher, zmq_msg_t *ret_message)
{
    const struct buf *out = &publisher->out;
    struct block *block = mem_alloc(sizeof(*block) + out->len);

    block->load = publisher->load;
    block->bytes = sizeof(*block) + out->len;
    memcpy(block->payload, out->data, out->len);
    atomic_fetch_add(&block->load->bytes, block->bytes);
    atomic_fetch_add(&block->load->users, 1);
    HAND_OVER(block);
    if (zmq_msg_init_data(ret_message, block->payload, out->len, leave_block, block) < 0)
        mem_exhausted();
}

static void tell(struct feed_publisher *publisher, const char *what)
{
    if (!once_a_minute(&publisher->dropped_line, clock_mono_ms(),
                       publisher->stats.cut_off + publisher->stats.withheld, NULL))
        return;
    log_warning(what, LOG_INT("cut_off_total", publisher->stats.cut_off),
                LOG_INT("withheld_total", publisher->stats.withheld),
                LOG_INT("waiting_bytes", atomic_load(&publisher->load->bytes)));
}

/* The connection that a message came over. It may be gone, and its number another's: one of our own
 * listening paths or ports only, whose reader comes back by itself. */
static void cut_off(struct feed_publisher *publisher, zmq_msg_t *msg)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    int fd = zmq_msg_get(msg, ZMQ_SRCFD);

    publisher->stats.cut_off++;
    tell(publisher, "a reader of the feed subscribes to more prefixes than allowed, and is cut "
                    "off; subscribe to everything");
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
        socket_is_bound_at(publisher->binding, &address))
        shutdown(fd, SHUT_RDWR);
}

/* libzmq tells of each prefix when it is the first of its kind, and when the last goes: 1 or 0, and
 * the prefix. */
static void take_subscription(struct feed_publisher *publisher, zmq_msg_t *msg)
{
    const struct str bytes = socket_msg_str(msg);
    size_t prefix_len = bytes.len > 0 ? bytes.len - 1 : 0;

    if (prefix_len == 0)
        return;
    if (bytes.ptr[0] == 0) {
        publisher->prefix_bytes -= prefix_len;
        return;
    }
    publisher->prefix_bytes += prefix_len;
    if (prefix_len > FEED_PREFIX_BYTES || publisher->prefix_bytes > FEED_PREFIXES_BYTES)
        cut_off(publisher, msg);
}

static void on_subscriptions(void *arg, void *socket)
{
    enum { MESSAGES_PER_TURN = 256 };
    zmq_msg_t msg;
    size_t frames;

    for (int i = 0; i < MESSAGES_PER_TURN && socket_receive(socket, &msg, &frames); i++) {
        take_subscription(arg, &msg);
        zmq_msg_close(&msg);
    }
}

int feed_publisher_open(struct feed_publisher **ret, struct loop *loop,
                        struct endpoint_context *context, const struct endpoint_binding *binding,
                        struct error *error)
{
    struct feed_publisher *publisher = mem_alloc_zero(sizeof(*publisher));

    const int64_t limit = READER_FRAME_LIMIT_BYTES;

    publisher->loop = loop;
    publisher->load = mem_alloc_zero(sizeof(*publisher->load));
    atomic_init(&publisher->load->users, 1);
    publisher->xpub = socket_open(context, ZMQ_XPUB, FEED_LINGER_MS);
    socket_set(publisher->xpub, ZMQ_SNDHWM, FEED_QUEUE_MESSAGES);
    socket_set(publisher->xpub, ZMQ_RCVHWM, READER_QUEUE_MESSAGES);
    zmq_setsockopt(publisher->xpub, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
    socket_watch(loop, publisher->xpub, LOOP_READ, on_subscriptions, publisher);
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
    socket_unwatch(publisher->loop, publisher->xpub);
    socket_unbind(publisher->binding);
    socket_close(publisher->xpub);
    buf_done(&publisher->out);
    leave_load(publisher->load);
    mem_free(publisher);
}

struct feed_publisher_stats feed_publisher_stats(const struct feed_publisher *publisher)
{
    struct feed_publisher_stats stats = publisher->stats;

    stats.waiting_bytes = atomic_load(&publisher->load->bytes);
    return stats;
}

int feed_publish(struct feed_publisher *publisher, enum event_id event, const void *params)
{
    struct buf *out = &publisher->out;
    zmq_msg_t message;

    buf_clear(out);
    codec_write_notification(out, events[event].name, events[event].params, params);
    if (out->len > FRAME_LIMIT_BYTES)
        return -1;
    if (out->len > FEED_SMALL_BYTES &&
        atomic_load(&publisher->load->bytes) + out->len > FEED_WAITING_BYTES) {
        publisher->stats.withheld++;
        tell(publisher, "a reader of the feed is so slow that events are sent without what they "
                        "wrote; all readers ask for changes");
        return -1;
    }
    make_message(publisher, &message);
    if (zmq_msg_send(&message, publisher->xpub, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&message);
    return 0;
}
