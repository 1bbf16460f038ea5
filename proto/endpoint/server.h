/* The answering end: a ROUTER socket, dispatch by table, deadlines, parked requests.
 *
 * Everything up to and including the first empty frame is mirrored, so DEALER and REQ both work. A
 * handler sees a decoded, limit-checked struct; what cannot be decoded is answered with an error
 * and counted, never handed on, and never ends the process. ROUTER_MANDATORY: a reply that cannot
 * be delivered is dropped whole and counted.
 */
#ifndef PROTO_ENDPOINT_SERVER_H
#define PROTO_ENDPOINT_SERVER_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"
#include "proto/message.h"

struct rpc_server;
struct rpc_request;

typedef void rpc_handler_fn(void *arg, struct rpc_request *request);

struct rpc_route {
    enum method_id method;
    rpc_handler_fn *handler;
};

enum { RPC_STAGES = 2 };

/* What is done with requests that have come together before each is given to its handler: all of
 * them go through one stage before the next. So a stage may ask for memory that the next one reads,
 * and memory is waited for once instead of once for each request. A stage neither answers nor
 * parks. */
struct rpc_batching {
    void (*begin)(void *arg);
    rpc_handler_fn *stages[RPC_STAGES];
    void (*end)(void *arg); /* after the last handler */
};

struct rpc_server_options {
    struct endpoint_context *context;
    struct endpoint_binding binding;
    const struct rpc_route *routes; /* copied by reference; ends with a row without a handler */
    void *arg;                      /* given to every handler */
    const struct rpc_batching *batching; /* by reference; NULL: none */
    /* What replies that a peer has not read and requests of it that wait may take, each and all
     * together; 0: RPC_PEER_BYTES and RPC_ALL_BYTES. Beyond that it is refused as throttled. */
    size_t peer_bytes, all_bytes;
    int64_t request_bytes; /* of a frame; 0: FRAME_LIMIT_BYTES. A longer one drops the connection */
};

enum { RPC_PEER_BYTES = 16 << 20, RPC_ALL_BYTES = 256 << 20 };

struct rpc_server_stats {
    uint64_t requests;
    uint64_t malformed; /* not a request at all; answered if it can be addressed */
    /* Each answered with an error is in one of the next four. */
    uint64_t failed;        /* what they need was not to be had, or something broke */
    uint64_t declined;      /* for what they say, for how much is asked, or too early */
    uint64_t expired;       /* past their deadline before or while being handled */
    uint64_t idle;          /* rpc_may_be_idle(), and their time has passed */
    uint64_t undeliverable; /* replies dropped: the peer is gone or does not read */
    uint64_t refused;       /* as throttled: too much of the peer's waits already */
    uint64_t parked;        /* now */
    uint64_t waiting_bytes; /* now: replies that are not read, requests that wait */
};

/* On the loop: handlers run on its thread, one request at a time. */
int rpc_server_open(struct rpc_server **ret, struct loop *loop,
                    const struct rpc_server_options *options, struct error *error);
/* On a thread of its own that blocks on receive, drains and answers: for the query path. The thread
 * ends in rpc_server_close(). Handlers run on that thread. Any thread may answer a request after
 * rpc_park(): its reply reaches the server's thread as a message through the same ROUTER, from an
 * inproc DEALER whose routing id is a secret of the process. So the thread waits in one place, and
 * the reply wakes it by itself. */
int rpc_server_open_threaded(struct rpc_server **ret, const struct rpc_server_options *options,
                             struct error *error);
/* Parked requests are answered as unavailable, without on_expired; they must not be touched any
 * more, nor answered while this runs. Not from a handler. Takes NULL. */
void rpc_server_close(struct rpc_server *server);
void rpc_server_stats(const struct rpc_server *server, struct rpc_server_stats *ret_stats);

/* The decoded parameters: a `const struct <params shape> *` of the route's method. They live, like
 * the arena, until the request is answered. */
const void *rpc_request_params(const struct rpc_request *request);
enum method_id rpc_request_method(const struct rpc_request *request);
struct str rpc_request_trace(const struct rpc_request *request); /* may be empty */
struct arena *rpc_request_arena(struct rpc_request *request);
/* Which connection it came over, as bytes; lives as long as the request. */
struct str rpc_request_peer(struct rpc_request *request);
/* How many requests of that connection wait now, and large replies to it that are not read. */
size_t rpc_request_peer_waiting(struct rpc_request *request);
/* What a stage leaves for what comes after it; NULL at first. */
void rpc_request_keep(struct rpc_request *request, void *kept);
void *rpc_request_kept(const struct rpc_request *request);
/* What is left of timeout_ms (a default of 30 s if the caller gave none); 0 when it has passed. */
int64_t rpc_request_time_left_ms(const struct rpc_request *request);

/* Every request is answered exactly once, now or later; afterwards it must not be touched. */
/* result is of the method's result shape; NULL for the shape nothing. -1: it was not sent,
 * because the peer is gone, does not read, or the result is larger than a message may be; the
 * caller takes back what it gave away with it. (From another thread than the server's own, a
 * peer that is gone is noticed later, and counted only.) */
int rpc_reply(struct rpc_request *request, const void *result);
void rpc_fail(struct rpc_request *request, enum rpc_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* It asks for what there may be none of: that its time passes is no failure. */
void rpc_may_be_idle(struct rpc_request *request);
/* Keeps a request for later. On a loop server on_expired is called at its deadline, in which the
 * owner must forget the request; the server then answers it with timeout. A threaded server does
 * not watch deadlines: the keeper of the request looks at rpc_request_time_left_ms() and answers.
 */
void rpc_park(struct rpc_request *request,
              void (*on_expired)(void *arg, struct rpc_request *request), void *arg);

#endif
