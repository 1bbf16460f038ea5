#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/base/clock.h"
#include "proto/endpoint/client.h"
#include "tests/support/endpoint_fixture.h"

enum { PATIENCE_MS = 30000 };

/* A server that answers ping, parks describe, and what was heard of the calls. */
struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    struct rpc_request *parked;
    unsigned expired_calls;
    bool keep_parked; /* describe waits for its deadline */
    bool idle;        /* as one that asks for work */
    unsigned awaited; /* answers until the loop stops */
    unsigned succeeded;
    enum rpc_error code; /* of the last answer */
    char message[512];
    int64_t time_ms;
    int pipe[2];
};

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static void on_expired(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    assert_ptr_equal(request, stage->parked);
    stage->parked = NULL;
    stage->expired_calls++;
}

static void on_describe(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    stage->parked = request;
    if (stage->idle)
        rpc_may_be_idle(request);
    rpc_park(request, on_expired, stage);
    if (!stage->keep_parked)
        loop_stop(stage->fixture.loop);
}

static void on_check(void *arg, struct rpc_request *request)
{
    const struct check_params *params = rpc_request_params(request);
    (void)arg;

    if (str_eq_text(params->handle, "large")) {
        struct str huge =
            str_from(arena_alloc(rpc_request_arena(request), FRAME_LIMIT_BYTES), FRAME_LIMIT_BYTES);
        rpc_reply(request, &(struct answer){.reason = REASON_ENTITLED, .subscribe_url = huge});
        return;
    }
    rpc_fail(request, ERROR_NOT_FOUND, "no '" STR_FMT "' with trace " STR_FMT,
             STR_ARG(params->handle), STR_ARG(rpc_request_trace(request)));
}

static const struct rpc_route routes[] = {
    {METHOD_query_ping, on_ping},
    {METHOD_query_describe, on_describe},
    {METHOD_query_check, on_check},
    {0, NULL},
};

static void on_done(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    stage->code = response->code;
    snprintf(stage->message, sizeof(stage->message), STR_FMT, STR_ARG(response->message));
    if (response->code == ERROR_NONE)
        stage->succeeded++;
    if (--stage->awaited == 0)
        loop_stop(stage->fixture.loop);
}

static void on_pong(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    if (response->code == ERROR_NONE)
        stage->time_ms = ((const struct ping_result *)response->result)->time_ms;
    on_done(arg, response);
}

static struct rpc_call *call(struct stage *stage, enum method_id method, const void *params,
                             int64_t timeout_ms)
{
    stage->awaited++;
    return rpc_call(stage->client, method, params, timeout_ms, STR("t-1"),
                    method == METHOD_query_ping ? on_pong : on_done, stage);
}

static void run(struct stage *stage)
{
    loop_run(stage->fixture.loop);
}

static void open_client(struct stage *stage)
{
    stage->client = fixture_client(&stage->fixture);
}

static void ping_once(struct stage *stage)
{
    stage->time_ms = 0;
    call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_int_equal(stage->time_ms, 42);
}

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    open_client(stage);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void open_server(struct stage *stage, bool threaded)
{
    stage->server = fixture_server(&stage->fixture, routes, stage, threaded);
}

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

static void a_call_is_answered(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    open_server(stage, false);
    ping_once(stage);
    assert_true(rpc_client_connected(stage->client));
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.failed, 0);
}

static void an_error_carries_code_and_sentence(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    open_server(stage, false);
    call(stage, METHOD_query_check,
         &(struct check_params){.handle = STR("acme"), .dimension = STR("seats")}, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_NOT_FOUND);
    assert_string_equal(stage->message, "no 'acme' with trace t-1");
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.declined, 1);
    assert_int_equal(stats.failed + stats.expired + stats.idle, 0);
}

static void an_unknown_method_is_refused(void **state)
{
    struct stage *stage = *state;

    open_server(stage, false);
    call(stage, METHOD_query_stats, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_UNKNOWN_METHOD);
}

static void a_call_made_before_the_server_is_up_succeeds(void **state)
{
    struct stage *stage = *state;

    call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    assert_false(rpc_client_connected(stage->client));
    open_server(stage, false);
    run(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_int_equal(stage->time_ms, 42);
}

static void a_call_that_never_found_a_server_is_unavailable(void **state)
{
    struct stage *stage = *state;

    call(stage, METHOD_query_ping, NULL, 20);
    run(stage);
    assert_int_equal(stage->code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(stage->message, stage->fixture.rpc_address));
}

static void waiting_calls_are_bounded(void **state)
{
    enum { LIMIT = 1024 };
    struct stage *stage = *state;

    for (int i = 0; i <= LIMIT; i++)
        call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    stage->awaited = 1; /* only the one too many */
    run(stage);
    assert_int_equal(stage->code, ERROR_THROTTLED);

    stage->awaited = LIMIT;
    open_server(stage, false);
    run(stage);
    assert_int_equal(stage->succeeded, LIMIT);
}

static void many_calls_are_in_flight_at_once(void **state)
{
    enum { CALLS = 5000 };
    struct stage *stage = *state;

    open_server(stage, true);
    ping_once(stage);
    for (int i = 0; i < CALLS; i++)
        call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->succeeded, CALLS + 1);
}

static void a_cancelled_call_stays_silent(void **state)
{
    struct stage *stage = *state;

    open_server(stage, false);
    struct rpc_call *cancelled = call(stage, METHOD_query_describe, NULL, PATIENCE_MS);
    run(stage);
    rpc_call_cancel(cancelled);
    stage->awaited--;
    rpc_reply(stage->parked, &(struct describe_result){.daemon = STR("late")});
    ping_once(stage);
    assert_int_equal(stage->succeeded, 1);
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

static void too_large_is_said_and_not_sent(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *huge = mem_alloc_zero(FRAME_LIMIT_BYTES + 1);
    struct check_params params = {.handle = str_from(huge, FRAME_LIMIT_BYTES + 1)};

    open_server(stage, false);
    ping_once(stage);
    call(stage, METHOD_query_check, &params, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_BAD_REQUEST);

    params.handle = STR("large");
    params.dimension = STR("seats");
    call(stage, METHOD_query_check, &params, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_INTERNAL);
    ping_once(stage);
}

/* A peer that takes requests and ends without a word. */
static void on_silent_peer(void *arg, void *socket)
{
    struct stage *stage = arg;
    char bytes[256];

    if (zmq_recv(socket, bytes, sizeof(bytes), ZMQ_DONTWAIT) < 0)
        return;
    loop_unwatch_socket(stage->fixture.loop, socket);
    zmq_close(socket);
}

static void a_lost_connection_fails_what_was_sent(void **state)
{
    struct stage *stage = *state;
    void *context = zmq_ctx_new();
    void *peer = zmq_socket(context, ZMQ_ROUTER);

    assert_int_equal(zmq_bind(peer, stage->fixture.rpc_address), 0);
    loop_watch_socket(stage->fixture.loop, peer, LOOP_READ, on_silent_peer, stage);
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

static void a_session_calls_without_a_loop(void **state)
{
    struct stage *stage = *state;
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct rpc_session *session;
    const void *result;
    enum rpc_error code;
    struct error error;

    open_server(stage, true);
    assert_int_equal(rpc_session_open(&session, &stage->fixture.rpc, NULL, NULL, &error), 0);
    assert_int_equal(rpc_session_call(session, METHOD_query_ping, NULL, PATIENCE_MS, STR_NONE,
                                      &arena, &result, &code, &error),
                     0);
    assert_int_equal(((const struct ping_result *)result)->time_ms, 42);
    assert_int_equal(rpc_session_call(session, METHOD_query_stats, NULL, PATIENCE_MS, STR_NONE,
                                      &arena, &result, &code, &error),
                     -1);
    assert_int_equal(code, ERROR_UNKNOWN_METHOD);
    rpc_session_close(session);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_answered),
        TEST(an_error_carries_code_and_sentence),
        TEST(an_unknown_method_is_refused),
        TEST(a_call_made_before_the_server_is_up_succeeds),
        TEST(a_call_that_never_found_a_server_is_unavailable),
        TEST(waiting_calls_are_bounded),
        TEST(many_calls_are_in_flight_at_once),
        TEST(a_cancelled_call_stays_silent),
        TEST(a_parked_request_is_answered_later),
        TEST(a_parked_request_ends_with_its_deadline),
        TEST(closing_a_server_fails_what_is_parked),
        TEST(too_large_is_said_and_not_sent),
        TEST(a_lost_connection_fails_what_was_sent),
        TEST(another_thread_answers_for_a_threaded_server),
        TEST(a_second_bind_names_the_holder),
        TEST(a_session_calls_without_a_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
