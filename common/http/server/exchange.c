/* One request and its answer: judging its head, reading it, answering it. */
#include <string.h>

#include "common/base/mem.h"
#include "common/http/server/internal.h"

/* RFC 9112, section 3.2: the target is a path, a whole URL (to proxies) or "*". */
static void split_target(struct http_exchange *exchange)
{
    struct str rest = exchange->raw_target;

    if (rest.len > 0 && rest.ptr[0] != '/') {
        const char *scheme_end = memmem(rest.ptr, rest.len, "://", 3);
        size_t skip = scheme_end ? (size_t)(scheme_end - rest.ptr) + 3 : rest.len;
        const char *path = memchr(rest.ptr + skip, '/', rest.len - skip);
        if (path)
            rest = str_from(path, rest.len - (size_t)(path - rest.ptr));
    }
    struct str path = str_split(&rest, '?');
    exchange->path_is_bad = has_bad_escape(path);
    exchange->path = percent_decode(&exchange->arena, path, false);
    exchange->query_text = rest;
}

struct http_exchange *exchange_new(struct connection *connection, const char *target)
{
    struct http_exchange *exchange = mem_alloc_zero(sizeof(*exchange));

    exchange->connection = connection;
    exchange->raw_target = arena_str(&exchange->arena, str_of(target));
    split_target(exchange);
    return exchange;
}

void exchange_free(struct http_exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    buf_done(&exchange->body);
    arena_done(&exchange->arena);
    mem_free(exchange);
}

struct head {
    size_t size;
    unsigned hosts, lengths, encodings;
    bool malformed;
    bool expects_continue;
    int64_t length;
};

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7F)
            return false;
    }
    return text.len > 0;
}

/* libmicrohttpd 0.9.75 joins a folded line to the name of the header above, in a copy: Transfer-
 * Encoding is then none any more. Of every other header the value stands behind its name. */
static bool is_folded(const char *name, size_t name_len, const char *value)
{
    return (uintptr_t)value <= (uintptr_t)name + name_len;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct head *head = arg;
    struct str key = str_from(name, name_len), text = str_trim(str_from(value, value_len));
    (void)kind;

    head->size += name_len + value_len + 4;
    head->malformed |= !is_token(key) || is_folded(name, name_len, value) ||
                       (value_len > 0 && memchr(value, '\0', value_len));
    if (str_eq_nocase(key, STR("Host"))) {
        head->hosts++;
    } else if (str_eq_nocase(key, STR("Content-Length"))) {
        head->lengths++;
        head->malformed |= !str_to_i64(text, &head->length) || head->length < 0;
    } else if (str_eq_nocase(key, STR("Transfer-Encoding"))) {
        head->encodings++;
        head->malformed |= !str_eq_nocase(text, STR("chunked"));
    } else if (str_eq_nocase(key, STR("Expect"))) {
        head->expects_continue = true;
    }
    return MHD_YES;
}

static int judge_length(struct http_exchange *exchange, const struct head *head)
{
    size_t limit = exchange->connection->server->options.body_limit_bytes;

    if ((uint64_t)head->length <= limit)
        return 0;
    if (head->expects_continue || (uint64_t)head->length - limit > DISCARD_LIMIT)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    exchange->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    return 0;
}

int exchange_judge_head(struct http_exchange *exchange, const char *method)
{
    const struct http_server *server = exchange->connection->server;
    struct head head = {.size = exchange->raw_target.len};

    exchange->method = arena_str(&exchange->arena, str_of(method));
    if (exchange->raw_target.len > server->options.header_limit_bytes)
        return MHD_HTTP_URI_TOO_LONG;
    MHD_get_connection_values_n(exchange->connection->mhd, MHD_HEADER_KIND, on_header, &head);
    if (head.size > server->options.header_limit_bytes)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    /* RFC 9112, section 6.3: a proxy between us and the peer must see the same body as we do. */
    if (head.malformed || head.hosts > 1 || head.lengths + head.encodings > 1)
        return MHD_HTTP_BAD_REQUEST;
    if (!is_token(exchange->raw_target) || exchange->path_is_bad)
        return MHD_HTTP_BAD_REQUEST;
    return judge_length(exchange, &head);
}

struct str http_exchange_method(const struct http_exchange *exchange)
{
    return exchange->method;
}

struct str http_exchange_path(const struct http_exchange *exchange)
{
    return exchange->path;
}

struct str http_exchange_raw_target(const struct http_exchange *exchange)
{
    return exchange->raw_target;
}

struct str http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    MHD_lookup_connection_value_n(exchange->connection->mhd, MHD_HEADER_KIND, name, strlen(name),
                                  &value, &len);
    return str_trim(str_from(value, len));
}

struct header_visit {
    void (*fn)(void *arg, struct str name, struct str value);
    void *arg;
};

static enum MHD_Result on_each_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len)
{
    struct header_visit *visit = arg;
    (void)kind;

    visit->fn(visit->arg, str_from(name, name_len), str_trim(str_from(value, value_len)));
    return MHD_YES;
}

void http_exchange_each_header(const struct http_exchange *exchange,
                               void (*visit)(void *arg, struct str name, struct str value),
                               void *arg)
{
    struct header_visit each = {visit, arg};

    MHD_get_connection_values_n(exchange->connection->mhd, MHD_HEADER_KIND, on_each_header, &each);
}

struct str http_exchange_body(const struct http_exchange *exchange)
{
    return buf_str(&exchange->body);
}

const struct ip *http_exchange_peer(const struct http_exchange *exchange)
{
    return &exchange->connection->peer;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

void http_exchange_on_abandoned(struct http_exchange *exchange, void (*fn)(void *arg), void *arg)
{
    exchange->on_abandoned = fn;
    exchange->abandoned_arg = arg;
}

void http_exchange_add_header(struct http_exchange *exchange, const char *name, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0')
            return;
    }
    struct pair *pair = arena_alloc(&exchange->arena, sizeof(*pair));
    pair->name = arena_str(&exchange->arena, str_of(name));
    pair->value = arena_str(&exchange->arena, value);
    pair->next = exchange->headers;
    exchange->headers = pair;
}

/* Takes the response (NULL: close without one); sends it when the handler is not on the stack. */
static void answer(struct http_exchange *exchange, int status, const char *content_type,
                   struct MHD_Response *response)
{
    enum phase before = exchange->phase;

    if (response && content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (const struct pair *pair = exchange->headers; response && pair; pair = pair->next)
        MHD_add_response_header(response, pair->name.ptr, pair->value.ptr);
    exchange->response = response;
    exchange->status = status;
    exchange->phase = PHASE_ANSWERED;
    if (before == PHASE_WAITING)
        server_resume(exchange);
}

void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
                         struct str body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.ptr ? body.ptr : ""), MHD_RESPMEM_MUST_COPY);

    if (!response)
        mem_exhausted();
    answer(exchange, status, content_type, response);
}

struct truncated {
    size_t len;
    char bytes[];
};

static ssize_t read_truncated(void *arg, uint64_t at, char *out, size_t max)
{
    const struct truncated *part = arg;

    if (at >= part->len)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = part->len - (size_t)at < max ? part->len - (size_t)at : max;
    memcpy(out, part->bytes + at, len);
    return (ssize_t)len;
}

void http_exchange_reply_truncated(struct http_exchange *exchange, int status,
                                   const char *content_type, struct str body, size_t bytes)
{
    enum { BLOCK_SIZE = 16384 };
    size_t len = bytes < body.len ? bytes : body.len;
    struct truncated *part = mem_alloc(sizeof(*part) + len);

    part->len = len;
    if (len > 0)
        memcpy(part->bytes, body.ptr, len);
    struct MHD_Response *response =
        MHD_create_response_from_callback(body.len, BLOCK_SIZE, read_truncated, part, mem_free);
    if (!response)
        mem_exhausted();
    answer(exchange, status, content_type, response);
}

void http_exchange_drop(struct http_exchange *exchange)
{
    answer(exchange, 0, NULL, NULL);
}

void exchange_refuse(struct http_exchange *exchange, int status)
{
    const struct http_server *server = exchange->connection->server;

    exchange->connection->server->stats.refused++;
    exchange->connection->refused = true;
    http_exchange_add_header(exchange, MHD_HTTP_HEADER_CONNECTION, STR("close"));
    if (server->options.on_refused) {
        server->options.on_refused(server->arg, exchange, status);
        return;
    }
    http_exchange_reply(exchange, status, "text/plain; charset=utf-8",
                        arena_printf(&exchange->arena, "%d %s\n", status,
                                     MHD_get_reason_phrase_for((unsigned)status)));
}
