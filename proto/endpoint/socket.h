/* What all sockets have in common: options, binding with locks, connecting. Internal to endpoint.
 *
 * ipc sockets are bound here and handed to libzmq (ZMQ_USE_FD): so they have their mode before
 * anybody can connect. We remove the path ourselves, while we still hold its lock. libzmq removes
 * it from a thread of its own at some later time, when the next holder may have bound it.
 */
#ifndef PROTO_ENDPOINT_SOCKET_H
#define PROTO_ENDPOINT_SOCKET_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <zmq.h>

#include "common/base/error.h"
#include "common/base/str.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"

/* libzmq looks up names in the thread that carries the connection: those have a thread to
 * themselves, so that a silent name server keeps no other endpoint waiting. */
enum { SOCKET_IO_THREADS = 2 };

struct admission;
struct expected_server;

struct endpoint_context {
    void *zmq;
    struct curve_keys keys;      /* empty: none */
    struct admission *admission; /* NULL: no tcp:// is bound */
    atomic_bool looks_up_names;  /* a socket was connected to an endpoint with a host's name */
    pthread_mutex_t lock;        /* nothing is allocated under it */
    SLIST_HEAD(, expected_server) expected;
};

/* High-water marks, per peer, in messages. A server bounds its replies in bytes besides (burden.h),
 * while each of its requests may have a whole frame until it is looked at. Measured: fewer than a
 * hundred cost a peer that has a thousand in flight a third of its rate. */
enum { SOCKET_QUEUE_MESSAGES = 10000, SERVER_QUEUE_REQUESTS = 128 };

/* Never NULL. type is one of ZMQ_ROUTER, ...; what is unsent when it closes is kept linger_ms. */
void *socket_open(struct endpoint_context *context, int type, int linger_ms);
void socket_close(void *socket); /* takes NULL */
void socket_set(void *socket, int option, int value);

/* For the next address that is bound or connected: an address keeps what was set then. */
void socket_use_no_keys(void *socket);
/* False: no key is expected there. */
bool context_expected(struct endpoint_context *context, const char *address,
                      char ret_key[CURVE_KEY_SIZE]);

struct socket_binding; /* the paths and locks of a bound socket */

int socket_bind(struct socket_binding **ret, struct endpoint_context *context, void *socket,
                const struct endpoint_binding *binding, struct error *error);
/* Removes the paths and gives the locks back. Close the socket right after. Takes NULL. */
void socket_unbind(struct socket_binding *binding);

/* Whether a connection with that address at this end may be one of the bound socket's. */
bool socket_is_bound_at(const struct socket_binding *binding, const struct sockaddr_storage *local);

int socket_connect(struct endpoint_context *context, void *socket, const char *address,
                   struct error *error);

/* Calls back while the socket has something to read (LOOP_READ) or room to write (LOOP_WRITE);
 * calling again changes what is wanted or the callback. */
void socket_watch(struct loop *loop, void *socket, int events, loop_source_fn *fn, void *arg);
void socket_unwatch(struct loop *loop, const void *socket);

struct str socket_msg_str(zmq_msg_t *msg); /* lives as long as the message */
/* Reads a whole message and keeps its last frame in *ret_msg, which the caller closes. False: none
 * is waiting. *ret_frames tells how many there were. */
bool socket_receive(void *socket, zmq_msg_t *ret_msg, size_t *ret_frames);

#endif
