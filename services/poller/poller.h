/* entitled-poller: reads AWS's notifications from SQS and tells the store. */
#ifndef SERVICES_POLLER_POLLER_H
#define SERVICES_POLLER_POLLER_H

#include "common/daemon/daemon.h"

struct poller;

extern const size_t poller_state_size;

int poller_check(const void *settings, struct error *error);
int poller_start(void *state, const struct daemon_context *context, struct error *error);
void poller_drain(void *state);
void poller_stop(void *state);

#endif
