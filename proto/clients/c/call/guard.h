/* Running out of memory in the application's process: our function ends, the process goes on.
 *
 * mem_exhausted(), which elsewhere ends the process, goes back to the innermost guard_call() of
 * the thread. The memory allocated in between is lost. An object that was being changed must not be
 * changed again: the caller of guard_call() knows which one.
 */
#ifndef PROTO_CLIENTS_C_CALL_GUARD_H
#define PROTO_CLIENTS_C_CALL_GUARD_H

#include <stdbool.h>

typedef void guarded_fn(void *arg);

/* False: memory ran out within fn(arg). */
bool guard_call(guarded_fn *fn, void *arg);

#endif
