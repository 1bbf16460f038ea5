/* Requests that the query thread hands to the loop: those that need what only the loop may touch.
 *
 * Bounded, in all and for each connection; a request beyond the bound is refused at once.
 */
#ifndef SERVICES_CHECKER_HANDOVER_H
#define SERVICES_CHECKER_HANDOVER_H

#include "common/loop/loop.h"
#include "proto/endpoint/server.h"

struct handover;

int handover_new(struct handover **ret, struct loop *loop, void *arg, struct error *error);
/* After the server is closed: what is left in it is forgotten. Takes NULL. */
void handover_free(struct handover *handover);

/* On the query thread, with an unanswered request: handler is called on the loop with the arg of
 * handover_new() and answers it, now or later. */
void handover_give(struct handover *handover, struct rpc_request *request, rpc_handler_fn *handler);

#endif
