/* The thread that keeps the copy of the in-process mode equal to the store, through one checker at
 * a time. It blocks all signals. */
#ifndef PROTO_CLIENTS_C_COPY_WORKER_H
#define PROTO_CLIENTS_C_COPY_WORKER_H

#include "proto/clients/c/copy/local.h"
#include "proto/clients/c/copy/subset.h"
#include "proto/clients/c/remote/roster.h"
#include "proto/endpoint/context.h"

struct worker;

/* Under guard_call(). All arguments must outlive it; subset NULL: all records. */
struct worker *worker_start(struct endpoint_context *context, struct roster *roster,
                            struct local *local, struct subset *subset,
                            const struct entitled_options *options);
/* There is something new to do: subset_note(). Any thread. */
void worker_wake(const struct worker *worker);

/* ENTITLED_OK and the age of the copy, or why it cannot answer. */
int worker_state(const struct worker *worker, int64_t *ret_age_ms, struct entitled_error *error);
/* Waits until it can, at most so long. */
int worker_wait_ready(struct worker *worker, int64_t timeout_ms, struct entitled_error *error);

/* Ends the thread. False: its sockets are lost, as memory ran out on it. Takes NULL. */
bool worker_stop(struct worker *worker);

#endif
