/* What becomes of the credentials, for the daemon's log. */
#ifndef COMMON_AWS_CREDENTIALS_EVENT_H
#define COMMON_AWS_CREDENTIALS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct aws_credentials_event {
    struct str source;
    struct str failure;   /* empty: others are in use from now on; else why there are none */
    bool usable;          /* calls are signed; after a failure with what was there before */
    int64_t expires_at_s; /* of those in use; 0: never, as far as is known */
};

typedef void aws_credentials_fn(void *arg, const struct aws_credentials_event *event);

#endif
