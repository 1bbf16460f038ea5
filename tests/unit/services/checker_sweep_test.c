/* A sweep: read whole, sent by licence, and by one account's credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/refresh_fixture.h"

static struct aws_call *sweep_claimed(void)
{
    static struct subscription product = {.id = STR_INIT("p-product"),
                                          .product_code = STR_INIT("product")};
    const struct claim_result work = {.subscription = &product,
                                      .class = DUE_SWEEP,
                                      .fence = FENCE,
                                      .lease_ms = LEASE_MS,
                                      .scope = SCOPE_ACCOUNT,
                                      .sweep = STR("product")};

    played_store_answers(last_rpc(METHOD_store_claim), ERROR_NONE, &work);
    struct aws_call *call = last_aws();
    assert_true(attempt(call));
    assert_null(json_get(call->body, "Filter"));
    return call;
}

static void a_sweep_is_read_whole_and_sent_by_licence(void **state)
{
    (void)state;
    aws_answers(sweep_claimed(),
                "{\"Entitlements\":[" ROW_OF("l-b") "," ROW_OF("l-a") "],\"NextToken\":\"1\"}");
    /* A page's token renews the lease. */
    assert_false(attempt(last_aws()));
    const struct quota_params *token = last_rpc(METHOD_store_quota)->params;
    assert_int_equal(token->class, DUE_SWEEP);
    assert_int_equal(token->fence, FENCE);
    assert_true(str_eq_text(token->subscription, "p-product"));
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW_OF("l-b") ",7]}");

    const struct sweep_part_params *part = last_rpc(METHOD_store_sweep_part)->params;
    assert_int_equal(part->fence, FENCE);
    assert_int_equal(part->began_at, 1700000000);
    assert_int_equal(part->rows.count, 4);
    assert_true(part->rows.items[0].unreadable); /* nobody's */
    assert_true(str_eq_text(part->rows.items[1].license_arn, "l-a"));
    assert_true(str_eq_text(part->rows.items[3].license_arn, "l-b"));
    played_store_answers(last_rpc(METHOD_store_sweep_part), ERROR_NONE,
                         &(struct sweep_part_result){.verified = 1, .unknown = 1});

    const struct sweep_finish_params *end = last_rpc(METHOD_store_sweep_finish)->params;
    assert_int_equal(end->rows, 3);
    assert_int_equal(end->unreadable, 1);
    assert_int_equal(end->verified, 1);
    assert_int_equal(end->unknown, 1);
    played_store_answers(last_rpc(METHOD_store_sweep_finish), ERROR_NONE,
                         &(struct sweep_finish_result){.next = STR("s-1"), .unlisted = 2});
    end = last_rpc(METHOD_store_sweep_finish)->params;
    assert_true(str_eq_text(end->after, "s-1"));
    assert_int_equal(end->unlisted, 2);
    played_store_answers(last_rpc(METHOD_store_sweep_finish), ERROR_NONE,
                         &(struct sweep_finish_result){0});
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).swept, 1);
    assert_int_equal(refresh_stats(world.refresh).calling, 0);
}

/* 251 of two rows each: no part ends within one. */
static void parts_end_between(const char *row)
{
    cleanup(buf_done) struct buf page = BUF_INIT;

    buf_append_text(&page, "{\"Entitlements\":[");
    for (int i = 0; i < 502; i++)
        buf_printf(&page, row, i ? "," : "", i / 2, i % 2);
    buf_append_text(&page, "]}");
    aws_answers(sweep_claimed(), page.data);
    size_t rows = 0;
    while (played.rpc[played.rpc_count - 1].method == METHOD_store_sweep_part) {
        struct rpc_call *call = last_rpc(METHOD_store_sweep_part);
        const struct sweep_part_params *part = call->params;
        assert_int_equal(part->rows.count % 2, 0);
        rows += part->rows.count;
        played_store_answers(call, ERROR_NONE, &(struct sweep_part_result){0});
    }
    assert_int_equal(rows, 502);
    last_rpc(METHOD_store_sweep_finish);
}

static void parts_end_between_licences(void **state)
{
    (void)state;
    parts_end_between("%s{\"LicenseArn\":\"l-%03d\",\"Dimension\":\"d%d\"}");
}

static void parts_end_between_customers_whatever_their_accounts(void **state)
{
    (void)state;
    parts_end_between("%s{\"CustomerIdentifier\":\"c%03d\",\"CustomerAWSAccountId\":\"%d\"}");
}

/* The second page of a sweep is asked for with other credentials; account: whose, if known. */
static void renew_credentials(const char *before, const char *after)
{
    world.account = before;
    aws_answers(sweep_claimed(), "{\"Entitlements\":[" ROW "],\"NextToken\":\"1\"}");
    world.signed_by++;
    world.account = after;
    aws_answers(last_aws(), "{\"NextToken\":\"2\"}");
}

static void expect_not_swept(const char *why)
{
    const struct release_params *params = last_rpc(METHOD_store_release)->params;

    assert_true(str_eq_text(params->subscription, "p-product"));
    assert_non_null(strstr(params->error.ptr, why));
}

static void a_sweep_goes_on_with_new_credentials_of_the_same_account(void **state)
{
    (void)state;
    renew_credentials("444455556666", "444455556666");
    aws_answers(last_aws(), "{}");
    last_rpc(METHOD_store_sweep_part);
}

static void a_sweep_may_learn_later_whose_the_new_credentials_are(void **state)
{
    (void)state;
    renew_credentials("444455556666", NULL);
    world.account = "444455556666";
    aws_answers(last_aws(), "{}");
    last_rpc(METHOD_store_sweep_part);
}

static void a_sweep_fails_with_credentials_of_another_account(void **state)
{
    (void)state;
    renew_credentials("444455556666", "999999999999");
    expect_not_swept("credentials changed");
}

static void a_sweep_fails_if_nobody_says_whose_the_credentials_are(void **state)
{
    (void)state;
    renew_credentials("444455556666", NULL);
    aws_answers(last_aws(), "{}");
    expect_not_swept("their account is not known yet");
}

static int set_up_impatient(void **state)
{
    (void)state;
    begin(0, -1);
    return 0;
}

static void a_sweep_that_is_not_whole_sends_nothing(void **state)
{
    (void)state;
    aws_answers(sweep_claimed(), "{\"Entitlements\":[" ROW "],\"NextToken\":\"1\"}");
    aws_fails(last_aws(), AWS_UNREACHABLE, "");
    const struct release_params *params = last_rpc(METHOD_store_release)->params;
    assert_true(str_eq_text(params->subscription, "p-product"));
    assert_int_equal(params->fence, FENCE);
}

static struct aws_call *second_page(void)
{
    aws_answers(sweep_claimed(), "{\"Entitlements\":[" ROW_OF("l-a") "],\"NextToken\":\"1\"}");
    struct aws_call *call = last_aws();
    assert_false(attempt(call));
    return call;
}

static void token_of_second_page(struct aws_call *call)
{
    assert_true(str_eq_text(json_str(json_get(call->body, "NextToken")), "1"));
    assert_false(attempt(call));
    assert_int_equal(((const struct quota_params *)last_rpc(METHOD_store_quota)->params)->fence,
                     FENCE);
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    assert_int_equal(call->admitted, 1);
}

static void a_page_that_is_not_given_is_asked_for_again(void **state)
{
    static const struct {
        enum aws_outcome outcome;
        const char *code;
    } failures[] = {{AWS_UNREACHABLE, ""},
                    {AWS_THROTTLED, "ThrottlingException"},
                    {AWS_CREDENTIALS, "ExpiredTokenException"}};
    (void)state;

    struct aws_call *call = second_page();
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        aws_fails(call, failures[i].outcome, failures[i].code);
        if (failures[i].outcome == AWS_THROTTLED)
            last_rpc(METHOD_store_throttled);
        call = next_aws();
        token_of_second_page(call);
    }
    aws_answers(call, "{\"Entitlements\":[" ROW_OF("l-b") "]}");
    assert_int_equal(
        ((const struct sweep_part_params *)last_rpc(METHOD_store_sweep_part)->params)->rows.count,
        2);
}

static void a_token_of_the_quota_that_is_not_given_is_asked_for_again(void **state)
{
    (void)state;
    struct aws_call *call = second_page();
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_UNAVAILABLE, NULL);
    assert_true(call->cancelled);
    token_of_second_page(next_aws());
    aws_answers(last_aws(), "{}");
    last_rpc(METHOD_store_sweep_part);
}

/* AWS does not know the token any more; another checker has the sweep. */
static void a_sweep_begins_anew_if_the_page_cannot_come(void **state)
{
    (void)state;
    struct aws_call *call = second_page();
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    aws_fails(call, AWS_ERROR, "InvalidParameterException");
    expect_not_swept("InvalidParameterException");
}

static void a_sweep_that_lost_its_claim_asks_for_no_page(void **state)
{
    (void)state;
    second_page();
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_CONFLICT, NULL);
    expect_not_swept("no quota token");
    assert_true(played.aws[played.aws_count - 1].cancelled);
}

static void the_first_page_is_not_waited_for(void **state)
{
    (void)state;
    aws_fails(sweep_claimed(), AWS_UNREACHABLE, "");
    expect_not_swept("AWS did not give a whole answer");
}

/* As many as a seller with some hundred thousand customers has. */
static void a_sweep_of_many_pages_is_whole(void **state)
{
    enum { PAGES = 20100 };
    size_t rows = 0;
    (void)state;

    sweep_claimed();
    for (int page = 1; page <= PAGES; page++) {
        cleanup(buf_done) struct buf body = BUF_INIT;
        buf_printf(&body, "{\"Entitlements\":[" ROW_OF("l-%05d") "]", page);
        if (page < PAGES)
            buf_printf(&body, ",\"NextToken\":\"%d\"", page);
        buf_append_text(&body, "}");
        aws_answers(last_aws(), body.data);
    }
    while (played.rpc[played.rpc_count - 1].method == METHOD_store_sweep_part) {
        struct rpc_call *call = last_rpc(METHOD_store_sweep_part);
        rows += ((const struct sweep_part_params *)call->params)->rows.count;
        played_store_answers(call, ERROR_NONE, &(struct sweep_part_result){0});
    }
    assert_int_equal(rows, PAGES);
    last_rpc(METHOD_store_sweep_finish);
}

static void a_sweep_whose_claim_lapsed_ends(void **state)
{
    (void)state;
    aws_answers(sweep_claimed(), "{\"Entitlements\":[" ROW "]}");
    played_store_answers(last_rpc(METHOD_store_sweep_part), ERROR_UNAVAILABLE, NULL);
    next_rpc(METHOD_store_sweep_part);
    played_store_answers(last_rpc(METHOD_store_sweep_part), ERROR_CONFLICT, NULL);
    last_rpc(METHOD_store_release);
}

static void a_stop_does_not_wait_for_a_sweep(void **state)
{
    (void)state;
    sweep_claimed();
    refresh_drain(world.refresh);
    played_store_answers(last_rpc(METHOD_store_release), ERROR_NONE, NULL);
    assert_true(world.drained);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_is_read_whole_and_sent_by_licence),
        TEST(parts_end_between_licences),
        TEST(parts_end_between_customers_whatever_their_accounts),
        TEST(a_sweep_goes_on_with_new_credentials_of_the_same_account),
        TEST(a_sweep_may_learn_later_whose_the_new_credentials_are),
        TEST(a_sweep_fails_with_credentials_of_another_account),
        TEST(a_sweep_fails_if_nobody_says_whose_the_credentials_are),
        cmocka_unit_test_setup_teardown(a_sweep_that_is_not_whole_sends_nothing, set_up_impatient,
                                        tear_down),
        TEST(a_page_that_is_not_given_is_asked_for_again),
        TEST(a_token_of_the_quota_that_is_not_given_is_asked_for_again),
        TEST(a_sweep_begins_anew_if_the_page_cannot_come),
        TEST(a_sweep_that_lost_its_claim_asks_for_no_page),
        TEST(the_first_page_is_not_waited_for),
        TEST(a_sweep_of_many_pages_is_whole),
        TEST(a_sweep_whose_claim_lapsed_ends),
        TEST(a_stop_does_not_wait_for_a_sweep),
    };

    /* What is logged about failures is not what is tested. */
    return log_set_level("error") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
