#include "proto/endpoint/context.h"

#include "common/base/mem.h"
#include "proto/endpoint/socket.h"

struct endpoint_context *endpoint_context_new(void)
{
    struct endpoint_context *context = mem_alloc_zero(sizeof(*context));

    context->zmq = zmq_ctx_new();
    if (!context->zmq)
        mem_exhausted();
    zmq_ctx_set(context->zmq, ZMQ_IPV6, 1);
    zmq_ctx_set(context->zmq, ZMQ_MAX_SOCKETS, zmq_ctx_get(context->zmq, ZMQ_SOCKET_LIMIT));
    return context;
}

void endpoint_context_free(struct endpoint_context *context)
{
    if (!context)
        return;
    while (zmq_ctx_term(context->zmq) < 0 && zmq_errno() == EINTR)
        ;
    mem_free(context);
}
