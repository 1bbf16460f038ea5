/* A command line into words, by a shell's rules for quotes and backslashes and none of its others
 * (POSIX, Shell Command Language, 2.2 Quoting): nothing is expanded. */
#ifndef COMMON_AWS_CREDENTIALS_COMMAND_H
#define COMMON_AWS_CREDENTIALS_COMMAND_H

#include <stddef.h>

/* NULL if it is empty or a quote is open. The texts are in *words[0]'s memory; both are freed by
 * mem_free(). */
char **split_command(const char *command, size_t *ret_count);

#endif
