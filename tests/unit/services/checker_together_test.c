/* One call about several subscriptions, and what becomes of those it does not list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/refresh_fixture.h"

static struct subscription records[] = {
    {.id = STR_INIT("sub-1"),
     .product_code = STR_INIT("product"),
     .license_arn = STR_INIT("arn:license:l-1")},
    {.id = STR_INIT("sub-2"),
     .product_code = STR_INIT("product"),
     .license_arn = STR_INIT("arn:license:l-2")},
    {.id = STR_INIT("sub-3"),
     .product_code = STR_INIT("product"),
     .license_arn = STR_INIT("arn:license:l-3")},
};

/* Three records, whose fences are 77, 78 and 79. */
static struct aws_call *three_claimed(void)
{
    struct claimed others[] = {{.subscription = &records[1], .fence = FENCE + 1},
                               {.subscription = &records[2], .fence = FENCE + 2}};
    const struct claim_result work = {.subscription = &records[0],
                                      .class = DUE_NOTIFICATION,
                                      .fence = FENCE,
                                      .lease_ms = LEASE_MS,
                                      .scope = SCOPE_LICENSE,
                                      .others = {.items = others, .count = 2}};

    played_store_answers(last_rpc(METHOD_store_claim), ERROR_NONE, &work);
    struct aws_call *call = last_aws();
    assert_true(attempt(call));
    return call;
}

static void expect_asked_alone(const char *licence)
{
    const struct json *values = json_path(last_aws()->body, "Filter.LICENSE_ARN");

    assert_int_equal(json_count(values), 1);
    assert_true(str_eq_text(json_str(json_at(values, 0)), licence));
    /* The token of the claims is used up. */
    assert_false(attempt(last_aws()));
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
}

static void expect_applied(const struct rpc_call *call, const char *id, int64_t fence, size_t rows)
{
    const struct apply_params *params = call->params;

    assert_int_equal(call->method, METHOD_store_apply);
    assert_true(str_eq_text(params->subscription, id));
    assert_int_equal(params->fence, fence);
    assert_int_equal(params->scope, SCOPE_LICENSE);
    assert_int_equal(params->rows.count, rows);
}

static void several_claims_are_one_call(void **state)
{
    (void)state;
    const struct claim_params *ask = last_rpc(METHOD_store_claim)->params;
    assert_int_equal(ask->at_most, 10);
    struct aws_call *call = three_claimed();
    const struct json *values = json_path(call->body, "Filter.LICENSE_ARN");
    assert_int_equal(json_count(values), 3);
    assert_true(str_eq_text(json_str(json_at(values, 2)), "arn:license:l-3"));

    aws_answers(
        call,
        "{\"Entitlements\":[" ROW_OF("arn:license:l-3") "," ROW_OF("arn:license:l-1") "," ROW_OF(
            "arn:license:l-2") "," ROW_OF("arn:license:l-1") "]}");
    struct rpc_call *applies = &played.rpc[played.rpc_count - 3];
    expect_applied(&applies[0], "sub-1", FENCE, 2);
    expect_applied(&applies[1], "sub-2", FENCE + 1, 1);
    expect_applied(&applies[2], "sub-3", FENCE + 2, 1);
    assert_int_equal(played.aws_count, 1);
    for (int i = 2; i >= 0; i--)
        played_store_answers(&applies[i], ERROR_NONE, &(struct apply_result){.changed = true});
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).applied, 3);
    assert_int_equal(refresh_stats(world.refresh).calling, 0);
}

/* That nothing is listed for a licence is believed only of a call about it alone. */
static void what_a_call_about_several_does_not_list_is_asked_about_alone(void **state)
{
    (void)state;
    aws_answers(three_claimed(), "{\"Entitlements\":[" ROW_OF("arn:license:l-2") "]}");
    struct rpc_call *apply = &played.rpc[played.rpc_count - 1];
    expect_applied(apply, "sub-2", FENCE + 1, 1);
    struct aws_call *first = last_aws();
    expect_asked_alone("arn:license:l-1");
    played_store_answers(apply, ERROR_NONE, &(struct apply_result){0});
    aws_answers(first, "{\"Entitlements\":[" ROW_OF("arn:license:l-1") "]}");
    expect_applied(last_rpc(METHOD_store_apply), "sub-1", FENCE, 1);
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    expect_asked_alone("arn:license:l-3");
    aws_answers(last_aws(), "{}");
    expect_applied(last_rpc(METHOD_store_apply), "sub-3", FENCE + 2, 0);
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    next_rpc(METHOD_store_claim);
    assert_int_equal(played.aws_count, 3);
    assert_int_equal(refresh_stats(world.refresh).applied, 3);
}

static void an_answer_with_rows_of_others_is_not_to_our_question(void **state)
{
    (void)state;
    aws_answers(three_claimed(), "{\"Entitlements\":[" ROW_OF("arn:license:l-1") "," ROW "]}");
    expect_asked_alone("arn:license:l-1");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
    expect_applied(last_rpc(METHOD_store_apply), "sub-1", FENCE, 1);
}

static const struct claim_params *after_several_were_refused(void)
{
    static const char *const licences[] = {"arn:license:l-1", "arn:license:l-2", "arn:license:l-3"};

    aws_fails(three_claimed(), AWS_ERROR, "InvalidParameterException");
    for (int i = 0; i < 3; i++) {
        expect_asked_alone(licences[i]);
        aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
        played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    }
    return next_rpc(METHOD_store_claim)->params;
}

static void a_question_about_several_that_aws_does_not_take_is_not_asked_again(void **state)
{
    (void)state;
    assert_int_equal(after_several_were_refused()->at_most, 5);
    assert_int_equal(after_several_were_refused()->at_most, 2);
    assert_int_equal(refresh_stats(world.refresh).failed, 0);
}

static void as_many_as_before_are_tried_again_later(void **state)
{
    tear_down(state);
    begin(1, 0);
    const struct claim_params *ask = after_several_were_refused();
    while (ask->at_most == 5) {
        played_store_answers(last_rpc(METHOD_store_claim), ERROR_TIMEOUT, NULL);
        ask = next_rpc(METHOD_store_claim)->params;
    }
    assert_int_equal(ask->at_most, 10);
}

static void several_claims_of_a_call_that_failed_are_given_back(void **state)
{
    (void)state;
    aws_fails(three_claimed(), AWS_THROTTLED, "ThrottlingException");
    assert_int_equal(played.rpc[played.rpc_count - 4].method, METHOD_store_throttled);
    played_store_answers(&played.rpc[played.rpc_count - 4], ERROR_NONE, NULL);
    for (size_t i = 0; i < 3; i++) {
        struct rpc_call *call = &played.rpc[played.rpc_count - 3 + i];
        const struct release_params *params = call->params;
        assert_int_equal(call->method, METHOD_store_release);
        assert_int_equal(params->fence, FENCE + (int64_t)i);
        assert_true(str_eq(params->subscription, records[i].id));
        played_store_answers(call, ERROR_NONE, NULL);
    }
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).failed, 3);
    assert_int_equal(refresh_stats(world.refresh).throttled, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(several_claims_are_one_call),
        TEST(what_a_call_about_several_does_not_list_is_asked_about_alone),
        TEST(an_answer_with_rows_of_others_is_not_to_our_question),
        TEST(a_question_about_several_that_aws_does_not_take_is_not_asked_again),
        TEST(as_many_as_before_are_tried_again_later),
        TEST(several_claims_of_a_call_that_failed_are_given_back),
    };

    /* What is logged about failures is not what is tested. */
    return log_set_level("error") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
