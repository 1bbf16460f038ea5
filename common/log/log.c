#include "common/log/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/standard_error.h"

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};

/* As syslog(3) numbers them. */
static const char *const level_prefixes[] = {
    [LOG_LEVEL_DEBUG] = "<7>",
    [LOG_LEVEL_INFO] = "<6>",
    [LOG_LEVEL_WARNING] = "<4>",
    [LOG_LEVEL_ERROR] = "<3>",
};

/* Written once at start, before any thread. */
static bool to_journal;
static enum log_level lowest_level = LOG_LEVEL_INFO;
static const char *daemon_name = "entitled";

/* What standard error did not take. With the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf rest; /* of a line that was begun */
static int64_t lines_lost;

void log_set_daemon(const char *name)
{
    daemon_name = name;
    standard_error_open();
    to_journal = standard_error_is_journal();
}

int log_set_level(const char *name)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(level_names[i], name) == 0) {
            lowest_level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

const char *log_prefix(enum log_level level)
{
    return to_journal ? level_prefixes[level] : "";
}

static bool needs_quotes(struct str value)
{
    if (value.len == 0)
        return true;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return true;
    }
    return false;
}

static void append_value(struct buf *line, struct str value)
{
    if (!needs_quotes(value)) {
        buf_append_str(line, value);
        return;
    }
    buf_append_char(line, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_append_text(line, "\\n");
        else if (c < ' ' || c == 0x7f)
            buf_printf(line, "\\x%02x", c);
        else
            buf_append_char(line, (char)c);
    }
    buf_append_char(line, '"');
}

static void append_masked(struct buf *line, struct str value)
{
    enum { SHOWN = 4 };

    if (value.len > SHOWN) {
        buf_append_text(line, "***");
        value.ptr += value.len - SHOWN;
        value.len = SHOWN;
    }
    append_value(line, value);
}

static void append_field(struct buf *line, const struct log_field *field)
{
    if (field->kind != LOG_FIELD_NUMBER && field->text.len == 0 && strcmp(field->key, "trace") == 0)
        return;
    buf_printf(line, " %s=", field->key);
    if (field->kind == LOG_FIELD_NUMBER)
        buf_printf(line, "%lld", (long long)field->number);
    else if (field->kind == LOG_FIELD_MASKED)
        append_masked(line, field->text);
    else
        append_value(line, field->text);
}

static void append_line(struct buf *line, enum log_level level, const char *message,
                        const struct log_field *fields, size_t count)
{
    char time[CLOCK_TEXT_SIZE];

    buf_append_text(line, log_prefix(level));
    buf_printf(line, "time=%s level=%s daemon=%s msg=", clock_format_ms(clock_wall_ms(), time),
               level_names[level], daemon_name);
    append_value(line, str_of(message));
    for (size_t i = 1; i < count; i++)
        append_field(line, &fields[i]);
    buf_append_char(line, '\n');
}

/* False if nothing of it was taken. What was begun is ended before anything else. */
static bool put(struct str text)
{
    size_t taken = standard_error_write(text);

    buf_append(&rest, text.ptr + taken, taken > 0 ? text.len - taken : 0);
    return taken > 0;
}

static bool finish_begun_line(void)
{
    if (rest.len == 0)
        return true;
    size_t taken = standard_error_write(buf_str(&rest));
    memmove(rest.data, rest.data + taken, rest.len - taken);
    rest.len -= taken;
    return rest.len == 0;
}

/* False while there is no room. */
static bool catch_up(void)
{
    cleanup(buf_done) struct buf line = BUF_INIT;
    const struct log_field fields[] = {{.key = NULL}, LOG_INT("lines", lines_lost)};

    if (!finish_begun_line())
        return false;
    if (lines_lost == 0)
        return true;
    append_line(&line, LOG_LEVEL_WARNING, "lines of this log are missing: nobody took them", fields,
                sizeof(fields) / sizeof(fields[0]));
    if (put(buf_str(&line)))
        lines_lost = 0;
    return lines_lost == 0 && rest.len == 0;
}

void log_catch_up(void)
{
    pthread_mutex_lock(&lock);
    catch_up();
    pthread_mutex_unlock(&lock);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    cleanup(buf_done) struct buf line = BUF_INIT;

    if (level < lowest_level)
        return;
    append_line(&line, level, message, fields, count);
    /* In one write, so that lines of several processes do not mix. */
    pthread_mutex_lock(&lock);
    if (!catch_up() || !put(buf_str(&line)))
        lines_lost++;
    pthread_mutex_unlock(&lock);
}
