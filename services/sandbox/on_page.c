/* The page's requests: each form becomes the verb of the same name. */
#include <stdio.h>

#include "services/sandbox/page.h"
#include "services/sandbox/verbs.h"
#include "services/sandbox/waits.h"

#define TITLE "AWS Marketplace sandbox"

/* The page and its answers are never to be found in a cache. */
static void reply_page(struct http_exchange *exchange, int status, const struct buf *page)
{
    http_exchange_add_header(exchange, "Cache-Control", STR("no-store"));
    http_exchange_add_header(exchange, "Content-Security-Policy",
                             STR("default-src 'none'; style-src 'unsafe-inline'; "
                                 "frame-ancestors 'none'"));
    http_exchange_reply(exchange, status, "text/html; charset=utf-8", buf_str(page));
}

static void reply_world(struct sandbox *sandbox, struct http_exchange *exchange, int status,
                        struct str said)
{
    struct buf page = BUF_INIT;

    page_write_world(sandbox, TITLE, said, &page);
    reply_page(exchange, status, &page);
    buf_done(&page);
}

/* 10, 1.5, true, or else a text. */
static struct json *value_of(struct str text)
{
    struct json *value = NULL;

    if (json_parse(&value, text, NULL) == 0) {
        enum json_kind kind = json_kind(value);
        if (kind == JSON_KIND_INTEGER || kind == JSON_KIND_REAL || kind == JSON_KIND_BOOL)
            return value;
        json_free(value);
    }
    return json_new_str(text);
}

/* "seats=10, plan=gold". */
static struct json *dimensions_of(struct str text)
{
    struct json *dimensions = json_new_object();

    while (!str_is_empty(text)) {
        struct arena arena = ARENA_INIT;
        struct str value = str_split(&text, ',');
        struct str name = arena_str(&arena, str_trim(str_split(&value, '=')));
        if (!str_is_empty(name))
            json_set(dimensions, name.ptr, value_of(str_trim(value)));
        arena_done(&arena);
    }
    return dimensions;
}

static void add_field(void *arg, struct str name, struct str value)
{
    struct json *ask = arg;
    char key[64];
    int64_t number;

    if (str_is_empty(value))
        return;
    snprintf(key, sizeof(key), STR_FMT, STR_ARG(name));
    if (str_eq(name, STR("dimensions")))
        json_set(ask, "dimensions", dimensions_of(value));
    else if (str_eq(name, STR("free_trial")))
        json_set_bool(ask, "free_trial", str_eq(value, STR("true")));
    else if (str_eq(name, STR("term_days")) && str_to_i64(value, &number))
        json_set_integer(ask, "term_days", number);
    else
        json_set_str(ask, key, value);
}

static void reply_registration(struct sandbox *sandbox, struct http_exchange *exchange,
                               const struct json *reply)
{
    const struct token *token = world_token(&sandbox->world, json_get_str(reply, "token"));
    struct buf page = BUF_INIT;

    page_write_registration(sandbox, token->agreement, token, &page);
    reply_page(exchange, 200, &page);
    buf_done(&page);
}

static bool is_page_verb(struct str verb)
{
    static const char *const allowed[] = {"buy",     "token",  "change", "renew",
                                          "replace", "cancel", "expire"};

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (str_eq_text(verb, allowed[i]))
            return true;
    }
    return false;
}

static void run_form(struct sandbox *sandbox, struct http_exchange *exchange, struct str verb)
{
    struct json *ask = json_new_object(), *reply = json_new_object();
    struct error error = {{0}};

    http_exchange_each_form(exchange, add_field, ask);
    if (verb_run(sandbox, verb, ask, reply, &error) < 0) {
        reply_world(sandbox, exchange, 400, str_of(error.text));
    } else if (json_get(reply, "token")) {
        reply_registration(sandbox, exchange, reply);
    } else {
        http_exchange_add_header(exchange, "Location", STR("/"));
        http_exchange_reply(exchange, 303, NULL, STR_NONE);
    }
    json_free(ask);
    json_free(reply);
    waits_check(sandbox);
}

bool page_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    static const struct str forms = STR_INIT("/_sandbox/page/");
    struct str path = http_exchange_path(exchange), method = http_exchange_method(exchange);

    if (str_eq(path, STR("/")) && str_eq(method, STR("GET"))) {
        reply_world(sandbox, exchange, 200, STR_NONE);
        return true;
    }
    if (!str_starts_with(path, forms) || !str_eq(method, STR("POST")))
        return false;
    struct str verb = str_from(path.ptr + forms.len, path.len - forms.len);
    if (!is_page_verb(verb))
        reply_world(sandbox, exchange, 404, STR("There is no such form."));
    else
        run_form(sandbox, exchange, verb);
    return true;
}
