/* An HTTP server in the test's loop, and clients that speak to it byte by byte. */
#ifndef TESTS_SUPPORT_HTTP_SERVER_FIXTURE_H
#define TESTS_SUPPORT_HTTP_SERVER_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/http/server/http_server.h"
#include "tests/support/raw_client.h"

enum { BODY_LIMIT = 4096, HEADER_LIMIT = 2048, CONNECTION_LIMIT = 20 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    http_handler_fn *handler;
    void *handler_arg;
    struct raw_client client;
};

static inline void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;

    fixture->handler(fixture->handler_arg, exchange);
}

static inline void open_server(struct fixture *fixture, int64_t request_timeout_ms)
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

static inline int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    open_server(fixture, 20000);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_close(fixture->server);
    loop_free(fixture->loop);
    buf_done(&fixture->client.received);
    mem_free(fixture);
    return 0;
}

static inline const char *run(struct fixture *fixture, http_handler_fn *handler, void *handler_arg,
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

static inline void send_and_read(struct raw_client *client)
{
    raw_connect(client);
    raw_send(client, *(struct str *)client->arg);
    raw_receive_all(client);
}

static inline const char *ask(struct fixture *fixture, http_handler_fn *handler, void *arg,
                              struct str request)
{
    return run(fixture, handler, arg, send_and_read, &request);
}

static inline const char *ask_text(struct fixture *fixture, http_handler_fn *handler, void *arg,
                                   const char *request)
{
    return ask(fixture, handler, arg, str_of(request));
}

static inline void assert_status(const char *answer, int status)
{
    char want[32];

    snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
    if (strncmp(answer, want, strlen(want)) != 0)
        fail_msg("expected %s, got: %s", want, answer);
}

static inline uint64_t refused(struct fixture *fixture)
{
    struct http_server_stats stats;

    http_server_stats(fixture->server, &stats);
    return stats.refused;
}

static inline void must_not_be_called(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_exchange_reply(exchange, 299, "text/plain", STR("handler was called"));
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
