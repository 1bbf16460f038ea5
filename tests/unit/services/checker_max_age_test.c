/* A question that waits for AWS is not answered from a copy that has been emptied meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "services/checker/max_age.h"
#include "tests/support/endpoint_fixture.h"

enum { TIMEOUT_MS = 60000 };

/* A checker and its store on one socket. */
struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    struct replica *replica;
    struct replica_reader *reader;
    struct max_age *max_age;
    int64_t version;
    bool complete, is_store_replaced, is_aws_prompt;
    enum rpc_error code;
    bool allow, stale;
};

static bool is_complete(void *arg)
{
    const struct stage *stage = arg;

    return stage->complete;
}

static struct entitlement seats = {.dimension = STR_INIT("seats"),
                                   .value = {.kind = VALUE_INTEGER, .integer = 10}};

static struct subscription record_of(struct stage *stage, int64_t verified_at)
{
    return (struct subscription){.id = STR("s-1"),
                                 .version = ++stage->version,
                                 .product_code = STR("product"),
                                 .tenant = STR("acme"),
                                 .verified_at = verified_at,
                                 .entitlements = {&seats, 1}};
}

static void put_record(struct stage *stage, int64_t verified_at)
{
    struct subscription record = record_of(stage, verified_at);

    replica_put(stage->replica, &record);
}

static void on_check(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    max_age_answer(stage->max_age, request);
}

static void on_mark(void *arg, struct rpc_request *request)
{
    struct str id = STR("s-1");
    (void)arg;

    rpc_reply(request, &(struct mark_result){.ticket = 1, .subscriptions = {&id, 1}});
}

static void on_wait(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    if (stage->is_store_replaced) {
        stage->complete = false;
        replica_clear(stage->replica);
    }
    if (stage->is_aws_prompt) {
        struct subscription record = record_of(stage, clock_wall_s());
        rpc_reply(request, &(struct subscription_result){.subscription = &record});
        return;
    }
    rpc_fail(request, ERROR_TIMEOUT, "AWS is slow");
}

static const struct rpc_route routes[] = {
    {METHOD_query_check, on_check},
    {METHOD_store_mark, on_mark},
    {METHOD_store_wait, on_wait},
    {0, NULL},
};

static void on_answer(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;
    const struct answer *answer = response->result;

    stage->code = response->code;
    stage->allow = answer && answer->allow;
    stage->stale = answer && answer->stale;
    loop_stop(stage->fixture.loop);
}

static void ask_over(struct stage *stage, struct rpc_client *client)
{
    const struct check_params question = {
        .handle = STR("acme"), .dimension = STR("seats"), .quantity = 1, .max_age_ms = 1};

    rpc_call(client, METHOD_query_check, &question, TIMEOUT_MS, STR_NONE, on_answer, stage);
    loop_run(stage->fixture.loop);
}

static void ask(struct stage *stage)
{
    ask_over(stage, stage->client);
}

static void open_max_age(struct stage *stage, int64_t per_second)
{
    static const struct replica_guidance no_guidance;

    max_age_free(stage->max_age);
    stage->max_age = max_age_new(&(struct max_age_options){.guidance = &no_guidance,
                                                           .store = stage->client,
                                                           .replica = stage->replica,
                                                           .reader = stage->reader,
                                                           .is_complete = is_complete,
                                                           .arg = stage,
                                                           .per_second = per_second});
}

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->server = fixture_server(&stage->fixture, routes, stage, false);
    stage->client = fixture_client(&stage->fixture);
    stage->replica = replica_new();
    stage->reader = replica_reader_new(stage->replica);
    stage->complete = true;
    put_record(stage, 1);
    open_max_age(stage, 1);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_server_close(stage->server);
    max_age_free(stage->max_age);
    rpc_client_close(stage->client);
    replica_reader_free(stage->reader);
    replica_free(stage->replica);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void unmet_the_last_answer_comes(void **state)
{
    struct stage *stage = *state;

    ask(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_true(stage->allow && stage->stale);
}

/* Verified in the second of the question, but before it. */
static void what_was_verified_just_now_is_still_older(void **state)
{
    struct stage *stage = *state;

    ask(stage); /* takes the ration */
    put_record(stage, clock_wall_s());
    ask(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_true(stage->allow && stage->stale);
    assert_int_equal(max_age_stats(stage->max_age).rationed, 1);
}

static void what_aws_says_since_the_question_is_fresh(void **state)
{
    struct stage *stage = *state;

    stage->is_aws_prompt = true;
    ask(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_true(stage->allow && !stage->stale);
}

static void none_comes_from_a_copy_in_the_making(void **state)
{
    struct stage *stage = *state;

    stage->is_store_replaced = true;
    ask(stage);
    assert_int_equal(stage->code, ERROR_NOT_READY);
    /* Over the ration it is answered at once, and no better. */
    ask(stage);
    assert_int_equal(stage->code, ERROR_NOT_READY);
}

static void one_connection_leaves_others_their_share(void **state)
{
    struct stage *stage = *state;
    struct rpc_client *other;

    open_max_age(stage, 2);
    other = fixture_client(&stage->fixture);
    while (max_age_stats(stage->max_age).rationed == 0)
        ask(stage);
    struct max_age_stats before = max_age_stats(stage->max_age);
    assert_true(before.asked > 0);
    ask_over(stage, other);
    assert_int_equal(max_age_stats(stage->max_age).asked, before.asked + 1);
    assert_int_equal(max_age_stats(stage->max_age).rationed, before.rationed);
    rpc_client_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unmet_the_last_answer_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_verified_just_now_is_still_older, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_aws_says_since_the_question_is_fresh, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(none_comes_from_a_copy_in_the_making, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_connection_leaves_others_their_share, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
