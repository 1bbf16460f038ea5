/* Connections for blocking questions: one set for each thread that asks at the same time.
 *
 * ZeroMQ sockets belong to one thread at a time. So a question takes a session out of the pool,
 * or opens one, and returns it. There are as many as there ever were questions at once, less those
 * unused for a while.
 */
#ifndef PROTO_CLIENTS_C_REMOTE_SESSION_H
#define PROTO_CLIENTS_C_REMOTE_SESSION_H

#include "common/base/arena.h"
#include "proto/clients/c/remote/ask.h"

struct session_pool;

/* All but the last under guard_call(). */
struct session_pool *session_pool_new(struct endpoint_context *context, struct roster *roster);
/* Asks and waits. The result lives in the arena. ERROR_NONE, or the code and the sentence. */
enum rpc_error session_pool_ask(struct session_pool *pool, const struct ask_options *options,
                                struct arena *arena, const void **ret_result, struct error *error);
/* Waits until a checker is ready. False: none was in time, and *error says why. */
bool session_pool_wait_ready(struct session_pool *pool, int64_t timeout_ms,
                             enum rpc_error *ret_code, struct error *error);

/* True: every session has been closed. False: one was lost when memory ran out, and ending the
 * context would wait for it for ever. Takes NULL. */
bool session_pool_free(struct session_pool *pool);

#endif
