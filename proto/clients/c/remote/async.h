/* Questions of a program with a loop of its own: a descriptor, and a function to call when it is
 * readable. */
#ifndef PROTO_CLIENTS_C_REMOTE_ASYNC_H
#define PROTO_CLIENTS_C_REMOTE_ASYNC_H

#include "proto/clients/c/call/answer.h"
#include "proto/clients/c/call/inquiry.h"
#include "proto/clients/c/remote/roster.h"
#include "proto/endpoint/context.h"

struct async;

/* Answers without waiting, as engine_check_locally() does. */
typedef bool async_here_fn(void *arg, const struct inquiry *question,
                           struct entitled_answer *answer, int *ret_code);

/* All but the last under guard_call(). context and roster may be NULL if `here` answers everything.
 */
struct async *async_new(struct endpoint_context *context, struct roster *roster,
                        const struct entitled_options *options, async_here_fn *here, void *arg);
int async_fd(struct async *async);
void async_dispatch(struct async *async);
int async_check(struct async *async, const struct inquiry *question, entitled_done_fn *done,
                void *arg, struct entitled_error *error);
/* Open questions end with ENTITLED_CANCELLED. Takes NULL. */
void async_free(struct async *async);
/* After memory ran out within one of these: async is not used again, and keeps its sockets. */
void async_lose(struct async *async);
bool async_is_lost(const struct async *async);

/* One thread at a time, which may enter again from a callback. */
bool async_enter(struct async *async);
void async_leave(struct async *async);

#endif
