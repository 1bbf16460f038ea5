/* Tells systemd, or whoever else started the process and asks for that, how far it is.
 *
 * The protocol is sd_notify(3)'s, which says that it is stable and may be spoken without
 * libsystemd. Its own function waits while the other side is slow to read.
 */
#ifndef COMMON_DAEMON_NOTIFY_H
#define COMMON_DAEMON_NOTIFY_H

#include <stdbool.h>

/* "READY=1". False: there is no room for it at the moment. True also if nobody asks. */
bool notify(const char *state);

#endif
