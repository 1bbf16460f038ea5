/* Names and values in queries, forms and cookies. */
#include "common/http/server/internal.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that an escape at this place stands for, or -1. */
static int escaped_byte(struct str text, size_t at)
{
    if (text.ptr[at] != '%' || text.len - at < 3)
        return -1;
    int high = hex_value(text.ptr[at + 1]), low = hex_value(text.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool has_bad_escape(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' && escaped_byte(text, i) <= 0)
            return true;
    }
    return false;
}

struct str percent_decode(struct arena *arena, struct str text, bool plus_is_blank)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int byte = escaped_byte(text, i);
        if (byte >= 0) {
            out[len++] = (char)byte;
            i += 2;
        } else {
            out[len++] = plus_is_blank && text.ptr[i] == '+' ? ' ' : text.ptr[i];
        }
    }
    return str_from(out, len);
}

struct pair *parse_pairs(struct arena *arena, struct str text)
{
    struct pair *first = NULL, **end = &first;

    while (text.len > 0) {
        struct str value = str_split(&text, '&');
        if (value.len == 0)
            continue;
        struct str name = str_split(&value, '=');
        struct pair *pair = arena_alloc(arena, sizeof(*pair));
        pair->name = percent_decode(arena, name, true);
        pair->value = percent_decode(arena, value, true);
        *end = pair;
        end = &pair->next;
    }
    return first;
}

static size_t find_pairs(const struct pair *pairs, const char *name, struct str *ret_value)
{
    size_t count = 0;

    for (; pairs; pairs = pairs->next) {
        if (str_eq_text(pairs->name, name) && count++ == 0 && ret_value)
            *ret_value = pairs->value;
    }
    return count;
}

struct str http_exchange_query(struct http_exchange *exchange, const char *name)
{
    struct str value = STR_NONE;

    if (!exchange->query_parsed)
        exchange->query = parse_pairs(&exchange->arena, exchange->query_text);
    exchange->query_parsed = true;
    find_pairs(exchange->query, name, &value);
    return value;
}

/* The body is a form only if it says so; parameters such as a charset do not matter. */
static bool holds_form(const struct http_exchange *exchange)
{
    struct str type = http_exchange_header(exchange, "Content-Type");

    return str_eq_nocase(str_trim(str_split(&type, ';')), STR("application/x-www-form-urlencoded"));
}

static const struct pair *form_pairs(struct http_exchange *exchange)
{
    if (!exchange->form_parsed && holds_form(exchange))
        exchange->form = parse_pairs(&exchange->arena, buf_str(&exchange->body));
    exchange->form_parsed = true;
    return exchange->form;
}

size_t http_exchange_form(struct http_exchange *exchange, const char *name, struct str *ret_value)
{
    if (ret_value)
        *ret_value = STR_NONE;
    return find_pairs(form_pairs(exchange), name, ret_value);
}

void http_exchange_each_form(struct http_exchange *exchange,
                             void (*visit)(void *arg, struct str name, struct str value), void *arg)
{
    for (const struct pair *pair = form_pairs(exchange); pair; pair = pair->next)
        visit(arg, pair->name, pair->value);
}

/* "Cookie: a=b; c=d" (RFC 6265, section 4.2.1); values are not escaped. */
static void add_cookies(void *arg, struct str name, struct str value)
{
    struct http_exchange *exchange = arg;

    if (!str_eq_nocase(name, STR("Cookie")))
        return;
    while (value.len > 0) {
        struct str one = str_trim(str_split(&value, ';'));
        struct pair *pair = arena_alloc(&exchange->arena, sizeof(*pair));
        pair->name = str_split(&one, '=');
        pair->value = one;
        if (one.len >= 2 && one.ptr[0] == '"' && str_ends_with(one, STR("\"")))
            pair->value = str_from(one.ptr + 1, one.len - 2);
        pair->next = exchange->cookies;
        exchange->cookies = pair;
    }
}

struct str http_exchange_cookie(struct http_exchange *exchange, const char *name, size_t index)
{
    if (!exchange->cookies_parsed)
        http_exchange_each_header(exchange, add_cookies, exchange);
    exchange->cookies_parsed = true;
    for (const struct pair *pair = exchange->cookies; pair; pair = pair->next) {
        if (str_eq_text(pair->name, name) && pair->value.len > 0 && index-- == 0)
            return pair->value;
    }
    return STR_NONE;
}
