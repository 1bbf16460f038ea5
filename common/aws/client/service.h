/* How each service is spoken to. */
#ifndef COMMON_AWS_CLIENT_SERVICE_H
#define COMMON_AWS_CLIENT_SERVICE_H

#include <stddef.h>

#include "common/aws/environment/service.h"

struct service_protocol {
    const char *signing_name;
    const char *target_prefix; /* NULL: the query protocol of STS */
    const char *content_type;
    size_t response_limit;
};

const struct service_protocol *service_protocol(enum aws_service service);

#endif
