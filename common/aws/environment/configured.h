/* AWS's own variables, and the names that stand for them in a profile of the shared files ("AWS
 * SDKs and Tools Reference Guide: Settings reference").
 *
 * What is set nowhere leaves a value alone. So does what cannot be understood, with a warning:
 * platforms set such variables for everything that runs there.
 */
#ifndef COMMON_AWS_ENVIRONMENT_CONFIGURED_H
#define COMMON_AWS_ENVIRONMENT_CONFIGURED_H

#include <stdint.h>

#include "common/aws/environment/shared_files.h"
#include "common/aws/environment/warning.h"

struct configured {
    struct shared_files *files;
    char *profile; /* whose names count */
    const struct aws_warnings *warnings;
};

/* The environment's variable; NULL if it is not set, or empty. */
const char *variable(const char *name);

/* profile: NULL or "" is AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". Fails if one is named that
 * is in none of the files. warnings: must live as long. */
int configured_read(struct configured *configured, const char *profile,
                    const struct aws_warnings *warnings, struct error *error);
void configured_done(struct configured *configured);

/* A variable, else what stands for it in the profile (key NULL: nothing does); NULL if not set. */
const char *configured_text(const struct configured *from, const char *variable_name,
                            const char *key);
void configured_bool(const struct configured *from, const char *variable_name, const char *key,
                     bool *ret_value);
void configured_number(const struct configured *from, const char *variable_name, const char *key,
                       int64_t min, int64_t max, int64_t *ret_value);

#endif
