/* The client's side of taking on roles: how its sources of credentials ask STS. */
#ifndef COMMON_AWS_CLIENT_ASK_STS_H
#define COMMON_AWS_CLIENT_ASK_STS_H

#include "common/aws/client/aws.h"
#include "common/aws/credentials/sts.h"

struct sts sts_of(struct aws *aws);

#endif
