/* What the two kinds of server share: requests, dispatch, replies. Internal to endpoint. */
#ifndef PROTO_ENDPOINT_SERVER_CORE_H
#define PROTO_ENDPOINT_SERVER_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/log/once_a_minute.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/burden.h"
#include "proto/endpoint/deadlines.h"
#include "proto/endpoint/envelope.h"
#include "proto/endpoint/reply_slabs.h"
#include "proto/endpoint/server.h"
#include "proto/endpoint/socket.h"

struct rpc_request {
    LIST_ENTRY(rpc_request) entry; /* of server->parked, when parked, or of server->spare */
    struct rpc_server *server;
    struct envelope envelope;
    struct arena arena;
    struct frame frame;
    const struct rpc_route *route;
    void *params, *kept;
    int64_t deadline_mono_ms;
    bool parked;
    struct burden *burden; /* when parked */
    size_t burden_bytes;
    bool may_be_idle;
    struct deadline deadline; /* loop servers */
    void (*on_expired)(void *arg, struct rpc_request *request);
    void *on_expired_arg;
};

/* Figures are read by other threads. */
struct server_counters {
    atomic_uint_fast64_t requests, malformed, failed, declined, expired, idle, undeliverable,
        refused, parked;
};

static inline void server_count(atomic_uint_fast64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

struct server_thread;

struct rpc_server {
    void *router;
    struct socket_binding *binding;
    const struct rpc_route *routes;
    void *arg;
    const struct rpc_batching *batching;
    struct server_counters counters;
    struct burdens *burdens;
    struct once_a_minute dropped_line; /* about those that were refused or undeliverable */
    /* Of the thread that owns the router: what the next request and reply can use again. */
    LIST_HEAD(, rpc_request) spare;
    size_t spare_count;
    struct buf reply;
    struct reply_slabs slabs;
    pthread_mutex_t parked_lock;
    LIST_HEAD(, rpc_request) parked;
    /* One of the two: */
    struct loop *loop;
    struct deadlines deadlines;
    struct server_thread *thread;
};

/* A server without loop and thread: the ROUTER is bound. */
int server_new(struct rpc_server **ret, const struct rpc_server_options *options,
               struct error *error);
/* Fails what is parked, closes the socket, frees. The thread, if there was one, has ended. */
void server_free(struct rpc_server *server);
void server_fail_parked(struct rpc_server *server);

/* The message of a reply to the envelope's peer, from the slabs of the calling thread. */
void server_reply_message(struct rpc_server *server, struct reply_slabs *slabs,
                          struct envelope *envelope, struct str payload, zmq_msg_t *ret_message);
/* Logs, once a minute at most, that something was refused or dropped. */
void server_tell_dropped(struct rpc_server *server);
void server_count_undeliverable(struct rpc_server *server);

/* Takes one message off the router. NULL: none, see envelope_receive(). */
struct rpc_request *request_receive(struct rpc_server *server, int flags);
/* Decodes it, as of now. False: it was answered with an error. */
bool request_open(struct rpc_request *request, int64_t now_mono_ms);
/* Takes opened requests, of one server, through their stages to their handlers. */
void requests_handle(struct rpc_server *server, struct rpc_request *const *requests, size_t count);
void request_free(struct rpc_request *request);
void requests_free_spare(struct rpc_server *server);

void server_close_threaded(struct rpc_server *server);
/* Whether the calling thread may use server->router. */
bool server_thread_is_mine(const struct server_thread *thread);
/* Hands a finished reply to the thread. */
void server_thread_send(struct server_thread *thread, struct envelope *envelope,
                        struct str payload);

#endif
