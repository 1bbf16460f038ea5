/* Requests as handlers see them, and what is refused before they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/http_server_fixture.h"
#include "tests/support/vectors.h"

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

static const struct {
    const char *request;
    int status; /* 0: the connection is closed without an answer */
} broken[] = {
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

static void what_breaks_http_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        uint64_t before = refused(*state);
        const char *answer = ask_text(*state, must_not_be_called, NULL, broken[i].request);
        if (broken[i].status)
            assert_status(answer, broken[i].status);
        else
            assert_string_equal(answer, "");
        assert_int_equal(refused(*state), before + 1);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(hands_over_the_whole_request), SERVER_TEST(a_body_is_a_form_only_if_it_says_so),
        SERVER_TEST(absolute_targets_have_a_path), SERVER_TEST(chunked_bodies_are_joined),
        SERVER_TEST(landing_page_requests_decode), SERVER_TEST(all_cookies_of_a_name_are_seen),
        SERVER_TEST(what_breaks_http_is_refused),  SERVER_TEST(refuses_bad_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
