/* One subscription's refresh: the claim, the call and its pages, and what is told to the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/refresh_fixture.h"

static void due_work_becomes_a_call_and_its_answer_is_applied(void **state)
{
    (void)state;
    struct aws_call *call = claimed(SCOPE_LICENSE, false);

    assert_true(str_eq_text(json_str(json_at(json_path(call->body, "Filter.LICENSE_ARN"), 0)),
                            "arn:license:l-1"));
    assert_int_equal(refresh_stats(world.refresh).calling, 1);
    aws_answers(call, "{\"Entitlements\":[" ROW "]}");
    const struct apply_params *answer = applied();
    assert_true(str_eq_text(answer->subscription, "sub-1"));
    assert_int_equal(answer->fence, FENCE);
    assert_int_equal(answer->began_at, 1700000000);
    assert_int_equal(answer->scope, SCOPE_LICENSE);
    assert_int_equal(answer->rows.count, 1);
    assert_true(str_eq_text(answer->checker, "one"));
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE,
                         &(struct apply_result){.changed = true});
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).applied, 1);
    assert_int_equal(refresh_stats(world.refresh).changed, 1);
    assert_int_equal(refresh_stats(world.refresh).calling, 0);
}

static void no_work_is_asked_for_again(void **state)
{
    (void)state;
    played_store_answers(last_rpc(METHOD_store_claim), ERROR_TIMEOUT, NULL);
    next_rpc(METHOD_store_claim);
    played_store_answers(last_rpc(METHOD_store_claim), ERROR_UNAVAILABLE, NULL);
    next_rpc(METHOD_store_claim);
    assert_int_equal(played.aws_count, 0);
}

static void each_further_attempt_takes_a_token(void **state)
{
    (void)state;
    struct aws_call *call = claimed(SCOPE_ACCOUNT, false);

    assert_false(attempt(call));
    const struct quota_params *params = last_rpc(METHOD_store_quota)->params;
    assert_int_equal(params->class, DUE_NOTIFICATION);
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    assert_int_equal(call->admitted, 2);
    aws_answers(call, "{}");
    assert_int_equal(applied()->rows.count, 0);
}

static void without_a_token_the_call_fails(void **state)
{
    (void)state;
    struct aws_call *call = claimed(SCOPE_ACCOUNT, false);

    assert_false(attempt(call));
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_TIMEOUT, NULL);
    assert_int_equal(call->admitted, 1);
    assert_false(call->open);
    expect_released("quota");
}

static void a_deadline_while_waiting_for_a_token_fails_the_call(void **state)
{
    (void)state;
    struct aws_call *call = claimed(SCOPE_ACCOUNT, false);

    assert_false(attempt(call));
    struct rpc_call *token = last_rpc(METHOD_store_quota);
    aws_fails(call, AWS_UNREACHABLE, "");
    assert_false(token->open);
    expect_released("AWS did not give a whole answer");
}

static void throttling_is_told_to_the_store(void **state)
{
    (void)state;
    aws_fails(claimed(SCOPE_ACCOUNT, false), AWS_THROTTLED, "ThrottlingException");
    assert_int_equal(played.rpc[played.rpc_count - 2].method, METHOD_store_throttled);
    played_store_answers(&played.rpc[played.rpc_count - 2], ERROR_NONE, NULL);
    expect_released("ThrottlingException");
    assert_int_equal(refresh_stats(world.refresh).throttled, 1);
}

static void refused_credentials_ask_again(void **state)
{
    (void)state;
    played_store_answers(last_rpc(METHOD_store_claim), ERROR_CONFLICT, NULL);
    next_rpc(METHOD_store_claim);
    assert_int_equal(played.aws_count, 0);
    assert_int_equal(refresh_stats(world.refresh).unwelcome, 1);
}

static void an_answer_too_late_for_its_claim_is_dropped(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_LICENSE, false), "{}");
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_CONFLICT, NULL);
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).refused, 1);
}

static void a_store_that_is_away_gets_the_answer_later(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_LICENSE, false), "{\"Entitlements\":[" ROW "]}");
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_UNAVAILABLE, NULL);
    next_rpc(METHOD_store_apply);
    assert_int_equal(applied()->rows.count, 1);
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).applied, 1);
}

static void an_answer_that_the_store_refuses_is_given_back(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_LICENSE, false), "{}");
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_BAD_REQUEST, NULL);
    expect_released("did not take");
}

static void work_without_a_key_is_given_back(void **state)
{
    const struct claim_result work = {.subscription = &record,
                                      .fence = FENCE,
                                      .lease_ms = LEASE_MS,
                                      .scope = SCOPE_CUSTOMER_IDENTIFIER};
    (void)state;

    played_store_answers(last_rpc(METHOD_store_claim), ERROR_NONE, &work);
    assert_int_equal(played.aws_count, 0);
    expect_released("filter");
}

static void a_stop_waits_for_the_call_under_way(void **state)
{
    (void)state;
    struct aws_call *call = claimed(SCOPE_LICENSE, false);

    refresh_drain(world.refresh);
    assert_false(world.drained);
    aws_answers(call, "{}");
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    assert_true(world.drained);
    assert_int_equal(played.rpc[played.rpc_count - 1].method, METHOD_store_apply);
}

static void a_stop_without_a_call_is_at_once(void **state)
{
    (void)state;
    refresh_drain(world.refresh);
    assert_true(world.drained);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(due_work_becomes_a_call_and_its_answer_is_applied),
        TEST(no_work_is_asked_for_again),
        TEST(each_further_attempt_takes_a_token),
        TEST(without_a_token_the_call_fails),
        TEST(a_deadline_while_waiting_for_a_token_fails_the_call),
        TEST(throttling_is_told_to_the_store),
        TEST(refused_credentials_ask_again),
        TEST(an_answer_too_late_for_its_claim_is_dropped),
        TEST(a_store_that_is_away_gets_the_answer_later),
        TEST(an_answer_that_the_store_refuses_is_given_back),
        TEST(work_without_a_key_is_given_back),
        TEST(a_stop_waits_for_the_call_under_way),
        TEST(a_stop_without_a_call_is_at_once),
    };

    /* What is logged about failures is not what is tested. */
    return log_set_level("error") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
