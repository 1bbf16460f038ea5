/* The asking end: a DEALER socket that connects to one or several addresses of one service,
 * reconnects by itself and gives every call a deadline.
 *
 * ZMQ_IMMEDIATE: a call made while there is no connection waits here, bounded, until its deadline.
 * When the connection is lost, calls already sent fail as unavailable (the peer may have executed
 * them: every write is idempotent or carries an id), so no caller waits for an answer that cannot
 * come.
 */
#ifndef PROTO_ENDPOINT_CLIENT_H
#define PROTO_ENDPOINT_CLIENT_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/loop/loop.h"
#include "proto/endpoint/context.h"
#include "proto/message.h"

struct rpc_client;
struct rpc_call;

struct rpc_response {
    enum rpc_error code; /* ERROR_NONE: success */
    struct str message;  /* the sentence of the error */
    const void *result;  /* of the method's result shape; lives until the callback returns */
};

typedef void rpc_done_fn(void *arg, const struct rpc_response *response);

int rpc_client_open(struct rpc_client **ret, struct loop *loop, struct endpoint_context *context,
                    const struct config_list *addresses, struct error *error);
/* Calls in flight are cancelled. Not from a callback of this client. Takes NULL. */
void rpc_client_close(struct rpc_client *client);
bool rpc_client_connected(const struct rpc_client *client);
/* Told whenever that changes; optional. */
void rpc_client_on_connection(struct rpc_client *client, void (*fn)(void *arg, bool connected),
                              void *arg);

/* Copies params (NULL for the shape nothing). done is called exactly once, never before this
 * returns, unless cancelled. timeout_ms 0 stands for 30 s. A call fails as unavailable when it
 * found no connection in time or lost it, as timeout when no answer came, as throttled when 1,024
 * calls wait for a connection already, as bad_request when it is larger than a message may be. */
struct rpc_call *rpc_call(struct rpc_client *client, enum method_id method, const void *params,
                          int64_t timeout_ms, struct str trace, rpc_done_fn *done, void *arg);
void rpc_call_cancel(struct rpc_call *call); /* takes NULL */

/* For tools without a loop: connects, asks, waits. 0, or -1 with the code and the sentence. The
 * result lives in the arena. */
struct rpc_session;
/* certificate and servers are for tcp:// addresses, see curve_before_connect(). */
int rpc_session_open(struct rpc_session **ret, const struct config_list *addresses,
                     const char *certificate, const struct config_list *servers,
                     struct error *error);
void rpc_session_close(struct rpc_session *session); /* takes NULL */
int rpc_session_call(struct rpc_session *session, enum method_id method, const void *params,
                     int64_t timeout_ms, struct str trace, struct arena *arena,
                     const void **ret_result, enum rpc_error *ret_code, struct error *error);

#endif
