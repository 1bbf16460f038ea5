#include "common/base/escape.h"

void escape_markup(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_append_text(out, "&amp;");
            break;
        case '<':
            buf_append_text(out, "&lt;");
            break;
        case '>':
            buf_append_text(out, "&gt;");
            break;
        case '"':
            buf_append_text(out, "&quot;");
            break;
        case '\'':
            buf_append_text(out, "&#39;");
            break;
        default:
            buf_append_char(out, text.ptr[i]);
        }
    }
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void escape_percent(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            buf_append_char(out, text.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
    }
}
