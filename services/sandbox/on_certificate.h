/* The certificate that SNS signs with, where SigningCertURL says. */
#ifndef SERVICES_SANDBOX_ON_CERTIFICATE_H
#define SERVICES_SANDBOX_ON_CERTIFICATE_H

#include "services/sandbox/sandbox.h"

/* False: another path was asked for. */
bool certificate_handle(struct sandbox *sandbox, struct http_exchange *exchange);

#endif
