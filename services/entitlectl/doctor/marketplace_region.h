/* The regions of AWS Marketplace's services. Pure. */
#ifndef SERVICES_ENTITLECTL_DOCTOR_MARKETPLACE_REGION_H
#define SERVICES_ENTITLECTL_DOCTOR_MARKETPLACE_REGION_H

#include "common/aws/client/aws.h"
#include "services/entitlectl/doctor/findings.h"

struct region_verdict {
    enum finding_level level;
    struct str text;    /* in the arena */
    const char *advice; /* NULL: none */
};

/* The only region of the partition with the entitlement service; AWS Marketplace's events and
 * topics are there too. */
struct str marketplace_home(struct str region);

/* For AWS_ENTITLEMENT or AWS_METERING, called at url with this region set. */
struct region_verdict marketplace_region_judge(enum aws_service service, struct str region,
                                               struct str url, struct arena *arena);

#endif
