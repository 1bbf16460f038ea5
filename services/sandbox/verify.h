/* Whether a request carries the signature that AWS would accept (Signature Version 4). */
#ifndef SERVICES_SANDBOX_VERIFY_H
#define SERVICES_SANDBOX_VERIFY_H

#include "common/aws/client/sigv4.h"
#include "services/sandbox/call.h"
#include "services/sandbox/world.h"

struct signed_request {
    struct str method, path, query;
    const struct sigv4_header *headers; /* all of them, names in lower case, sorted */
    size_t header_count;
    struct str body;
};

struct str signed_request_header(const struct signed_request *request, const char *name);

/* Fills in the caller. False: refused, and the answer says why with AWS's code. */
bool verify_signature(const struct world *world, enum service service,
                      const struct signed_request *request, int64_t now_s, struct caller *caller,
                      struct answer *answer);

#endif
