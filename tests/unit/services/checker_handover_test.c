/* Requests that come as fast as they are handled leave the loop's other work its turn; what waits
 * too long is not executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint/client.h"
#include "services/checker/handover.h"
#include "tests/support/endpoint_fixture.h"

/* Far more than any turn may take. */
enum { TOO_MANY = 1000000 };

struct stage {
    struct endpoint_fixture fixture;
    struct handover *handover;
    struct rpc_server *server;
    struct rpc_client *client;
    bool other_work_done;
    unsigned handled;
    enum rpc_error code;
};

static void on_other_work(void *arg)
{
    struct stage *stage = arg;

    stage->other_work_done = true;
}

/* Stands for one request after the other: each time it is handled it is there again. */
static void on_given(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    if (++stage->handled == TOO_MANY)
        rpc_fail(request, ERROR_INTERNAL, "executed again and again");
    else
        handover_give(stage->handover, request, on_given);
}

static void on_given_until_others_had_their_turn(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    if (stage->handled++ == 0)
        loop_soon(stage->fixture.loop, on_other_work, stage);
    if (stage->other_work_done || stage->handled == TOO_MANY)
        rpc_reply(request, &(struct ping_result){.time_ms = 1});
    else
        handover_give(stage->handover, request, on_given_until_others_had_their_turn);
}

static void on_ping(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    handover_give(stage->handover, request, on_given_until_others_had_their_turn);
}

static void on_describe(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    handover_give(stage->handover, request, on_given);
}

static const struct rpc_route routes[] = {
    {METHOD_query_ping, on_ping},
    {METHOD_query_describe, on_describe},
    {0, NULL},
};

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));
    struct error error;

    fixture_open(&stage->fixture);
    stage->server = fixture_server(&stage->fixture, routes, stage, true);
    stage->client = fixture_client(&stage->fixture);
    if (handover_new(&stage->handover, stage->fixture.loop, stage, &error) < 0)
        return -1;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    handover_free(stage->handover);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void on_answer(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    stage->code = response->code;
    loop_stop(stage->fixture.loop);
}

static void ping(struct stage *stage)
{
    rpc_call(stage->client, METHOD_query_ping, NULL, 60000, STR_NONE, on_answer, stage);
    loop_run(stage->fixture.loop);
}

static void others_have_their_turn(void **state)
{
    struct stage *stage = *state;

    ping(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_true(stage->other_work_done);
    assert_true(stage->handled < TOO_MANY);
}

static uint64_t count_expired(const struct stage *stage)
{
    struct rpc_server_stats stats;

    rpc_server_stats(stage->server, &stats);
    return stats.expired;
}

static void look(void *arg)
{
    struct stage *stage = arg;

    if (count_expired(stage) > 0 || stage->handled >= TOO_MANY)
        loop_stop(stage->fixture.loop);
    else
        loop_after(stage->fixture.loop, 1, look, stage);
}

static void ignore(void *arg, const struct rpc_response *response)
{
    (void)arg;
    (void)response;
}

static void what_waited_beyond_its_time_is_not_executed(void **state)
{
    struct stage *stage = *state;

    ping(stage); /* connected: the time below is the server's alone */
    stage->handled = 0;
    rpc_call(stage->client, METHOD_query_describe, NULL, 20, STR_NONE, ignore, stage);
    look(stage);
    loop_run(stage->fixture.loop);
    assert_int_equal(count_expired(stage), 1);
    assert_true(stage->handled < TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_have_their_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waited_beyond_its_time_is_not_executed, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
