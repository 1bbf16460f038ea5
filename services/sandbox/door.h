/* The AWS side of the port: requests become calls, answers become responses. */
#ifndef SERVICES_SANDBOX_DOOR_H
#define SERVICES_SANDBOX_DOOR_H

#include "services/sandbox/sandbox.h"

/* Whether this is meant for AWS: it has a target or a form with an action. */
bool door_wants(struct http_exchange *exchange);
void door_handle(struct sandbox *sandbox, struct http_exchange *exchange);
/* Drops every call that waits, with its connection. */
void door_drop_all(struct sandbox *sandbox);

#endif
