#include "proto/clients/c/file/fixture_json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

struct json {
    const char *at, *end;
    size_t line;
    struct buf *out;
    struct buf *text; /* the string read last */
    struct error *error;
};

/* MessagePack specification, "Formats": the widest form of each kind. */
enum {
    NIL = 0xc0,
    FALSE = 0xc2,
    TRUE = 0xc3,
    FLOAT64 = 0xcb,
    INT64 = 0xd3,
    STR32 = 0xdb,
    ARRAY32 = 0xdd,
    MAP32 = 0xdf,
};

static void pack_head(struct json *json, int format, uint64_t value, size_t width)
{
    char bytes[9] = {(char)format};

    for (size_t i = 0; i < width; i++)
        bytes[1 + i] = (char)(value >> (8 * (width - 1 - i)));
    buf_append(json->out, bytes, 1 + width);
}

static void pack_text(struct json *json, struct str text)
{
    pack_head(json, STR32, text.len, 4);
    buf_append_str(json->out, text);
}

/* Writes the count of the items packed since into the head at `place`. */
static void set_count(struct json *json, size_t place, uint32_t count)
{
    for (size_t i = 0; i < 4; i++)
        json->out->data[place + 1 + i] = (char)(count >> (8 * (3 - i)));
}

static int wrong(struct json *json, const char *what)
{
    return error_set(json->error, "line %zu: %s", json->line, what);
}

static void skip_blanks(struct json *json)
{
    while (json->at < json->end && strchr(" \t\r\n", *json->at) && *json->at) {
        json->line += *json->at == '\n';
        json->at++;
    }
}

static bool take_char(struct json *json, char wanted)
{
    skip_blanks(json);
    if (json->at == json->end || *json->at != wanted)
        return false;
    json->at++;
    return true;
}

static bool take_word(struct json *json, const char *word)
{
    size_t len = strlen(word);

    skip_blanks(json);
    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
        return false;
    json->at += len;
    return true;
}

/* Strings. */

static int read_hex(struct json *json, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", *digit;
        if (json->at == json->end || *json->at == '\0')
            return wrong(json, "a \\u needs four digits");
        digit = strchr(digits, *json->at | 0x20);
        if (!digit)
            return wrong(json, "a \\u needs four digits");
        *ret = *ret << 4 | (uint32_t)(digit - digits);
        json->at++;
    }
    return 0;
}

static void append_utf8(struct buf *buf, uint32_t c)
{
    if (c < 0x80) {
        buf_append_char(buf, (char)c);
    } else if (c < 0x800) {
        buf_append_char(buf, (char)(0xc0 | c >> 6));
        buf_append_char(buf, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_append_char(buf, (char)(0xe0 | c >> 12));
        buf_append_char(buf, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_append_char(buf, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_append_char(buf, (char)(0xf0 | c >> 18));
        buf_append_char(buf, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_append_char(buf, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_append_char(buf, (char)(0x80 | (c & 0x3f)));
    }
}

/* RFC 8259, section 7: beyond the first plane a character is a pair. */
static int read_unicode(struct json *json)
{
    uint32_t c, low;

    if (read_hex(json, &c) < 0)
        return -1;
    if (c >= 0xd800 && c < 0xdc00) {
        if (!(json->end - json->at >= 2 && json->at[0] == '\\' && json->at[1] == 'u'))
            return wrong(json, "half of a \\u pair");
        json->at += 2;
        if (read_hex(json, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return wrong(json, "half of a \\u pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xdc00 && c < 0xe000) {
        return wrong(json, "half of a \\u pair");
    }
    append_utf8(json->text, c);
    return 0;
}

static int read_escape(struct json *json)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = json->at < json->end ? *json->at++ : '\0';
    const char *name = c ? strchr(names, c) : NULL;

    if (c == 'u')
        return read_unicode(json);
    if (!name)
        return wrong(json, "no such escape in a text");
    buf_append_char(json->text, meanings[name - names]);
    return 0;
}

static int read_string(struct json *json, const char *what)
{
    if (!take_char(json, '"'))
        return wrong(json, what);
    buf_clear(json->text);
    while (json->at < json->end && *json->at != '"') {
        char c = *json->at++;
        if ((unsigned char)c < 0x20)
            return wrong(json, "a text does not end");
        if (c != '\\')
            buf_append_char(json->text, c);
        else if (read_escape(json) < 0)
            return -1;
    }
    if (json->at == json->end)
        return wrong(json, "a text does not end");
    json->at++;
    return 0;
}

/* Numbers. */

static size_t number_length(const struct json *json)
{
    size_t len = 0;

    while (json->at + len < json->end && json->at[len] && strchr("+-.eE0123456789", json->at[len]))
        len++;
    return len;
}

static int pack_double(struct json *json, const char *digits)
{
    uint64_t bits;
    char *end;
    /* Not the application's, which may have another decimal point. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    if (!plain)
        mem_exhausted();
    double value = strtod_l(digits, &end, plain);
    freelocale(plain);
    if (*end != '\0' || !isfinite(value))
        return wrong(json, "not a number");
    memcpy(&bits, &value, sizeof(bits));
    pack_head(json, FLOAT64, bits, 8);
    return 0;
}

static int pack_number(struct json *json)
{
    enum { DIGITS_MAX = 64 };
    char digits[DIGITS_MAX];
    size_t len = number_length(json);
    int64_t integer;

    if (len == 0 || len >= sizeof(digits))
        return wrong(json, "a value is missing or of an unknown kind");
    memcpy(digits, json->at, len);
    digits[len] = '\0';
    json->at += len;
    if (!str_to_i64(str_from(digits, len), &integer))
        return pack_double(json, digits);
    pack_head(json, INT64, (uint64_t)integer, 8);
    return 0;
}

/* Values. */

static int pack_object(struct json *json, const struct shape *shape);

static int pack_string(struct json *json, const struct field *field)
{
    int64_t time_s;

    if (read_string(json, "a text is missing") < 0)
        return -1;
    if (field->kind != FIELD_TIME) {
        pack_text(json, buf_str(json->text));
        return 0;
    }
    if (clock_parse_iso8601(buf_str(json->text), &time_s) < 0)
        return wrong(json, "not a time like 2026-11-23T12:00:00Z");
    pack_head(json, INT64, (uint64_t)time_s, 8);
    return 0;
}

static int pack_scalar(struct json *json, const struct field *field)
{
    skip_blanks(json);
    if (json->at < json->end && *json->at == '"')
        return pack_string(json, field);
    if (take_word(json, "null"))
        pack_head(json, NIL, 0, 0);
    else if (take_word(json, "true"))
        pack_head(json, TRUE, 0, 0);
    else if (take_word(json, "false"))
        pack_head(json, FALSE, 0, 0);
    else
        return pack_number(json);
    return 0;
}

static int pack_list(struct json *json, const struct field *field)
{
    size_t place = json->out->len;
    uint32_t count = 0;

    if (!take_char(json, '['))
        return wrong(json, "an array is missing");
    pack_head(json, ARRAY32, 0, 4);
    if (take_char(json, ']'))
        return 0;
    do {
        if ((field->child ? pack_object(json, field->child) : pack_scalar(json, field)) < 0)
            return -1;
        count++;
    } while (take_char(json, ','));
    set_count(json, place, count);
    return take_char(json, ']') ? 0 : wrong(json, "',' or ']' is missing");
}

static int pack_value(struct json *json, const struct field *field)
{
    switch (field->kind) {
    case FIELD_STRS:
    case FIELD_LIST:
    case FIELD_ENCODED:
        return pack_list(json, field);
    case FIELD_ITEM:
        return pack_object(json, field->child);
    default:
        return pack_scalar(json, field);
    }
}

static int pack_member(struct json *json, const struct shape *shape)
{
    const struct field *field = shape->fields;
    const struct field *end = field + shape->field_count;

    if (read_string(json, "a key is missing") < 0)
        return -1;
    while (field < end && !str_eq_text(buf_str(json->text), field->name))
        field++;
    if (field == end)
        return error_set(json->error, "line %zu: '%s' is nothing that %s has", json->line,
                         json->text->len > 0 ? json->text->data : "", shape->name);
    pack_text(json, buf_str(json->text));
    if (!take_char(json, ':'))
        return wrong(json, "':' is missing");
    return pack_value(json, field);
}

static int pack_object(struct json *json, const struct shape *shape)
{
    size_t place = json->out->len;
    uint32_t count = 0;

    if (!take_char(json, '{'))
        return wrong(json, "an object is missing");
    pack_head(json, MAP32, 0, 4);
    if (take_char(json, '}'))
        return 0;
    do {
        if (pack_member(json, shape) < 0)
            return -1;
        count++;
    } while (take_char(json, ','));
    set_count(json, place, count);
    return take_char(json, '}') ? 0 : wrong(json, "',' or '}' is missing");
}

int fixture_json_pack(struct str text, const struct shape *shape, struct buf *out,
                      struct error *error)
{
    struct buf scratch = BUF_INIT;
    struct json json = {.at = text.ptr,
                        .end = text.ptr + text.len,
                        .line = 1,
                        .out = out,
                        .text = &scratch,
                        .error = error};

    int result = pack_object(&json, shape);
    skip_blanks(&json);
    if (result == 0 && json.at != json.end)
        result = wrong(&json, "something stands behind the end");
    buf_done(&scratch);
    return result;
}
