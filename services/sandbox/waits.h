/* The verb `wait`: answered when something has happened, so that a test need not sleep. */
#ifndef SERVICES_SANDBOX_WAITS_H
#define SERVICES_SANDBOX_WAITS_H

#include "services/sandbox/sandbox.h"

/* {"operation", "count", "timeout_ms"}: that many calls of the operation have arrived since the
 * start or reset. {"queue", "timeout_ms"}: the queue holds nothing, in flight or not. */
void waits_handle(struct sandbox *sandbox, struct http_exchange *exchange, const struct json *ask);
/* Answers those whose condition holds now. */
void waits_check(struct sandbox *sandbox);
void waits_drop_all(struct sandbox *sandbox);

#endif
