/* Signals that stop a loop. Not part of libentitled: signals are the application's. */
#ifndef COMMON_LOOP_SIGNALS_H
#define COMMON_LOOP_SIGNALS_H

#include "common/loop/loop.h"

/* SIGTERM and SIGINT stop the loop from now on, and are blocked in this thread and in those that it
 * starts. Returns the descriptor that carries them, which the caller closes after the loop. */
int loop_stop_on_signals(struct loop *loop);

#endif
