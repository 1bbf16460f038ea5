/* What the client's other files do with calls. */
#ifndef COMMON_AWS_CLIENT_CALL_H
#define COMMON_AWS_CLIENT_CALL_H

#include "common/aws/client/aws.h"
#include "common/aws/credentials/keys.h"

/* For sources of credentials: signed by these keys, or (NULL) not at all. */
struct aws_call *aws_call_signed_by(struct aws *aws, const struct aws_request *request,
                                    const struct keys *keys, aws_done_fn *done, void *arg);
/* All that waits for credentials looks again. */
void calls_credentials_settled(struct aws *aws);

#endif
