/* AWS's variables and files, for tests: an environment without any but the one that keeps everybody
 * from asking this machine for its instance's metadata, and a home directory of the test's own. */
#ifndef TESTS_SUPPORT_AWS_ENVIRONMENT_H
#define TESTS_SUPPORT_AWS_ENVIRONMENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/str.h"

struct aws_environment {
    char home[64];
};

extern char **environ;

static inline void aws_environment_clear(void)
{
    for (char **at = environ; *at;) {
        cleanup(mem_freep) char *name = mem_strdup(*at);
        *strchr(name, '=') = '\0';
        if (strncmp(name, "AWS_", 4) != 0) {
            at++;
            continue;
        }
        unsetenv(name);
        at = environ;
    }
}

static inline void aws_environment_open(struct aws_environment *environment)
{
    aws_environment_clear();
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    snprintf(environment->home, sizeof(environment->home), "/tmp/entitled-aws-XXXXXX");
    if (!mkdtemp(environment->home))
        abort();
    cleanup(mem_freep) char *directory = mem_printf("%s/.aws", environment->home);
    if (mkdir(directory, 0700) < 0)
        abort();
    setenv("HOME", environment->home, 1);
}

/* name: "config" or "credentials". */
static inline void aws_environment_write(struct aws_environment *environment, const char *name,
                                         struct str text)
{
    cleanup(mem_freep) char *path = mem_printf("%s/.aws/%s", environment->home, name);
    FILE *file = fopen(path, "we");

    if (!file || (text.len > 0 && fwrite(text.ptr, text.len, 1, file) != 1) || fclose(file) != 0)
        abort();
}

static inline void aws_environment_close(struct aws_environment *environment)
{
    static const char *const names[] = {".aws/config", ".aws/credentials", ".aws"};

    aws_environment_clear();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup(mem_freep) char *path = mem_printf("%s/%s", environment->home, names[i]);
        remove(path);
    }
    rmdir(environment->home);
}

#endif
