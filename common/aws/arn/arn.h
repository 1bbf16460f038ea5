/* Amazon Resource Names: "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE" (IAM User Guide, "Identify
 * AWS resources with ARNs"). Region and account may be empty; a resource may hold colons. */
#ifndef COMMON_AWS_ARN_ARN_H
#define COMMON_AWS_ARN_ARN_H

#include "common/base/str.h"

enum { ARN_PARTS = 6 };

struct arn {
    struct str partition, service, region, account, resource;
    unsigned parts; /* how many the text has, its "arn" among them; those missing are empty */
};

/* Views of text. True: it is an ARN, with all of its parts. Otherwise the existing parts are
 * split anyway: patterns of ARNs may leave out the last. */
bool arn_split(struct str text, struct arn *ret);

/* What follows `kind` in the resource, such as "role/"; empty if the resource is another kind. */
struct str arn_resource_name(const struct arn *arn, struct str kind);

#endif
