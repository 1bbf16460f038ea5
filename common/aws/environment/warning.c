#include "common/aws/environment/warning.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/error.h"

void aws_warn(const struct aws_warnings *warnings, const char *format, ...)
{
    struct error sentence;
    va_list args;

    va_start(args, format);
    vsnprintf(sentence.text, sizeof(sentence.text), format, args);
    va_end(args);
    if (warnings->fn)
        warnings->fn(warnings->arg, sentence.text);
}
