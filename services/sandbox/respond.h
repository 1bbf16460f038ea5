/* How a call's answer looks on the wire: status, headers and body of each protocol. */
#ifndef SERVICES_SANDBOX_RESPOND_H
#define SERVICES_SANDBOX_RESPOND_H

#include "services/sandbox/call.h"

struct response {
    int status;
    const char *content_type;
    struct str request_id;
    struct str error_type;  /* x-amzn-errortype; empty for none */
    struct str query_error; /* x-amzn-query-error; empty for none */
    struct buf body;
};

/* Texts live in the call's arena; the body is the caller's to free. */
void respond(struct call *call, struct response *ret);

#endif
