#include "common/aws/environment/configured.h"

#include <stdlib.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/str.h"

const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

int configured_read(struct configured *configured, const char *profile,
                    const struct aws_warnings *warnings, struct error *error)
{
    configured->warnings = warnings;
    if (shared_files_read(&configured->files, error) < 0)
        return -1;
    if (profile && !profile[0])
        profile = NULL;
    if (!profile)
        profile = variable("AWS_PROFILE");
    if (!profile)
        profile = variable("AWS_DEFAULT_PROFILE");
    if (profile && !shared_files_has(configured->files, profile))
        return error_set(error, "the AWS profile '%s' is in none of the shared files", profile);
    configured->profile = mem_strdup(profile ? profile : "default");
    return 0;
}

void configured_done(struct configured *configured)
{
    shared_files_free(take(configured->files));
    mem_free(take(configured->profile));
}

const char *configured_text(const struct configured *from, const char *variable_name,
                            const char *key)
{
    const char *value = variable(variable_name);

    if (value || !key)
        return value;
    return shared_files_get(from->files, SHARED_CONFIG, from->profile, key);
}

void configured_bool(const struct configured *from, const char *variable_name, const char *key,
                     bool *ret_value)
{
    const char *text = configured_text(from, variable_name, key);

    if (!text)
        return;
    bool yes = strcasecmp(text, "true") == 0;
    if (yes || strcasecmp(text, "false") == 0)
        *ret_value = yes;
    else
        aws_warn(from->warnings, "%s '%s' is neither true nor false; %s is used", variable_name,
                 text, *ret_value ? "true" : "false");
}

void configured_number(const struct configured *from, const char *variable_name, const char *key,
                       int64_t min, int64_t max, int64_t *ret_value)
{
    const char *text = configured_text(from, variable_name, key);
    int64_t number;

    if (!text)
        return;
    if (str_to_i64(str_of(text), &number) && number >= min && number <= max)
        *ret_value = number;
    else
        aws_warn(from->warnings, "%s '%s' is not a number from %lld to %lld; %lld is used",
                 variable_name, text, (long long)min, (long long)max, (long long)*ret_value);
}
