/* Calls against a server that answers by script, in the same loop. */
#ifndef TESTS_SUPPORT_AWS_CALL_FIXTURE_H
#define TESTS_SUPPORT_AWS_CALL_FIXTURE_H

#include "common/aws/client/client.h"
#include "common/aws/client/sigv4.h"
#include "common/http/server/http_server.h"
#include "tests/support/aws_environment.h"
#include "tests/support/vectors.h"

#define SECRET "fixture/secret"
#define TOKEN  "FIXTURE//session==token"

struct step {
    enum { REPLY, HANG, TRUNCATE, DROP } kind;
    int status;
    struct str body;
    const struct json *headers;
};

enum { MAX_STEPS = 8 };

struct fixture {
    struct aws_environment environment;
    struct loop *loop;
    struct http_server *server;
    char *url;
    struct aws *aws;
    struct step steps[MAX_STEPS];
    unsigned requests;
    unsigned badly_signed;
    unsigned admissions;
    struct buf seen; /* target, type and body of the last request */
    struct buf amz_date;

    unsigned done;
    struct aws_response response; /* texts in the buffers below */
    struct buf code, message, request_id, body;
    struct buf account, arn;
};

enum { MAX_SIGNED = 12 };

/* Whether the Authorization header is what our own verifier computes. */
static inline bool is_signed_well(const struct http_exchange *exchange)
{
    struct str text = http_exchange_header(exchange, "Authorization");
    struct sigv4_header headers[MAX_SIGNED];
    size_t count = 0;
    cleanup(buf_done) struct buf canonical = BUF_INIT, to_sign = BUF_INIT, want = BUF_INIT;

    if (!str_starts_with(text, STR("AWS4-HMAC-SHA256 Credential=")))
        return false;
    str_split(&text, '=');
    struct str key = str_split(&text, '/'), scope = str_split(&text, ',');
    str_split(&text, '=');
    struct str names = str_split(&text, ',');
    str_split(&text, '=');
    while (names.len > 0 && count < MAX_SIGNED) {
        struct str name = str_split(&names, ';');
        cleanup(mem_freep) char *terminated = str_dup(name);
        headers[count++] = (struct sigv4_header){name, http_exchange_header(exchange, terminated)};
    }
    sigv4_canonical_request(&canonical, http_exchange_method(exchange), STR("/"), STR_NONE, headers,
                            count, http_exchange_body(exchange));
    sigv4_string_to_sign(&to_sign, http_exchange_header(exchange, "X-Amz-Date"), scope,
                         buf_str(&canonical));
    struct str date = str_split(&scope, '/'), region = str_split(&scope, '/');
    sigv4_signature(&want, STR(SECRET), date, region, str_split(&scope, '/'), buf_str(&to_sign));
    return str_eq_text(key, "AKFIXTURE") && str_eq(text, buf_str(&want)) &&
           str_eq(http_exchange_header(exchange, "X-Amz-Security-Token"), STR(TOKEN));
}

static inline void add_header(void *arg, struct str name, const struct json *value)
{
    cleanup(mem_freep) char *terminated = str_dup(name);

    http_exchange_add_header(arg, terminated, json_str(value));
}

static inline void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;
    const struct step *step = &fixture->steps[fixture->requests++];

    if (!is_signed_well(exchange))
        fixture->badly_signed++;
    buf_clear(&fixture->seen);
    buf_printf(&fixture->seen, STR_FMT "|" STR_FMT "|" STR_FMT,
               STR_ARG(http_exchange_header(exchange, "X-Amz-Target")),
               STR_ARG(http_exchange_header(exchange, "Content-Type")),
               STR_ARG(http_exchange_body(exchange)));
    buf_clear(&fixture->amz_date);
    buf_append_str(&fixture->amz_date, http_exchange_header(exchange, "X-Amz-Date"));
    json_each(step->headers, add_header, exchange);
    if (step->kind == REPLY)
        http_exchange_reply(exchange, step->status, NULL, step->body);
    else if (step->kind == TRUNCATE)
        http_exchange_reply_truncated(exchange, step->status, NULL, step->body, step->body.len / 2);
    else if (step->kind == DROP)
        http_exchange_drop(exchange);
}

static inline double no_delay(void)
{
    return 0;
}

static inline int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));
    struct http_server_options options = {.address = "127.0.0.1",
                                          .body_limit_bytes = 1 << 20,
                                          .header_limit_bytes = 16384,
                                          .connection_limit = 20,
                                          .request_timeout_ms = 20000};

    aws_environment_open(&fixture->environment);
    fixture->loop = loop_new();
    assert_int_equal(
        http_server_open(&fixture->server, fixture->loop, &options, on_exchange, fixture, NULL), 0);
    fixture->url = mem_printf("http://127.0.0.1:%u/", (unsigned)http_server_port(fixture->server));
    setenv("AWS_ENDPOINT_URL", fixture->url, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKFIXTURE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    setenv("AWS_SESSION_TOKEN", TOKEN, 1);
    assert_int_equal(aws_new(&fixture->aws, fixture->loop,
                             &(struct aws_options){.attempt_timeout_ms = 20000}, NULL),
                     0);
    fixture->aws->random = no_delay;
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct buf *bufs[] = {&fixture->seen,    &fixture->amz_date,   &fixture->code,
                          &fixture->message, &fixture->request_id, &fixture->body,
                          &fixture->account, &fixture->arn};

    aws_free(fixture->aws);
    http_server_close(fixture->server);
    loop_free(fixture->loop);
    aws_environment_close(&fixture->environment);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_done(bufs[i]);
    mem_free(fixture->url);
    mem_free(fixture);
    return 0;
}

static inline void keep(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_reserve(buf, text.len);
    buf_append_str(buf, text);
}

static inline void on_done(void *arg, const struct aws_response *response)
{
    struct fixture *fixture = arg;

    fixture->done++;
    fixture->response = *response;
    keep(&fixture->code, response->code);
    keep(&fixture->message, response->message);
    keep(&fixture->request_id, response->request_id);
    buf_clear(&fixture->body);
    json_write(response->body, &fixture->body);
    loop_stop(fixture->loop);
}

static inline void script(struct fixture *fixture, size_t count, const struct step *steps)
{
    assert_true(count <= MAX_STEPS);
    memcpy(fixture->steps, steps, count * sizeof(*steps));
    fixture->requests = 0;
    fixture->admissions = 0;
}

#define SCRIPT(fixture, ...)                                                                       \
    script((fixture), sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step),                  \
           (struct step[]){__VA_ARGS__})

static inline void run(struct fixture *fixture, const struct aws_request *request)
{
    fixture->done = 0;
    assert_non_null(aws_call(fixture->aws, request, on_done, fixture));
    assert_int_equal(fixture->done, 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->done, 1);
    assert_int_equal(fixture->badly_signed, 0);
}

static inline void ask(struct fixture *fixture, enum aws_service service, const char *operation,
                       unsigned max_attempts)
{
    struct aws_request request = {.service = service,
                                  .operation = operation,
                                  .body = STR("{\"a\":1}"),
                                  .max_attempts = max_attempts};

    run(fixture, &request);
}

static const struct step fine = {REPLY, 200, STR_INIT("{\"x\":1}"), NULL};
static const struct step throttled = {REPLY, 400, STR_INIT("{\"__type\":\"ThrottlingException\"}"),
                                      NULL};

#define CALL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
