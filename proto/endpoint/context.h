/* The process's ZeroMQ context and what every socket of ours has in common. */
#ifndef PROTO_ENDPOINT_CONTEXT_H
#define PROTO_ENDPOINT_CONTEXT_H

#include "common/base/error.h"
#include "common/config/config.h"
#include "common/keys/certificate.h"

/* 2 MiB: an SQS body reaches 1 MiB. A longer frame drops the connection, so senders check first. */
enum { FRAME_LIMIT_BYTES = 2 * 1024 * 1024 };
/* What an application may send a checker: a thousand questions of the usual size are a quarter. */
enum { QUESTION_LIMIT_BYTES = 512 * 1024 };

struct endpoint_context; /* one per process; sockets end before it */

/* libzmq sets the scheduling of each of its threads, to what it is, and aborts the process if it
 * may not (a filter of system calls). -1: it may not, with the reason. */
int endpoint_context_check_threads(struct error *error);
struct endpoint_context *endpoint_context_new(void);
void endpoint_context_free(struct endpoint_context *context); /* takes NULL */

/* tcp:// endpoints are bound and connected to with CURVE or not at all.
 *
 * The key pair by which the process is known. Before its first TCP endpoint. -1: they are no pair.
 */
int endpoint_context_set_keys(struct endpoint_context *context, const struct curve_keys *keys);
const char *endpoint_context_public_key(const struct endpoint_context *context); /* "": none */
/* Whose key must be shown at a tcp:// address; a later word counts for later connections. Any
 * thread. */
void endpoint_context_expect(struct endpoint_context *context, const char *address,
                             const char *public_key);

bool endpoint_is_tcp(const char *address);
/* "tcp://host.example:5800" and no address: libzmq asks a name server, anew for each connection, in
 * a thread that waits for the answer. Such endpoints share that thread with each other alone. */
bool endpoint_has_host_name(const char *address);

/* How a socket is opened to others. For ipc endpoints the directory is made (mode 0750 for the
 * group's use) and a lock is taken beside the path before binding; a held one is an error that
 * names the holder. */
struct endpoint_binding {
    /* "ipc:///run/...", "tcp://127.0.0.1:5800"; the latter only while an admission is open. */
    const struct config_list *addresses;
    const char *holder;   /* written into the lock: "entitled-store" */
    unsigned socket_mode; /* of ipc sockets, e.g. 0660 */
};

#endif
