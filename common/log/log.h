/* One logfmt line per event on standard error: time, level, daemon, msg, then the fields given.
 *
 * A line says what happened, to what, why, and what happens next. Libraries below services/ never
 * log above debug, unless they speak for every daemon alike (proto/suite); a daemon logs once,
 * where it decides. Values are escaped, so nothing that comes from outside can forge a line. Never
 * give it tokens, secrets or personal data; account ids and licences go through LOG_MASKED.
 *
 * No daemon waits for the reader of its log: a line that standard error does not take at once is
 * lost and counted, and the next line that it takes says how many are missing.
 */
#ifndef COMMON_LOG_LOG_H
#define COMMON_LOG_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;
    struct str text;
    int64_t number;
    enum { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_MASKED } kind;
};

#define LOG_STR(name, value)                                                                       \
    ((struct log_field){.key = (name), .text = (value), .kind = LOG_FIELD_TEXT})
#define LOG_TEXT(name, value) LOG_STR(name, str_of(value))
#define LOG_INT(name, value)                                                                       \
    ((struct log_field){.key = (name), .number = (int64_t)(value), .kind = LOG_FIELD_NUMBER})
/* Shows the last four characters only. */
#define LOG_MASKED(name, value)                                                                    \
    ((struct log_field){.key = (name), .text = (value), .kind = LOG_FIELD_MASKED})
/* An empty trace is left out. */
#define LOG_TRACE(value) LOG_STR("trace", value)

/* log_info("refresh applied", LOG_STR("subscription", id), LOG_INT("version", n)); */
#define log_debug(...)   LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)    LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#define LOG_AT(level, message, ...)                                                                \
    log_write((level), (message), (const struct log_field[]){{.key = NULL}, ##__VA_ARGS__},        \
              sizeof((const struct log_field[]){{.key = NULL}, ##__VA_ARGS__}) /                   \
                  sizeof(struct log_field))

/* Set once at start, before any thread. Returns -1 for an unknown level name. */
void log_set_daemon(const char *name);
int log_set_level(const char *name);

/* The first field is skipped (it makes the macro work without fields). */
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

/* What a line must begin with for systemd's journal to know its level ("<3>", sd-daemon(3)); empty
 * if standard error leads elsewhere. */
const char *log_prefix(enum log_level level);

/* Says how many lines are missing, if any are and there is room again. */
void log_catch_up(void);

#endif
