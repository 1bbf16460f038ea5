#include "common/log/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};

/* Written once at start, before any thread. */
static enum log_level lowest_level = LOG_LEVEL_INFO;
static const char *daemon_name = "entitled";

void log_set_daemon(const char *name)
{
    daemon_name = name;
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

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (level < lowest_level)
        return;

    struct buf line = BUF_INIT;
    char time[CLOCK_TEXT_SIZE];

    buf_printf(&line, "time=%s level=%s daemon=%s msg=", clock_format_ms(clock_wall_ms(), time),
               level_names[level], daemon_name);
    append_value(&line, str_of(message));
    for (size_t i = 1; i < count; i++)
        append_field(&line, &fields[i]);
    buf_append_char(&line, '\n');

    /* One write, so that lines of several processes do not mix. A log that cannot be written must
     * not stop the daemon. */
    ssize_t written;
    do
        written = write(STDERR_FILENO, line.data, line.len);
    while (written < 0 && errno == EINTR);
    buf_done(&line);
}
