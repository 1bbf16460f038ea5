#include "common/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

int error_set(struct error *error, const char *format, ...)
{
    if (!error)
        return -1;

    /* Arguments may point into the sentence that is about to be replaced. */
    char text[sizeof(error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Sentences go into records and messages; what they quote may be cut within a character. */
    str_mend_utf8(text);
    memcpy(error->text, text, sizeof(text));
    return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return -1;

    char context[sizeof(error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    return error_set(error, "%.*s: %.*s", (int)sizeof(context) / 2, context,
                     (int)sizeof(context) / 2, error->text);
}
