/* What is told to the store's journal, at once and then once in a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "proto/suite/audit.h"
#include "tests/support/endpoint_fixture.h"

enum { PATIENCE_MS = 30000, TOLD_MAX = 16, NEVER_MS = 600 * 1000 };

/* A store that keeps what it is told, or refuses it. */
struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    struct audit *audit;
    char told[TOLD_MAX][256];
    size_t count;
    int64_t events, awaited; /* taken, which an entry may hold many of */
    size_t refusals;         /* to come */
    bool patience_ended;
};

static int64_t events_in(const char *text)
{
    const char *many = strchr(text, '(');

    return many ? strtoll(many + 1, NULL, 10) : 1;
}

static void on_event(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct record_event_params *params = rpc_request_params(request);

    assert_int_equal(params->event, AUDIT_REFUSED);
    assert_int_equal(params->author.len, 0);
    assert_true(stage->count < TOLD_MAX);
    snprintf(stage->told[stage->count++], sizeof(stage->told[0]), STR_FMT, STR_ARG(params->text));
    if (stage->refusals > 0) {
        stage->refusals--;
        rpc_fail(request, ERROR_THROTTLED, "not now");
    } else {
        stage->events += events_in(stage->told[stage->count - 1]);
        rpc_reply(request, NULL);
    }
    if (stage->events == stage->awaited)
        loop_stop(stage->fixture.loop);
}

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 1});
}

static const struct rpc_route routes[] = {
    {METHOD_store_record_event, on_event},
    {METHOD_store_ping, on_ping},
    {0, NULL},
};

static void open_server(struct stage *stage)
{
    stage->server = fixture_server(&stage->fixture, routes, stage, false);
}

static void open_stage(struct stage *stage, int64_t interval_ms)
{
    memset(stage, 0, sizeof(*stage));
    fixture_open(&stage->fixture);
    stage->client = fixture_client(&stage->fixture);
    stage->audit = audit_new(&(struct audit_options){.loop = stage->fixture.loop,
                                                     .store = stage->client,
                                                     .process = "tester",
                                                     .interval_ms = interval_ms});
}

static void close_stage(struct stage *stage)
{
    audit_free(stage->audit);
    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
}

static void on_patience(void *arg)
{
    struct stage *stage = arg;

    stage->patience_ended = true;
    loop_stop(stage->fixture.loop);
}

static void await_events(struct stage *stage, int64_t expected)
{
    struct loop_timer *patience = loop_after(stage->fixture.loop, PATIENCE_MS, on_patience, stage);

    stage->awaited = expected;
    if (stage->events < expected)
        loop_run(stage->fixture.loop);
    assert_false(stage->patience_ended);
    loop_cancel(patience);
    assert_int_equal(stage->events, expected);
}

static void on_pinged(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    assert_int_equal(response->code, ERROR_NONE);
    loop_stop(stage->fixture.loop);
}

/* What was sent before the question has arrived, and been answered, when it is answered. */
static void settle(struct stage *stage)
{
    rpc_call(stage->client, METHOD_store_ping, NULL, PATIENCE_MS, STR_NONE, on_pinged, stage);
    loop_run(stage->fixture.loop);
}

static void the_first_is_told_at_once_and_the_rest_together(void **state)
{
    struct stage stage;

    (void)state;
    open_stage(&stage, NEVER_MS);
    open_server(&stage);
    audit_refused(stage.audit, "a used link");
    await_events(&stage, 1);
    assert_string_equal(stage.told[0], "tester: a used link");
    for (int i = 0; i < 100000; i++)
        audit_refused(stage.audit, "a used link");
    settle(&stage);
    assert_int_equal(stage.count, 1);
    audit_refused(stage.audit, "a strange key");
    await_events(&stage, 2);
    assert_string_equal(stage.told[1], "tester: a strange key");
    close_stage(&stage);
}

static void assert_many(const char *text, const char *beginning)
{
    if (strncmp(text, beginning, strlen(beginning)) != 0)
        fail_msg("'%s' does not begin with '%s'", text, beginning);
}

static void the_next_entry_has_the_count(void **state)
{
    struct stage stage;

    (void)state;
    open_stage(&stage, 100);
    open_server(&stage);
    for (int i = 0; i < 500; i++)
        audit_refused(stage.audit, "a used link");
    await_events(&stage, 500);
    assert_string_equal(stage.told[0], "tester: a used link");
    assert_many(stage.told[1], "tester: a used link (499 times in ");
    assert_int_equal(stage.count, 2);
    close_stage(&stage);
}

static void what_the_store_does_not_take_is_told_later(void **state)
{
    struct stage stage;

    (void)state;
    open_stage(&stage, 50);
    stage.refusals = 2;
    open_server(&stage);
    audit_refused(stage.audit, "a used link");
    audit_refused(stage.audit, "a used link");
    await_events(&stage, 2);
    assert_int_equal(stage.count, 3);
    assert_many(stage.told[2], "tester: a used link (2 times in ");
    close_stage(&stage);
}

static void a_store_that_is_away_is_told_when_it_is_there(void **state)
{
    struct stage stage;

    (void)state;
    open_stage(&stage, 50);
    for (int i = 0; i < 3; i++)
        audit_refused(stage.audit, "a used link");
    open_server(&stage);
    await_events(&stage, 3);
    close_stage(&stage);
}

static void who_it_was_last_is_named(void **state)
{
    struct stage stage;

    (void)state;
    open_stage(&stage, 50);
    stage.refusals = 1;
    open_server(&stage);
    audit_refused_by(stage.audit, "a strange key", "key 1 from 192.0.2.1", 2);
    audit_refused_by(stage.audit, "a strange key", "key 2 from 192.0.2.2", 3);
    await_events(&stage, 5);
    assert_many(stage.told[0], "tester: a strange key, key 1 from 192.0.2.1 (2 times in ");
    assert_many(stage.told[1], "tester: a strange key, key 2 from 192.0.2.2 (5 times in ");
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_told_at_once_and_the_rest_together),
        cmocka_unit_test(the_next_entry_has_the_count),
        cmocka_unit_test(what_the_store_does_not_take_is_told_later),
        cmocka_unit_test(a_store_that_is_away_is_told_when_it_is_there),
        cmocka_unit_test(who_it_was_last_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
