/* What a profile of the shared files names as its source ("AWS SDKs and Tools Reference Guide:
 * Assume role credential provider", "Shared config and credentials files"). */
#ifndef COMMON_AWS_CREDENTIALS_PROFILE_H
#define COMMON_AWS_CREDENTIALS_PROFILE_H

#include "common/aws/credentials/sources.h"

/* NULL in *ret: it names none. */
int profile_source(struct source **ret, const struct source_means *means,
                   const struct configured *configured, struct error *error);

#endif
