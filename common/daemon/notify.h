/* Tells systemd, or another supervisor that asks for it, how far the process is.
 *
 * The protocol is sd_notify(3)'s, which says that it is stable and may be spoken without
 * libsystemd. Its own function waits while the other side is slow to read.
 */
#ifndef COMMON_DAEMON_NOTIFY_H
#define COMMON_DAEMON_NOTIFY_H

#include <stdbool.h>

/* "READY=1". False: there is no room for it at the moment. True also if no supervisor asks. */
bool notify(const char *state);

#endif
