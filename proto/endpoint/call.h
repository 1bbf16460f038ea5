/* A call on its way: waiting for a connection, sent, or about to fail. Internal to endpoint. */
#ifndef PROTO_ENDPOINT_CALL_H
#define PROTO_ENDPOINT_CALL_H

#include <sys/queue.h>

#include "common/base/buf.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/deadlines.h"
#include "proto/endpoint/link.h"

struct rpc_call {
    TAILQ_ENTRY(rpc_call) entry;   /* of *queue */
    struct call_queue *queue;      /* waiting, sent or failing */
    LIST_ENTRY(rpc_call) by_msgid; /* when sent */
    struct rpc_client *client;
    const struct link *link; /* when sent */
    uint32_t msgid;
    enum method_id method;
    struct deadline deadline;
    int64_t due_mono_ms;
    struct arena arena; /* of params and trace, while it waits */
    void *params;
    struct str trace;
    rpc_done_fn *done;
    void *arg;
    enum rpc_error code; /* when failing */
    struct error error;
};

TAILQ_HEAD(call_queue_head, rpc_call);

struct call_queue {
    struct call_queue_head calls;
    size_t count;
};

enum { MSGID_BUCKETS = 1024 };

struct rpc_client {
    struct loop *loop;
    struct link **links;
    size_t link_count, next_link;
    char *addresses; /* for sentences */
    struct link_events events;
    void (*on_connection)(void *arg, bool connected);
    void *on_connection_arg;
    bool connected; /* as last told */
    uint32_t last_msgid;
    struct call_queue waiting, sent, failing;
    LIST_HEAD(, rpc_call) by_msgid[MSGID_BUCKETS];
    struct deadlines deadlines;
    struct loop_timer *fail_soon;
    struct buf out;
};

#endif
