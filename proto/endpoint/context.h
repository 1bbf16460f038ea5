/* The process's ZeroMQ context and what every socket of ours has in common. */
#ifndef PROTO_ENDPOINT_CONTEXT_H
#define PROTO_ENDPOINT_CONTEXT_H

#include "common/base/error.h"
#include "common/config/config.h"

/* 2 MiB: an SQS body reaches 1 MiB. A longer frame drops the connection, so senders check first. */
enum { FRAME_LIMIT_BYTES = 2 * 1024 * 1024 };

struct endpoint_context; /* one per process; sockets end before it */

struct endpoint_context *endpoint_context_new(void);
void endpoint_context_free(struct endpoint_context *context); /* takes NULL */

/* How a socket is opened to others. For ipc endpoints the directory is made (mode 0750 for the
 * group's use) and a lock is taken beside the path before binding; a held one is an error that
 * names the holder. */
struct endpoint_binding {
    const struct config_list *addresses; /* "ipc:///run/...", "tcp://127.0.0.1:5800" */
    const char *holder;                  /* written into the lock: "entitled-store" */
    unsigned socket_mode;                /* of ipc sockets, e.g. 0660 */
};

#endif
