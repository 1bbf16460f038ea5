/* Calls: answered, refused, cancelled, or never sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/endpoint_calls_fixture.h"

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

static void what_a_name_server_is_asked_for(void **state)
{
    (void)state;
    assert_true(endpoint_has_host_name("tcp://store.example:5800"));
    assert_true(endpoint_has_host_name("tcp://localhost:5800"));
    assert_true(endpoint_has_host_name("tcp://192.0.2.1.example:5800"));
    assert_false(endpoint_has_host_name("tcp://192.0.2.1:5800"));
    assert_false(endpoint_has_host_name("tcp://[2001:db8::1]:5800"));
    assert_false(endpoint_has_host_name("ipc:///run/entitled/store.rpc"));
    assert_false(endpoint_has_host_name("inproc://waker"));
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
        TEST(too_large_is_said_and_not_sent),
        TEST(a_session_calls_without_a_loop),
        cmocka_unit_test(what_a_name_server_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
