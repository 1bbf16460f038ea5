/* AWS's own variables, and the names that stand for them in a profile ("AWS SDKs and Tools
 * Reference Guide: Settings reference"). */
#include <stdlib.h>
#include <strings.h>

#include "common/aws/internal.h"

const char *configured_text(const struct configured *from, const char *variable, const char *key)
{
    const char *value = getenv(variable);

    if (value && value[0])
        return value;
    return key ? shared_files_get(from->files, SHARED_CONFIG, from->profile, key) : NULL;
}

int configured_bool(const struct configured *from, const char *variable, const char *key,
                    bool *ret_value, struct error *error)
{
    const char *text = configured_text(from, variable, key);

    if (!text)
        return 0;
    *ret_value = strcasecmp(text, "true") == 0;
    return *ret_value || strcasecmp(text, "false") == 0
               ? 0
               : error_set(error, "%s '%s' is neither true nor false", variable, text);
}

int configured_number(const struct configured *from, const char *variable, const char *key,
                      int64_t min, int64_t max, int64_t *ret_value, struct error *error)
{
    const char *text = configured_text(from, variable, key);
    int64_t number;

    if (!text)
        return 0;
    if (!str_to_i64(str_of(text), &number) || number < min || number > max)
        return error_set(error, "%s '%s' is no number from %lld to %lld", variable, text,
                         (long long)min, (long long)max);
    *ret_value = number;
    return 0;
}
