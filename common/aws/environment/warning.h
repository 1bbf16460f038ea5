/* Something of AWS's variables or files cannot be used as it is: a sentence with what is done
 * instead. */
#ifndef COMMON_AWS_ENVIRONMENT_WARNING_H
#define COMMON_AWS_ENVIRONMENT_WARNING_H

typedef void aws_warning_fn(void *arg, const char *sentence);

struct aws_warnings {
    aws_warning_fn *fn; /* NULL: not reported */
    void *arg;
};

void aws_warn(const struct aws_warnings *warnings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
