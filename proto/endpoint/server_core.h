/* What the two kinds of server share: requests, dispatch, replies. Internal to endpoint. */
#ifndef PROTO_ENDPOINT_SERVER_CORE_H
#define PROTO_ENDPOINT_SERVER_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/deadlines.h"
#include "proto/endpoint/envelope.h"
#include "proto/endpoint/server.h"
#include "proto/endpoint/socket.h"

struct rpc_request {
    LIST_ENTRY(rpc_request) entry; /* of server->parked, when parked */
    struct rpc_server *server;
    struct envelope envelope;
    struct arena arena;
    struct frame frame;
    const struct rpc_route *route;
    void *params;
    int64_t deadline_mono_ms;
    bool parked;
    struct deadline deadline; /* loop servers */
    void (*on_expired)(void *arg, struct rpc_request *request);
    void *on_expired_arg;
};

/* Figures are read by other threads. */
struct server_counters {
    atomic_uint_fast64_t requests, malformed, failed, expired, undeliverable, parked;
};

struct server_thread;

struct rpc_server {
    void *router;
    struct socket_binding *binding;
    const struct rpc_route *routes;
    void *arg;
    struct server_counters counters;
    struct buf reply; /* reused; of the thread that owns the router */
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

/* Takes one message off the router. NULL: none, see envelope_receive(). */
struct rpc_request *request_receive(struct rpc_server *server, int flags);
/* Decodes and calls the handler, or answers with an error. The request is owned by then. */
void request_handle(struct rpc_request *request);
void request_free(struct rpc_request *request);

void server_close_threaded(struct rpc_server *server);
/* Whether the calling thread may use server->router. */
bool server_thread_is_mine(const struct server_thread *thread);
/* Hands a finished reply to the thread. */
void server_thread_send(struct server_thread *thread, struct envelope *envelope,
                        struct str payload);

#endif
