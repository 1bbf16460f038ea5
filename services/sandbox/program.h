/* The sandbox as the skeleton of every daemon runs it. */
#ifndef SERVICES_SANDBOX_PROGRAM_H
#define SERVICES_SANDBOX_PROGRAM_H

#include "common/daemon/daemon.h"

extern const size_t program_state_size;

int program_start(void *state, const struct daemon_context *context, struct error *error);
void program_stop(void *state);

#endif
