/* One question to the checkers, until one of them answers: failover, hedging, deadline.
 *
 * If a checker fails, the next is asked. If one has not answered after a while, another is asked
 * as well, and the first answer counts. Asking twice does no harm: a check changes nothing.
 */
#ifndef PROTO_CLIENTS_C_REMOTE_ASK_H
#define PROTO_CLIENTS_C_REMOTE_ASK_H

#include "proto/clients/c/call/inquiry.h"
#include "proto/clients/c/remote/peers.h"

struct ask;

struct ask_options {
    enum method_id method;
    const void *params; /* must last until done; NULL for the shape nothing */
    struct str trace;   /* likewise */
    int64_t timeout_ms;
    int64_t hedge_ms; /* 0: a quarter of timeout_ms */
    bool never_hedge;
};

/* Of a check; the question must last until it is answered. */
struct ask_options ask_options_of(const struct inquiry *question,
                                  const struct entitled_options *options);

/* response->result lives until done returns. */
typedef void ask_done_fn(void *arg, const struct rpc_response *response);

/* done is called exactly once, on the loop and never before this returns, unless cancelled. */
struct ask *ask_start(struct peers *peers, const struct ask_options *options, ask_done_fn *done,
                      void *arg);
void ask_cancel(struct ask *ask); /* takes NULL */

#endif
