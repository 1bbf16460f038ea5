#include "common/aws/client/service.h"

enum { MARKETPLACE_ANSWER_LIMIT = 4 << 20, SQS_ANSWER_LIMIT = 32 << 20, STS_ANSWER_LIMIT = 65536 };

const struct service_protocol *service_protocol(enum aws_service service)
{
    static const struct service_protocol protocols[AWS_SERVICE_COUNT] = {
        [AWS_METERING] = {"aws-marketplace", "AWSMPMeteringService", "application/x-amz-json-1.1",
                          MARKETPLACE_ANSWER_LIMIT},
        [AWS_ENTITLEMENT] = {"aws-marketplace", "AWSMPEntitlementService",
                             "application/x-amz-json-1.1", MARKETPLACE_ANSWER_LIMIT},
        [AWS_SQS] = {"sqs", "AmazonSQS", "application/x-amz-json-1.0", SQS_ANSWER_LIMIT},
        [AWS_STS] = {"sts", NULL, "application/x-www-form-urlencoded; charset=utf-8",
                     STS_ANSWER_LIMIT},
    };

    return &protocols[service];
}
