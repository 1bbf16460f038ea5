/* Servers: what is parked, handed to other threads, lost or bound twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zmq.h>

#include "proto/endpoint/socket.h"
#include "tests/support/endpoint_calls_fixture.h"

static void on_connection(void *arg, bool connected)
{
    struct stage *stage = arg;

    if (!connected)
        loop_stop(stage->fixture.loop);
}

/* Until the client has noticed, a call may still be sent into the lost connection. */
static void close_server(struct stage *stage)
{
    rpc_server_close(take(stage->server));
    rpc_client_on_connection(stage->client, on_connection, stage);
    while (rpc_client_connected(stage->client))
        run(stage);
    rpc_client_on_connection(stage->client, NULL, NULL);
}

static void a_parked_request_is_answered_later(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    open_server(stage, false);
    call(stage, METHOD_query_describe, NULL, PATIENCE_MS);
    run(stage);
    assert_non_null(stage->parked);
    assert_in_range(rpc_request_time_left_ms(stage->parked), 1, PATIENCE_MS);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.parked, 1);

    rpc_reply(stage->parked, &(struct describe_result){.daemon = STR("here")});
    run(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.parked, 0);
}

static void a_parked_request_ends_with_its_deadline(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    stage->keep_parked = true;
    open_server(stage, false);
    ping_once(stage);
    call(stage, METHOD_query_describe, NULL, 20);
    run(stage);
    assert_int_equal(stage->code, ERROR_TIMEOUT);
    assert_int_equal(stage->expired_calls, 1);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.expired, 1);
    assert_int_equal(stats.failed + stats.declined + stats.idle, 0);
    assert_int_equal(stats.parked, 0);

    /* One that waits for work got what it waited for: that there is none. */
    stage->idle = true;
    call(stage, METHOD_query_describe, NULL, 20);
    run(stage);
    assert_int_equal(stage->code, ERROR_TIMEOUT);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.expired, 1);
    assert_int_equal(stats.idle, 1);
    assert_int_equal(stats.failed, 0);
}

static void closing_a_server_fails_what_is_parked(void **state)
{
    struct stage *stage = *state;

    for (int threaded = 0; threaded < 2; threaded++) {
        stage->keep_parked = threaded;
        open_server(stage, threaded);
        call(stage, METHOD_query_describe, NULL, PATIENCE_MS);
        /* The second round's handler runs on the server's thread; a ping shows that it has. */
        if (threaded) {
            call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
            stage->awaited--;
        }
        run(stage);
        stage->awaited = 1;
        close_server(stage);
        if (stage->awaited > 0)
            run(stage);
        assert_int_equal(stage->code, ERROR_UNAVAILABLE);
    }
}

/* A peer that takes requests and ends without a word. */
static void on_silent_peer(void *arg, void *socket)
{
    struct stage *stage = arg;
    char bytes[256];

    if (zmq_recv(socket, bytes, sizeof(bytes), ZMQ_DONTWAIT) < 0)
        return;
    socket_unwatch(stage->fixture.loop, socket);
    zmq_close(socket);
}

static void a_lost_connection_fails_what_was_sent(void **state)
{
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *peer = zmq_socket(context, ZMQ_ROUTER);

    assert_int_equal(zmq_bind(peer, stage->fixture.rpc_address), 0);
    socket_watch(stage->fixture.loop, peer, LOOP_READ, on_silent_peer, stage);
    call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_UNAVAILABLE);
    assert_false(rpc_client_connected(stage->client));
    zmq_ctx_term(context);

    open_server(stage, false);
    ping_once(stage);
}

static void on_handed_over(void *arg, int fd, int ready)
{
    struct stage *stage = arg;
    struct rpc_request *request;
    (void)ready;

    assert_int_equal(read(fd, &request, sizeof(request)), sizeof(request));
    rpc_reply(request, &(struct describe_result){.daemon = STR("elsewhere")});
    stage->parked = NULL;
}

static void on_describe_hand_over(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    rpc_park(request, NULL, NULL);
    assert_int_equal(write(stage->pipe[1], &request, sizeof(request)), sizeof(request));
}

static void another_thread_answers_for_a_threaded_server(void **state)
{
    static const struct rpc_route handing_over[] = {
        {METHOD_query_describe, on_describe_hand_over},
        {0, NULL},
    };
    enum { CALLS = 1000 };
    struct stage *stage = *state;

    assert_int_equal(pipe(stage->pipe), 0);
    loop_watch_fd(stage->fixture.loop, stage->pipe[0], LOOP_READ, on_handed_over, stage);
    stage->server = fixture_server(&stage->fixture, handing_over, stage, true);
    for (int i = 0; i < CALLS; i++)
        call(stage, METHOD_query_describe, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->succeeded, CALLS);
    loop_unwatch_fd(stage->fixture.loop, stage->pipe[0]);
    close(stage->pipe[0]);
    close(stage->pipe[1]);
}

static void a_second_bind_names_the_holder(void **state)
{
    struct stage *stage = *state;
    const struct rpc_server_options options = {.context = stage->fixture.context,
                                               .binding = fixture_binding(&stage->fixture.rpc),
                                               .routes = routes,
                                               .arg = stage};
    struct rpc_server *second = NULL;
    struct error error;
    struct stat info;

    open_server(stage, false);
    assert_int_equal(stat(stage->fixture.rpc_address + strlen("ipc://"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(rpc_server_open(&second, stage->fixture.loop, &options, &error), -1);
    assert_non_null(strstr(error.text, "entitled-test (pid"));
    ping_once(stage);

    close_server(stage);
    open_server(stage, true);
    ping_once(stage);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_parked_request_is_answered_later),
        TEST(a_parked_request_ends_with_its_deadline),
        TEST(closing_a_server_fails_what_is_parked),
        TEST(a_lost_connection_fails_what_was_sent),
        TEST(another_thread_answers_for_a_threaded_server),
        TEST(a_second_bind_names_the_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
