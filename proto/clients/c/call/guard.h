/* Running out of memory in somebody else's process: the function of ours that was called ends, the
 * process does not.
 *
 * mem_exhausted(), which elsewhere ends the process, goes back to the innermost guard_call() of the
 * thread. What was allocated in between is lost, and an object that was being changed must not be
 * used for changes again: the caller of guard_call() knows which.
 */
#ifndef PROTO_CLIENTS_C_CALL_GUARD_H
#define PROTO_CLIENTS_C_CALL_GUARD_H

#include <stdbool.h>

typedef void guarded_fn(void *arg);

/* False: memory ran out within fn(arg). */
bool guard_call(guarded_fn *fn, void *arg);

#endif
