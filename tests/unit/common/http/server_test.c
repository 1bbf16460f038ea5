#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/http/server/http_server.h"
#include "tests/support/raw_client.h"
#include "tests/support/vectors.h"

enum { BODY_LIMIT = 4096, HEADER_LIMIT = 2048, CONNECTION_LIMIT = 20 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    http_handler_fn *handler;
    void *handler_arg;
    struct raw_client client;
};

static void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;

    fixture->handler(fixture->handler_arg, exchange);
}

static void open_server(struct fixture *fixture, int64_t request_timeout_ms)
{
    struct http_server_options options = {.address = "127.0.0.1",
                                          .body_limit_bytes = BODY_LIMIT,
                                          .header_limit_bytes = HEADER_LIMIT,
                                          .connection_limit = CONNECTION_LIMIT,
                                          .request_timeout_ms = request_timeout_ms};
    struct error error = {""};

    fixture->loop = loop_new();
    if (http_server_open(&fixture->server, fixture->loop, &options, on_exchange, fixture, &error) <
        0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    open_server(fixture, 20000);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_close(fixture->server);
    loop_free(fixture->loop);
    buf_done(&fixture->client.received);
    mem_free(fixture);
    return 0;
}

static const char *run(struct fixture *fixture, http_handler_fn *handler, void *handler_arg,
                       void (*script)(struct raw_client *client), void *script_arg)
{
    fixture->handler = handler;
    fixture->handler_arg = handler_arg;
    fixture->client.script = script;
    fixture->client.arg = script_arg;
    buf_clear(&fixture->client.received);
    raw_client_run(&fixture->client, fixture->loop, http_server_port(fixture->server));
    assert_false(fixture->client.timed_out);
    return fixture->client.received.data ? fixture->client.received.data : "";
}

static void send_and_read(struct raw_client *client)
{
    raw_connect(client);
    raw_send(client, *(struct str *)client->arg);
    raw_receive_all(client);
}

static const char *ask(struct fixture *fixture, http_handler_fn *handler, void *arg,
                       struct str request)
{
    return run(fixture, handler, arg, send_and_read, &request);
}

static const char *ask_text(struct fixture *fixture, http_handler_fn *handler, void *arg,
                            const char *request)
{
    return ask(fixture, handler, arg, str_of(request));
}

static void assert_status(const char *answer, int status)
{
    char want[32];

    snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
    if (strncmp(answer, want, strlen(want)) != 0)
        fail_msg("expected %s, got: %s", want, answer);
}

static uint64_t refused(struct fixture *fixture)
{
    struct http_server_stats stats;

    http_server_stats(fixture->server, &stats);
    return stats.refused;
}

static void append_pair(void *arg, struct str name, struct str value)
{
    buf_printf(arg, "[" STR_FMT "=" STR_FMT "]", STR_ARG(name), STR_ARG(value));
}

static void describe(void *arg, struct http_exchange *exchange)
{
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct str field;
    (void)arg;

    buf_printf(&text, STR_FMT " " STR_FMT " target=" STR_FMT " q=" STR_FMT " h=" STR_FMT,
               STR_ARG(http_exchange_method(exchange)), STR_ARG(http_exchange_path(exchange)),
               STR_ARG(http_exchange_raw_target(exchange)),
               STR_ARG(http_exchange_query(exchange, "q")),
               STR_ARG(http_exchange_header(exchange, "x-some")));
    buf_printf(&text, " c=" STR_FMT " peer=%s...%d",
               STR_ARG(http_exchange_cookie(exchange, "session", 0)),
               ip_is_v4(http_exchange_peer(exchange)) ? "v4" : "v6",
               http_exchange_peer(exchange)->bytes[15]);
    buf_printf(&text, " f=%zu:", http_exchange_form(exchange, "f", &field));
    buf_append_str(&text, field);
    http_exchange_each_form(exchange, append_pair, &text);
    buf_append_text(&text, " body=");
    buf_append_str(&text, http_exchange_body(exchange));
    http_exchange_add_header(exchange, "X-Answer", STR("yes"));
    http_exchange_add_header(exchange, "X-Split", STR("a\r\nX-Injected: b"));
    http_exchange_reply(exchange, 201, "text/plain", buf_str(&text));
}

static void hands_over_the_whole_request(void **state)
{
    const char *answer =
        ask_text(*state, describe, NULL,
                 "POST /a%20b/c?x=1&q=p%2Bq+r&q=second HTTP/1.1\r\nHost: h\r\nX-Some: value \r\n"
                 "Cookie: a=b; session=\"s1\"; c\r\nConnection: close\r\n"
                 "Content-Type: application/X-www-form-urlencoded ; charset=UTF-8\r\n"
                 "Content-Length: 16\r\n\r\nf=1+%zz&&g&f=%00");

    assert_status(answer, 201);
    assert_non_null(strstr(answer, "\r\nX-Answer: yes\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
    assert_null(strstr(answer, "X-Injected"));
    assert_non_null(strstr(answer, "\r\n\r\nPOST /a b/c target=/a%20b/c?x=1&q=p%2Bq+r&q=second "
                                   "q=p+q r h=value c=s1 peer=v4...1 f=2:1 %zz[f=1 %zz]"
                                   "[g=][f="));
}

static void a_body_is_a_form_only_if_it_says_so(void **state)
{
    assert_non_null(strstr(ask_text(*state, describe, NULL,
                                    "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                    "Content-Type: text/plain\r\n"
                                    "Content-Length: 3\r\n\r\nf=1"),
                           " f=0: body=f=1"));
}

static void absolute_targets_have_a_path(void **state)
{
    assert_non_null(strstr(ask_text(*state, describe, NULL,
                                    "GET http://h:1/p?q=/x HTTP/1.1\r\nHost: h\r\n"
                                    "Connection: close\r\n\r\n"),
                           "GET /p target=http://h:1/p?q=/x q=/x "));
}

static void chunked_bodies_are_joined(void **state)
{
    assert_non_null(strstr(ask_text(*state, describe, NULL,
                                    "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
                           " body=abcde"));
}

struct landing {
    size_t count;
    struct buf token;
};

static void take_token(void *arg, struct http_exchange *exchange)
{
    struct landing *landing = arg;
    struct str token;

    landing->count = http_exchange_form(exchange, "x-amzn-marketplace-token", &token);
    buf_clear(&landing->token);
    buf_append_str(&landing->token, token);
    http_exchange_reply(exchange, 200, "text/plain", STR_NONE);
}

static struct fixture *landing_fixture;
static unsigned landing_cases;

static void check_landing_request(void *arg, struct str name, const struct json *value)
{
    cleanup(buf_done) struct buf request = BUF_INIT;
    struct landing landing = {0};
    struct str body = json_get_str(value, "raw_body");
    (void)arg;

    if (!str_eq_text(json_get_str(value, "method"), "POST"))
        return;
    buf_printf(&request,
               "POST /register HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: " STR_FMT
               "\r\nContent-Length: %zu\r\n\r\n" STR_FMT,
               STR_ARG(json_str(json_path(value, "headers.Content-Type"))), body.len,
               STR_ARG(body));
    assert_status(ask(landing_fixture, take_token, &landing, buf_str(&request)), 200);

    size_t want_count = str_eq_text(name, "missing_token")     ? 0
                        : str_eq_text(name, "duplicate_token") ? 2
                                                               : 1;
    assert_int_equal(landing.count, want_count);
    if (json_get(value, "expect_token"))
        assert_true(str_eq(buf_str(&landing.token), json_get_str(value, "expect_token")));
    if (str_eq_text(name, "empty_token"))
        assert_int_equal(landing.token.len, 0);
    buf_done(&landing.token);
    landing_cases++;
}

static void landing_page_requests_decode(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");

    landing_fixture = *state;
    landing_cases = 0;
    json_each(json_get(vectors, "landing_page_requests"), check_landing_request, NULL);
    assert_true(landing_cases >= 7);
}

static void list_cookies(void *arg, struct http_exchange *exchange)
{
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct str value;
    (void)arg;

    for (size_t i = 0; (value = http_exchange_cookie(exchange, "session", i)).len > 0; i++)
        buf_printf(&text, "[" STR_FMT "]", STR_ARG(value));
    http_exchange_reply(exchange, 200, "text/plain", buf_str(&text));
}

static void all_cookies_of_a_name_are_seen(void **state)
{
    const char *answer = ask_text(*state, list_cookies, NULL,
                                  "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                  "Cookie: session=a; other=x; session=; session; sessions=y\r\n"
                                  "Cookie: session=b\r\n\r\n");

    assert_non_null(strstr(answer, "[a]"));
    assert_non_null(strstr(answer, "[b]"));
    assert_null(strstr(answer, "[x]"));
    assert_null(strstr(answer, "[y]"));
}

static void must_not_be_called(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_reply(exchange, 299, "text/plain", STR("handler was called"));
}

static void what_breaks_http_is_refused(void **state)
{
    static const struct {
        const char *request;
        int status; /* 0: the connection is closed without an answer */
    } cases[] = {
        {"GARBAGE\r\n\r\n", 0},
        {"GET / HTTP/9.9\r\nHost: h\r\n\r\n", 505},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        /* RFC 9112, section 5.2: whoever is in between may read a folded line otherwise. */
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\tchunked\r\nContent-Length: 5"
         "\r\n\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chun\r\n ked\r\nContent-Length: 5\r\n"
         "\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5"
         "\r\n\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\n Host: h\r\nContent-Length: 0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 5\r\n\r\nabcde", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n 0\r\n\r\nabcdefghij", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX-Some: a\r\n b\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
         "\r\n\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked"
         "\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\t: chunked\r\nContent-Length: 5\r\n\r\n"
         "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \vchunked\r\nContent-Length: 5\r\n\r\n"
         "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\nExpect: 100-continue\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000\r\n\r\n", 413},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t before = refused(*state);
        const char *answer = ask_text(*state, must_not_be_called, NULL, cases[i].request);
        if (cases[i].status)
            assert_status(answer, cases[i].status);
        else
            assert_string_equal(answer, "");
        assert_int_equal(refused(*state), before + 1);
    }
}

static void long_bodies_are_refused(void **state)
{
    for (size_t len = BODY_LIMIT; len <= BODY_LIMIT + 1; len++) {
        cleanup(buf_done) struct buf request = BUF_INIT, chunked = BUF_INIT;
        cleanup(mem_freep) char *body = mem_alloc(len);
        memset(body, 'x', len);
        buf_printf(&request,
                   "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                   len);
        buf_append(&request, body, len);
        assert_status(ask(*state, must_not_be_called, NULL, buf_str(&request)),
                      len > BODY_LIMIT ? 413 : 299);

        buf_printf(&chunked,
                   "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
                   len);
        buf_append(&chunked, body, len);
        buf_append_text(&chunked, "\r\n0\r\n\r\n");
        assert_status(ask(*state, must_not_be_called, NULL, buf_str(&chunked)),
                      len > BODY_LIMIT ? 413 : 299);
    }
    assert_int_equal(refused(*state), 2);
}

static void send_without_end(struct raw_client *client)
{
    char filler[4096];

    memset(filler, 'x', sizeof(filler));
    raw_connect(client);
    raw_send(client, STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "7fffffff\r\n"));
    for (int i = 0; i < 1024; i++)
        raw_send(client, str_from(filler, sizeof(filler)));
    raw_receive_all(client);
}

static void endless_bodies_are_cut_off(void **state)
{
    /* The answer may be lost to a reset; that the connection ended is the point. */
    run(*state, must_not_be_called, NULL, send_without_end, NULL);
    assert_int_equal(refused(*state), 1);
}

static void long_heads_are_refused(void **state)
{
    static const size_t lengths[] = {HEADER_LIMIT + 1, 10 * HEADER_LIMIT, 100 * HEADER_LIMIT};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        cleanup(mem_freep) char *filler = mem_alloc_zero(lengths[i] + 1);
        cleanup(buf_done) struct buf target = BUF_INIT, header = BUF_INIT;
        memset(filler, 'x', lengths[i]);
        buf_printf(&target, "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n", filler);
        buf_printf(&header, "GET / HTTP/1.1\r\nHost: h\r\nX-Long: %s\r\n\r\n", filler);
        assert_status(ask(*state, must_not_be_called, NULL, buf_str(&target)), 414);
        assert_status(ask(*state, must_not_be_called, NULL, buf_str(&header)), 431);
    }
    assert_int_equal(refused(*state), 6);
}

static void slow_requests_time_out(void **state)
{
    static const char *const starts[] = {
        "", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n1"};
    struct fixture fixture = {0};
    (void)state;

    open_server(&fixture, 50);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        assert_status(ask_text(&fixture, must_not_be_called, NULL, starts[i]), 408);
        assert_int_equal(refused(&fixture), i + 1);
    }
    http_server_close(fixture.server);
    loop_free(fixture.loop);
    buf_done(&fixture.client.received);
}

struct delayed {
    struct loop *loop;
    struct http_exchange *exchange;
    struct buf order;
};

static void answer_late(void *arg)
{
    struct delayed *delayed = arg;

    http_exchange_reply(delayed->exchange, 200, "text/plain",
                        http_exchange_path(delayed->exchange));
}

static void on_delayed(void *arg, struct http_exchange *exchange)
{
    struct delayed *delayed = arg;

    buf_append_str(&delayed->order, http_exchange_path(exchange));
    delayed->exchange = exchange;
    loop_after(delayed->loop, 20, answer_late, delayed);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct delayed delayed = {.loop = fixture->loop};
    const char *answer = ask_text(fixture, on_delayed, &delayed,
                                  "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                  "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

    assert_string_equal(delayed.order.data, "/1/2/3");
    const char *first = strstr(answer, "\r\n\r\n/1HTTP/1.1 200");
    assert_non_null(first);
    const char *second = strstr(first, "\r\n\r\n/2HTTP/1.1 200");
    assert_non_null(second);
    assert_non_null(strstr(second, "\r\n\r\n/3"));
    buf_done(&delayed.order);
}

static void leave_early(struct raw_client *client)
{
    raw_connect(client);
    raw_send(client, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"));
    raw_close(client);
    raw_connect(client);
    raw_send(client, STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    raw_receive_all(client);
}

static void half_a_request_calls_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_stats stats;

    assert_status(run(fixture, must_not_be_called, NULL, leave_early, NULL), 299);
    http_server_stats(fixture->server, &stats);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.refused, 0);
}

struct abandonment {
    struct loop *loop;
    struct http_exchange *exchange;
    int waiting[2]; /* a byte when the handler has the exchange */
    int fd;         /* of the peer that stays */
    unsigned abandoned;
};

static void on_abandoned(void *arg)
{
    struct abandonment *abandonment = arg;

    abandonment->abandoned++;
    abandonment->exchange = NULL;
    loop_stop(abandonment->loop);
}

static void never_answer(void *arg, struct http_exchange *exchange)
{
    struct abandonment *abandonment = arg;

    abandonment->exchange = exchange;
    http_exchange_on_abandoned(exchange, on_abandoned, abandonment);
    assert_int_equal(write(abandonment->waiting[1], "", 1), 1);
}

static void leave_while_waiting(struct raw_client *client)
{
    struct abandonment *abandonment = client->arg;
    char byte;

    raw_connect(client);
    raw_send(client, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    if (read(abandonment->waiting[0], &byte, 1) != 1)
        abort();
    /* More bytes are no reason to think the peer gone. */
    raw_send(client, STR("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
}

static void handlers_learn_that_the_peer_left(void **state)
{
    struct fixture *fixture = *state;
    struct abandonment abandonment = {.loop = fixture->loop};
    struct http_server_stats stats;

    assert_int_equal(pipe(abandonment.waiting), 0);
    run(fixture, never_answer, &abandonment, leave_while_waiting, &abandonment);
    /* Either the end of the thread or the abandonment stopped the loop first. */
    if (abandonment.abandoned == 0)
        loop_run(fixture->loop);
    assert_int_equal(abandonment.abandoned, 1);
    assert_null(abandonment.exchange);
    close(abandonment.waiting[0]);
    close(abandonment.waiting[1]);
    http_server_stats(fixture->server, &stats);
    assert_int_equal(stats.requests, 1);
}

static void leave_unanswered(struct raw_client *client)
{
    struct abandonment *abandonment = client->arg;
    char byte;

    raw_connect(client);
    raw_send(client, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    if (read(abandonment->waiting[0], &byte, 1) != 1)
        abort();
    abandonment->fd = client->fd; /* stays open past the end of the server */
    client->fd = -1;
}

static void closing_drops_what_is_unanswered(void **state)
{
    struct fixture *fixture = *state;
    struct abandonment abandonment = {.loop = fixture->loop};

    assert_int_equal(pipe(abandonment.waiting), 0);
    run(fixture, never_answer, &abandonment, leave_unanswered, &abandonment);
    assert_int_equal(abandonment.abandoned, 0);
    http_server_close(fixture->server);
    fixture->server = NULL;
    assert_int_equal(abandonment.abandoned, 1);
    close(abandonment.fd);
    close(abandonment.waiting[0]);
    close(abandonment.waiting[1]);
}

/* A daemon that stops answers its last visitor in the turn in which it closes. */
static void closing_sends_what_was_answered(void **state)
{
    struct fixture *fixture = *state;
    struct abandonment abandonment = {.loop = fixture->loop};

    assert_int_equal(pipe(abandonment.waiting), 0);
    run(fixture, never_answer, &abandonment, leave_unanswered, &abandonment);
    http_exchange_reply(abandonment.exchange, 200, "text/plain", STR("last words"));
    http_server_close(fixture->server);
    fixture->server = NULL;
    assert_int_equal(abandonment.abandoned, 0);
    fixture->client.fd = abandonment.fd;
    raw_receive_all(&fixture->client);
    raw_close(&fixture->client);
    assert_non_null(fixture->client.received.data);
    assert_status(fixture->client.received.data, 200);
    assert_non_null(strstr(fixture->client.received.data, "\r\n\r\nlast words"));
    close(abandonment.waiting[0]);
    close(abandonment.waiting[1]);
}

static void drop(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_drop(exchange);
}

static void drop_late(void *arg)
{
    struct delayed *delayed = arg;

    http_exchange_drop(delayed->exchange);
}

static void on_drop_late(void *arg, struct http_exchange *exchange)
{
    struct delayed *delayed = arg;

    delayed->exchange = exchange;
    loop_soon(delayed->loop, drop_late, delayed);
}

static void dropped_exchanges_get_no_byte(void **state)
{
    struct fixture *fixture = *state;
    struct delayed delayed = {.loop = fixture->loop};

    assert_string_equal(ask_text(fixture, drop, NULL, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    assert_string_equal(
        ask_text(fixture, on_drop_late, &delayed, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

static void truncate_answer(void *arg, struct http_exchange *exchange)
{
    http_exchange_reply_truncated(exchange, 200, "text/plain", STR("0123456789"), *(size_t *)arg);
}

static void truncated_answers_end_early(void **state)
{
    for (size_t len = 0; len <= 9; len += 3) {
        char want[32];
        const char *answer =
            ask_text(*state, truncate_answer, &len, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_status(answer, 200);
        assert_non_null(strstr(answer, "Content-Length: 10\r\n"));
        snprintf(want, sizeof(want), "\r\n\r\n%.*s", (int)len, "0123456789");
        assert_string_equal(strstr(answer, "\r\n\r\n"), want);
    }
}

static void answer_large(void *arg, struct http_exchange *exchange)
{
    struct buf *body = arg;

    http_exchange_reply(exchange, 200, "application/octet-stream", buf_str(body));
}

static void large_answers_arrive_whole(void **state)
{
    enum { LARGE = 5 << 20 };
    cleanup(buf_done) struct buf body = BUF_INIT;
    struct fixture *fixture = *state;

    buf_reserve(&body, LARGE);
    memset(body.data, 'y', LARGE);
    body.len = LARGE;
    const char *answer = ask_text(fixture, answer_large, &body,
                                  "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const char *start = strstr(answer, "\r\n\r\n");
    assert_non_null(start);
    assert_int_equal(fixture->client.received.len - (size_t)(start + 4 - answer), LARGE);
}

static void refuses_bad_options(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_options options = {.address = "127.0.0.1",
                                          .port = http_server_port(fixture->server),
                                          .body_limit_bytes = 1,
                                          .header_limit_bytes = 1024,
                                          .connection_limit = 1,
                                          .request_timeout_ms = 1000};
    struct http_server *server = NULL;
    struct error error = {""};

    assert_int_equal(http_server_open(&server, fixture->loop, &options, describe, NULL, &error),
                     -1);
    assert_non_null(strstr(error.text, "Address already in use"));
    options.address = "nowhere";
    assert_int_equal(http_server_open(&server, fixture->loop, &options, describe, NULL, &error),
                     -1);
    assert_non_null(strstr(error.text, "'nowhere' is not an address"));
    options.address = "127.0.0.1";
    options.port = 0;
    options.tls_certificate_file = options.tls_key_file = "/dev/null";
    assert_int_equal(http_server_open(&server, fixture->loop, &options, describe, NULL, &error),
                     -1);
    assert_string_equal(error.text, "'/dev/null' holds no usable PEM text");
    assert_null(server);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(hands_over_the_whole_request),
        SERVER_TEST(a_body_is_a_form_only_if_it_says_so),
        SERVER_TEST(absolute_targets_have_a_path),
        SERVER_TEST(chunked_bodies_are_joined),
        SERVER_TEST(landing_page_requests_decode),
        SERVER_TEST(all_cookies_of_a_name_are_seen),
        SERVER_TEST(what_breaks_http_is_refused),
        SERVER_TEST(long_bodies_are_refused),
        SERVER_TEST(endless_bodies_are_cut_off),
        SERVER_TEST(long_heads_are_refused),
        SERVER_TEST(slow_requests_time_out),
        SERVER_TEST(pipelined_requests_are_answered_in_order),
        SERVER_TEST(half_a_request_calls_nobody),
        SERVER_TEST(handlers_learn_that_the_peer_left),
        SERVER_TEST(closing_drops_what_is_unanswered),
        SERVER_TEST(closing_sends_what_was_answered),
        SERVER_TEST(dropped_exchanges_get_no_byte),
        SERVER_TEST(truncated_answers_end_early),
        SERVER_TEST(large_answers_arrive_whole),
        SERVER_TEST(refuses_bad_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
