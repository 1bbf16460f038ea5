/* What the first process of a container owes to it: those whose parents are gone are its children,
 * and stay as zombies until it waits for them. */
#ifndef COMMON_DAEMON_INIT_H
#define COMMON_DAEMON_INIT_H

#include <stdbool.h>

/* Does nothing and is false, unless this process is number 1. Then the daemon goes on in a child,
 * where it is false as well; number 1 waits for all that end and passes signals on until the child
 * ends. In it the result is true, and *ret_code what the child ended with (128 and the signal, if
 * it was one). */
bool init_ran(int *ret_code);

#endif
