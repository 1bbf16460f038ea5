/* Where software on AWS's machines gets credentials: the instance metadata service (version 2) and
 * the container endpoint ("Use IMDS" in the EC2 user guide; "Container credential provider" in the
 * SDKs' reference guide). */
#ifndef SERVICES_SANDBOX_CREDENTIALS_H
#define SERVICES_SANDBOX_CREDENTIALS_H

#include "services/sandbox/sandbox.h"

/* Answers if the path is one of these; false if it is somebody else's. */
bool credentials_handle(struct sandbox *sandbox, struct http_exchange *exchange);

#endif
