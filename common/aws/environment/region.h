/* The region that calls are made in. */
#ifndef COMMON_AWS_ENVIRONMENT_REGION_H
#define COMMON_AWS_ENVIRONMENT_REGION_H

#include "common/aws/environment/configured.h"
#include "common/base/str.h"

/* It becomes part of a host name. */
bool region_is_valid(struct str text);

/* The setting (NULL or "": none), AWS_REGION, AWS_DEFAULT_REGION, the profile's; else us-east-1,
 * and *ret_is_default says so. The caller frees it. Fails if it cannot be a region. */
int region_resolve(const struct configured *from, const char *setting, char **ret_region,
                   bool *ret_is_default, struct error *error);

#endif
