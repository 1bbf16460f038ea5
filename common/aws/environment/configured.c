/* AWS's own variables, and the names that stand for them in a profile ("AWS SDKs and Tools
 * Reference Guide: Settings reference"). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/aws/internal.h"

void aws_warn(const struct aws *aws, const char *format, ...)
{
    struct error sentence;
    va_list args;

    va_start(args, format);
    vsnprintf(sentence.text, sizeof(sentence.text), format, args);
    va_end(args);
    if (aws->on_warning)
        aws->on_warning(aws->on_warning_arg, sentence.text);
}

const char *configured_text(const struct configured *from, const char *variable, const char *key)
{
    const char *value = getenv(variable);

    if (value && value[0])
        return value;
    return key ? shared_files_get(from->files, SHARED_CONFIG, from->aws->profile, key) : NULL;
}

void configured_bool(const struct configured *from, const char *variable, const char *key,
                     bool *ret_value)
{
    const char *text = configured_text(from, variable, key);

    if (!text)
        return;
    bool yes = strcasecmp(text, "true") == 0;
    if (yes || strcasecmp(text, "false") == 0)
        *ret_value = yes;
    else
        aws_warn(from->aws, "%s '%s' is neither true nor false; taken as %s", variable, text,
                 *ret_value ? "true" : "false");
}

void configured_number(const struct configured *from, const char *variable, const char *key,
                       int64_t min, int64_t max, int64_t *ret_value)
{
    const char *text = configured_text(from, variable, key);
    int64_t number;

    if (!text)
        return;
    if (str_to_i64(str_of(text), &number) && number >= min && number <= max)
        *ret_value = number;
    else
        aws_warn(from->aws, "%s '%s' is no number from %lld to %lld; taken as %lld", variable, text,
                 (long long)min, (long long)max, (long long)*ret_value);
}
