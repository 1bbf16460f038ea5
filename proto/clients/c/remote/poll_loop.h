/* The loop of common/loop/loop.h on epoll and plain libzmq: what the client library links instead
 * of CZMQ, so that endpoint and replica run in it as they run in the daemons.
 *
 * loop_stop_on_signals() does not exist here: signals are the application's.
 */
#ifndef PROTO_CLIENTS_C_REMOTE_POLL_LOOP_H
#define PROTO_CLIENTS_C_REMOTE_POLL_LOOP_H

#include "common/loop/loop.h"

/* Calls back what is due and ready; if nothing is, waits for it, at most timeout_ms (-1: any time).
 */
void loop_turn(struct loop *loop, int64_t timeout_ms);

/* A descriptor that is readable when loop_turn() has something to do; loop_settle() makes it so
 * before control leaves the thread that owns the loop. */
int loop_descriptor(struct loop *loop);
void loop_settle(struct loop *loop);

#endif
