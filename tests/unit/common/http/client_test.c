/* The HTTP client against a server in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/http/client/http_client.h"
#include "common/http/server/http_server.h"

/* Client and server share the loop; the handler is chosen per test. */
struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    http_handler_fn *handler;
    struct buf seen;
    struct http_exchange *held;
    unsigned requests;

    unsigned done;
    unsigned wanted;
    int status;
    bool timed_out;
    bool too_long;
    struct error error;
    struct buf body;
    struct buf header;
};

static void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;

    fixture->requests++;
    fixture->handler(fixture, exchange);
}

static void open_server(struct fixture *fixture, const char *certificate, const char *key)
{
    struct http_server_options options = {.address = "127.0.0.1",
                                          .tls_certificate_file = certificate,
                                          .tls_key_file = key,
                                          .body_limit_bytes = 4 << 20,
                                          .header_limit_bytes = 65536,
                                          .connection_limit = 20,
                                          .request_timeout_ms = 20000};

    if (http_server_open(&fixture->server, fixture->loop, &options, on_exchange, fixture,
                         &fixture->error) < 0)
        fail_msg("%s", fixture->error.text);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    fixture->loop = loop_new();
    fixture->wanted = 1;
    open_server(fixture, NULL, NULL);
    fixture->client = http_client_new(fixture->loop, NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_client_free(fixture->client);
    http_server_close(fixture->server);
    loop_free(fixture->loop);
    buf_done(&fixture->seen);
    buf_done(&fixture->body);
    buf_done(&fixture->header);
    mem_free(fixture);
    return 0;
}

static void on_done(void *arg, const struct http_response *response)
{
    struct fixture *fixture = arg;

    fixture->status = response->status;
    fixture->timed_out = response->timed_out;
    fixture->too_long = response->too_long;
    fixture->error = response->error;
    buf_clear(&fixture->body);
    buf_append_str(&fixture->body, response->body);
    buf_clear(&fixture->header);
    buf_append_str(&fixture->header, http_response_header(response, "x-ANSWER"));
    if (++fixture->done == fixture->wanted)
        loop_stop(fixture->loop);
}

static struct http_request request_to(struct fixture *fixture, struct buf *url, const char *method,
                                      const char *path)
{
    buf_clear(url);
    buf_printf(url, "http://127.0.0.1:%u%s", (unsigned)http_server_port(fixture->server), path);
    return (struct http_request){
        .method = method, .url = buf_str(url), .timeout_ms = 20000, .response_limit = 8 << 20};
}

static void run(struct fixture *fixture, const struct http_request *request)
{
    unsigned before = fixture->done;

    fixture->wanted = before + 1;
    assert_non_null(http_client_send(fixture->client, request, on_done, fixture));
    assert_int_equal(fixture->done, before);
    loop_run(fixture->loop);
    assert_int_equal(fixture->done, before + 1);
}

static void echo(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;

    buf_clear(&fixture->seen);
    buf_printf(&fixture->seen,
               STR_FMT " " STR_FMT " type=" STR_FMT " x=" STR_FMT " expect=" STR_FMT,
               STR_ARG(http_exchange_method(exchange)), STR_ARG(http_exchange_raw_target(exchange)),
               STR_ARG(http_exchange_header(exchange, "Content-Type")),
               STR_ARG(http_exchange_header(exchange, "X-Own")),
               STR_ARG(http_exchange_header(exchange, "Expect")));
    http_exchange_add_header(exchange, "X-Answer", STR("yes"));
    http_exchange_reply(exchange, 202, "text/plain", http_exchange_body(exchange));
}

static void sends_and_receives(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_header headers[] = {{STR("Content-Type"), STR("application/x-amz-json-1.1")},
                                    {STR("X-Own"), STR("1")}};
    struct http_request request = request_to(fixture, &url, "POST", "/a?b=c");

    fixture->handler = echo;
    request.headers = headers;
    request.header_count = 2;
    request.body = STR("{\"a\":1}");
    run(fixture, &request);
    assert_int_equal(fixture->status, 202);
    assert_string_equal(fixture->body.data, "{\"a\":1}");
    assert_string_equal(fixture->header.data, "yes");
    assert_string_equal(fixture->seen.data,
                        "POST /a?b=c type=application/x-amz-json-1.1 x=1 expect=");

    request = request_to(fixture, &url, "PUT", "/token");
    run(fixture, &request);
    assert_string_equal(fixture->seen.data, "PUT /token type= x= expect=");
    request = request_to(fixture, &url, "GET", "/");
    run(fixture, &request);
    assert_string_equal(fixture->seen.data, "GET / type= x= expect=");
}

static void connections_are_reused(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");
    struct http_server_stats stats;

    fixture->handler = echo;
    for (int i = 0; i < 3; i++)
        run(fixture, &request);
    http_server_stats(fixture->server, &stats);
    assert_int_equal(stats.requests, 3);
    assert_int_equal(stats.open_connections, 1);
}

static void hold(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;

    fixture->held = exchange;
    if (fixture->wanted == 0)
        loop_stop(fixture->loop);
}

static void silence_times_out(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = hold;
    request.timeout_ms = 50;
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_true(fixture->timed_out);
    assert_non_null(strstr(fixture->error.text, "timed out"));
}

static void truncate_body(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_reply_truncated(exchange, 200, "text/plain", STR("{\"Entitlements\":[]}"), 5);
}

static void drop(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_drop(exchange);
}

static void half_an_answer_is_none(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");
    http_handler_fn *const handlers[] = {truncate_body, drop};

    for (int i = 0; i < 2; i++) {
        fixture->handler = handlers[i];
        run(fixture, &request);
        assert_int_equal(fixture->status, 0);
        assert_false(fixture->timed_out);
        assert_true(strlen(fixture->error.text) > 0);
        assert_int_equal(fixture->body.len, 0);
    }
}

static void answer_a_lot(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    struct str filler = arena_printf(http_exchange_arena(exchange), "%070000d", 1);

    if (str_eq(http_exchange_path(exchange), STR("/header")))
        http_exchange_add_header(exchange, "X-Answer", filler);
    http_exchange_reply(exchange, 200, "text/plain", filler);
}

static void long_answers_are_refused(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = answer_a_lot;
    request.response_limit = 70000;
    run(fixture, &request);
    assert_int_equal(fixture->status, 200);
    assert_int_equal(fixture->body.len, 70000);
    request.response_limit = 69999;
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_string_equal(fixture->error.text, "the answer is longer than 69999 bytes");
    assert_true(fixture->too_long);

    request = request_to(fixture, &url, "GET", "/header");
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_string_equal(fixture->error.text,
                        "the headers of the answer are longer than 65536 bytes");
    assert_false(fixture->too_long);
}

static void redirect(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_add_header(exchange, "Location", STR("/elsewhere"));
    http_exchange_reply(exchange, 302, "text/plain", STR("moved"));
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = redirect;
    run(fixture, &request);
    assert_int_equal(fixture->status, 302);
    assert_string_equal(fixture->body.data, "moved");
    assert_int_equal(fixture->requests, 1);
}

static void bad_requests_fail_by_callback(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_header header = {STR("X-Own"), STR("a\r\nX-Injected: b")};
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = echo;
    request.headers = &header;
    request.header_count = 1;
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_string_equal(fixture->error.text, "the header 'X-Own' would hold a line break");

    request.header_count = 0;
    request.url = STR("not a url");
    run(fixture, &request);
    assert_string_equal(fixture->error.text, "'not a url' is not a URL");
    request.url = STR("file:///etc/hostname");
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_int_equal(fixture->requests, 0);
}

static void a_closed_port_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    http_server_close(fixture->server);
    fixture->server = NULL;
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_false(fixture->timed_out);
    assert_non_null(strstr(fixture->error.text, "127.0.0.1"));
}

static void proxies_are_not_used_nearby(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = echo;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    run(fixture, &request);
    unsetenv("http_proxy");
    assert_int_equal(fixture->status, 202);
}

/* 0.0.0.0 is this machine too, but not one of the addresses that never need a proxy. */
static void direct_requests_use_no_proxy(void **state)
{
    struct fixture *fixture = *state;
    cleanup(mem_freep) char *url =
        mem_printf("http://0.0.0.0:%u/", (unsigned)http_server_port(fixture->server));
    struct http_request request = {
        .method = "GET", .url = str_of(url), .timeout_ms = 20000, .response_limit = 1024};

    fixture->handler = echo;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    request.direct = true;
    run(fixture, &request);
    unsetenv("http_proxy");
    assert_int_equal(fixture->status, 202);
}

/* The host has no address: only by the proxy is there an answer. */
static void proxies_are_named_in_either_case(void **state)
{
    struct fixture *fixture = *state;
    cleanup(mem_freep) char *proxy =
        mem_printf("http://127.0.0.1:%u", (unsigned)http_server_port(fixture->server));
    struct http_request request = {.method = "GET",
                                   .url = STR("http://crt.example.invalid/a.cer"),
                                   .timeout_ms = 20000,
                                   .response_limit = 1024};
    static const char *const names[] = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"};

    fixture->handler = echo;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv(names[i], proxy, 1);
        run(fixture, &request);
        assert_int_equal(fixture->status, 202);
        setenv("NO_PROXY", "example.invalid", 1);
        run(fixture, &request);
        assert_int_equal(fixture->status, 0);
        unsetenv("NO_PROXY");
        unsetenv(names[i]);
    }
    /* Lower case is the more particular. */
    setenv("HTTP_PROXY", "http://127.0.0.1:1", 1);
    setenv("http_proxy", proxy, 1);
    run(fixture, &request);
    unsetenv("HTTP_PROXY");
    unsetenv("http_proxy");
    assert_int_equal(fixture->status, 202);
}

static void on_gone(void *arg)
{
    struct fixture *fixture = arg;

    fixture->held = NULL;
    loop_stop(fixture->loop);
}

static void cancelled_calls_stay_silent(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = hold;
    fixture->wanted = 0;
    http_call_cancel(http_client_send(fixture->client, &request, on_done, fixture));
    struct http_call *call = http_client_send(fixture->client, &request, on_done, fixture);
    loop_run(fixture->loop);
    assert_non_null(fixture->held);
    http_exchange_on_abandoned(fixture->held, on_gone, fixture);
    http_call_cancel(call);
    loop_run(fixture->loop);
    assert_null(fixture->held);
    assert_int_equal(fixture->done, 0);
    assert_int_equal(fixture->requests, 1);
}

static void freeing_the_client_cancels_everything(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = hold;
    fixture->wanted = 0;
    for (int i = 0; i < 3; i++)
        http_client_send(fixture->client, &request, on_done, fixture);
    loop_run(fixture->loop);
    http_client_free(fixture->client);
    fixture->client = NULL;
    assert_int_equal(fixture->done, 0);
}

static void many_calls_run_at_once(void **state)
{
    enum { MANY = 15 };
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct http_request request = request_to(fixture, &url, "GET", "/");

    fixture->handler = echo;
    fixture->wanted = MANY;
    for (int i = 0; i < MANY; i++)
        http_client_send(fixture->client, &request, on_done, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->done, MANY);
    assert_int_equal(fixture->requests, MANY);
}

static void certificates_are_verified(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf url = BUF_INIT;

    http_server_close(fixture->server);
    open_server(fixture, VECTORS_DIRECTORY "/tls-localhost.pem",
                VECTORS_DIRECTORY "/tls-localhost-key.pem");
    fixture->handler = echo;
    struct http_request request = request_to(fixture, &url, "POST", "/");
    cleanup(mem_freep) char *https = mem_printf("https%s", url.data + strlen("http"));
    request.url = str_of(https);
    request.body = STR("over TLS");
    run(fixture, &request);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error.text, "certificate"));
    assert_int_equal(fixture->requests, 0);

    http_client_free(fixture->client);
    fixture->client = http_client_new(fixture->loop, VECTORS_DIRECTORY "/tls-localhost.pem");
    run(fixture, &request);
    assert_int_equal(fixture->status, 202);
    assert_string_equal(fixture->body.data, "over TLS");
}

#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(sends_and_receives),
        CLIENT_TEST(connections_are_reused),
        CLIENT_TEST(silence_times_out),
        CLIENT_TEST(half_an_answer_is_none),
        CLIENT_TEST(long_answers_are_refused),
        CLIENT_TEST(redirects_are_not_followed),
        CLIENT_TEST(bad_requests_fail_by_callback),
        CLIENT_TEST(a_closed_port_is_an_error),
        CLIENT_TEST(proxies_are_not_used_nearby),
        CLIENT_TEST(direct_requests_use_no_proxy),
        CLIENT_TEST(proxies_are_named_in_either_case),
        CLIENT_TEST(cancelled_calls_stay_silent),
        CLIENT_TEST(freeing_the_client_cancels_everything),
        CLIENT_TEST(many_calls_run_at_once),
        CLIENT_TEST(certificates_are_verified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
