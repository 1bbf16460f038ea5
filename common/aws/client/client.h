/* One client: what its calls share. */
#ifndef COMMON_AWS_CLIENT_CLIENT_H
#define COMMON_AWS_CLIENT_CLIENT_H

#include "common/aws/client/aws.h"
#include "common/aws/credentials/credentials.h"
#include "common/aws/environment/endpoints.h"
#include "common/http/client/http_client.h"

struct caller;

struct aws {
    struct loop *loop;
    struct http_client *http;
    struct endpoints endpoints;
    struct credentials credentials;
    struct caller *caller; /* NULL: not watched */
    unsigned max_attempts;
    int64_t attempt_timeout_ms;
    struct aws_clock clock;
    void (*on_clock)(int64_t offset_s);
    struct aws_warnings warnings;
    int retry_tokens;
    double (*random)(void); /* from 0 to 1; tests replace it */
    struct aws_call *calls;
};

#endif
