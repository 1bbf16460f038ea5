/* Which source is used: the first that is configured, in the order of the SDKs, and the role on top
 * of it. One that is configured and fails is an error with its name; nothing falls through to the
 * next. */
#ifndef COMMON_AWS_CREDENTIALS_CHAIN_H
#define COMMON_AWS_CREDENTIALS_CHAIN_H

#include "common/aws/credentials/sources.h"

/* What the settings name; NULL and "" are left to AWS's variables and files. */
struct credentials_settings {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
    bool profile_is_named;
    struct role role; /* without an ARN: none is taken on */
};

/* NULL in *ret: none is configured. */
int choose_source(struct source **ret, const struct source_means *means,
                  const struct credentials_settings *settings, const struct configured *configured,
                  struct error *error);

#endif
