/* Why something failed, as one sentence for a person.
 *
 * Functions below proto/ return 0, or -1 with the sentence in *error. They do not log: the caller
 * that decides what happens next logs once.
 */
#ifndef COMMON_BASE_ERROR_H
#define COMMON_BASE_ERROR_H

struct error {
    char text[512];
};

/* Sets the sentence (error may be NULL) and returns -1, so that `return error_set(...)` reads well.
 * It is UTF-8 whatever the arguments are. */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the sentence and returns -1. */
int error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
