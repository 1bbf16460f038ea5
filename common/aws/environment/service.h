/* The services of AWS that we call. */
#ifndef COMMON_AWS_ENVIRONMENT_SERVICE_H
#define COMMON_AWS_ENVIRONMENT_SERVICE_H

enum aws_service { AWS_METERING, AWS_ENTITLEMENT, AWS_SQS, AWS_STS, AWS_SERVICE_COUNT };

#define AWS_CALLS(service) (1U << (service))

#endif
