#include "services/entitlectl/print/format.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"

void format_number(struct buf *out, double number)
{
    buf_printf(out, "%.15g", number);
}

void format_value(struct buf *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        buf_printf(out, "%" PRId64, value->integer);
        break;
    case VALUE_DOUBLE:
        format_number(out, value->number);
        break;
    case VALUE_BOOLEAN:
        buf_append_text(out, value->boolean ? "true" : "false");
        break;
    case VALUE_STRING:
        buf_printf(out, "'" STR_FMT "'", STR_ARG(value->string));
        break;
    case VALUE_NONE:
        break;
    }
}

/* In the largest unit of which there are at least two. */
void format_span(struct buf *out, int64_t span_s)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (span_s >= 2 * units[i].seconds) {
            buf_printf(out, "%" PRId64 " %s", span_s / units[i].seconds, units[i].name);
            return;
        }
    }
    buf_append_text(out, span_s == 1 ? "1 second" : "0 seconds");
}

void format_when(struct buf *out, int64_t time_s, int64_t now_s)
{
    char text[CLOCK_TEXT_SIZE];

    if (time_s == 0) {
        buf_append_text(out, "never");
        return;
    }
    buf_printf(out, "%s (", clock_format_s(time_s, text));
    if (time_s == now_s) {
        buf_append_text(out, "now)");
    } else if (time_s < now_s) {
        format_span(out, now_s - time_s);
        buf_append_text(out, " ago)");
    } else {
        buf_append_text(out, "in ");
        format_span(out, time_s - now_s);
        buf_append_char(out, ')');
    }
}

struct str format_license(const struct subscription *record)
{
    return str_is_empty(record->license_key) ? record->license_arn : record->license_key;
}

struct str format_customer(const struct subscription *record)
{
    if (record->license_key.len > 0)
        return record->license_key;
    return record->customer_identifier.len > 0 ? record->customer_identifier : record->account_id;
}

void format_printable(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;
        /* U+0080 to U+009F, which terminals obey too, are C2 80 to C2 9F. */
        bool c1 = c == 0xC2 && next >= 0x80 && next <= 0x9F;
        buf_append_char(out, c1 || c < 0x20 || c == 0x7F ? '?' : (char)c);
        i += c1;
    }
}

struct str format_process(const char *endpoint)
{
    struct str name = str_of(endpoint);
    const char *slash = strrchr(endpoint, '/');

    if (!str_starts_with(name, STR("ipc://")) || !slash)
        return name;
    name = str_of(slash + 1);
    return str_split(&name, '.');
}

void format_wrap(struct buf *out, struct str text, size_t width)
{
    size_t column = 0;

    while (text.len > 0) {
        struct str word = str_split(&text, ' ');
        if (column > 0 && column + 1 + word.len > width) {
            buf_append_char(out, '\n');
            column = 0;
        } else if (column > 0) {
            buf_append_char(out, ' ');
            column++;
        }
        format_printable(out, word);
        column += word.len;
    }
    buf_append_char(out, '\n');
}
