/* Connections: what is bounded, who waits, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/http_server_fixture.h"
#include "tests/support/vectors.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
