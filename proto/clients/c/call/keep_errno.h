/* errno belongs to the application: functions leave it as it was. */
#ifndef PROTO_CLIENTS_C_CALL_KEEP_ERRNO_H
#define PROTO_CLIENTS_C_CALL_KEEP_ERRNO_H

#include <errno.h>

#include "common/base/mem.h"

static inline void keep_errno_restore(const int *kept)
{
    errno = *kept;
}

/* A declaration in a function: errno is the same when it returns. */
#define KEEPS_ERRNO cleanup(keep_errno_restore) __attribute__((unused)) const int kept_errno = errno

#endif
