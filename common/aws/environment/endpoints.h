/* Where each service is, and for which region it is signed. */
#ifndef COMMON_AWS_ENVIRONMENT_ENDPOINTS_H
#define COMMON_AWS_ENVIRONMENT_ENDPOINTS_H

#include "common/aws/environment/configured.h"
#include "common/aws/environment/service.h"
#include "common/base/str.h"

struct endpoint {
    char *url;
    char *region;    /* signed for */
    bool configured; /* the URL follows no region */
};

struct endpoints {
    struct endpoint of[AWS_SERVICE_COUNT];
    char *region;
    bool region_is_default; /* no region was named: the instance may name one */
    unsigned services;      /* that may be called, as AWS_CALLS(AWS_SQS) | ... */
    bool ignored;           /* those of AWS's variables and files */
    bool dual_stack;
    bool fips;
    const struct aws_warnings *warnings;
};

/* What the settings name; NULL or "" is left to AWS's variables and files. */
struct endpoints_settings {
    const char *region;
    const char *const *urls; /* by service */
    unsigned services;       /* that may be called; the addresses of others may be wrong */
};

int endpoints_resolve(struct endpoints *endpoints, const struct endpoints_settings *settings,
                      const struct configured *from, struct error *error);
void endpoints_done(struct endpoints *endpoints);
/* The instance's own region, if none was named. */
void endpoints_region_found(struct endpoints *endpoints, struct str region);

#endif
