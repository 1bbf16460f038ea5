/* Exclusive locks between processes: a second bind of an ipc path succeeds in silence and steals
 * the traffic, and a database opened for recovery twice is lost, so the owner of such a thing
 * holds a lock first. The lock ends with the process, however it ends. */
#ifndef COMMON_DAEMON_LOCK_H
#define COMMON_DAEMON_LOCK_H

#include "common/base/error.h"

struct lock;

/* Takes the lock file at path (made if needed; its directory must exist). A held one is an error
 * that names the holder: "'PATH' is held by entitled-store (pid 123)". */
int lock_take(struct lock **ret, const char *path, const char *holder_name, struct error *error);
void lock_release(struct lock *lock); /* takes NULL */

#endif
