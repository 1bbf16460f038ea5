/* Answers of several pages, empty ones, and whose credentials they are of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/refresh_fixture.h"

static void pages_are_gathered(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, false), "{\"Entitlements\":[" ROW "],\"NextToken\":\"a\"}");
    assert_true(str_eq_text(json_get_str(last_aws()->body, "NextToken"), "a"));
    assert_false(attempt(last_aws()));
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    /* An empty page may lead on. */
    aws_answers(last_aws(), "{\"Entitlements\":[],\"NextToken\":\"b\"}");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "," ROW "]}");
    assert_int_equal(applied()->rows.count, 3);
    assert_int_equal(applied()->began_at, 1700000000);
}

/* So many pages of 25 rows, each with a token of the quota that renews the lease. */
static void answer_pages(struct aws_call *call, int pages)
{
    for (int page = 1; page <= pages; page++) {
        cleanup(buf_done) struct buf json = BUF_INIT;
        if (page > 1) {
            call = last_aws();
            assert_false(attempt(call));
            const struct quota_params *params = last_rpc(METHOD_store_quota)->params;
            assert_true(str_eq_text(params->subscription, "sub-1"));
            assert_int_equal(params->fence, FENCE);
            played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
        }
        buf_append_text(&json, "{\"Entitlements\":[" ROW);
        for (int row = 1; row < 25; row++)
            buf_append_text(&json, "," ROW);
        buf_append_text(&json, "]");
        if (page < pages)
            buf_printf(&json, ",\"NextToken\":\"%d\"", page);
        buf_append_text(&json, "}");
        aws_answers(call, json.data);
    }
}

static void an_answer_of_many_pages_renews_its_lease_and_goes_in_parts(void **state)
{
    (void)state;
    answer_pages(claimed(SCOPE_ACCOUNT, false), 48);
    for (int part = 0; part < 2; part++) {
        const struct apply_part_params *params = last_rpc(METHOD_store_apply_part)->params;
        assert_true(str_eq_text(params->subscription, "sub-1"));
        assert_int_equal(params->fence, FENCE);
        assert_int_equal(params->part, part);
        assert_int_equal(params->rows.count, 500);
        /* The same one again. */
        played_store_answers(last_rpc(METHOD_store_apply_part), ERROR_UNAVAILABLE, NULL);
        params = next_rpc(METHOD_store_apply_part)->params;
        assert_int_equal(params->part, part);
        played_store_answers(last_rpc(METHOD_store_apply_part), ERROR_NONE, NULL);
    }
    assert_int_equal(applied()->parts, 2);
    assert_int_equal(applied()->rows.count, 200);
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).applied, 1);
}

static void a_part_of_a_lapsed_claim_ends_it(void **state)
{
    (void)state;
    answer_pages(claimed(SCOPE_ACCOUNT, false), 48);
    played_store_answers(last_rpc(METHOD_store_apply_part), ERROR_CONFLICT, NULL);
    next_rpc(METHOD_store_claim);
    assert_int_equal(refresh_stats(world.refresh).refused, 1);
}

static void a_token_that_comes_again_fails_the_whole(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, false), "{\"Entitlements\":[" ROW "],\"NextToken\":\"a\"}");
    aws_answers(last_aws(), "{\"NextToken\":\"b\"}");
    aws_answers(last_aws(), "{\"NextToken\":\"a\"}");
    expect_released("repeats");
}

static void pages_without_end_fail_the_whole(void **state)
{
    (void)state;
    claimed(SCOPE_ACCOUNT, false);
    for (int page = 1; page <= 1000; page++) {
        cleanup(mem_freep) char *json = mem_printf("{\"NextToken\":\"%d\"}", page);
        aws_answers(last_aws(), json);
    }
    assert_int_equal(played.aws_count, 1000);
    expect_released("pages");
}

static void a_row_that_cannot_be_read_is_handed_on_as_one(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, false),
                "{\"Entitlements\":[" ROW ",{\"ProductCode\":\"other\"}]}");
    assert_int_equal(applied()->rows.count, 2);
    assert_false(applied()->rows.items[0].unreadable);
    assert_true(applied()->rows.items[1].unreadable);
}

static void a_product_with_nothing_readable_does_not_show_that_it_lives(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{}");
    attempt(last_aws());
    played_store_answers(last_rpc(METHOD_store_quota), ERROR_NONE, NULL);
    aws_answers(last_aws(), "{\"Entitlements\":[7]}");
    assert_false(applied()->product_alive);
}

static void an_empty_answer_may_need_the_products(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{}");
    assert_null(json_get(last_aws()->body, "Filter"));
    int64_t max_results = 0;
    assert_true(json_int(json_get(last_aws()->body, "MaxResults"), &max_results));
    assert_int_equal(max_results, 1);
    assert_false(attempt(last_aws()));
    /* The first row is enough, although there is more. */
    aws_answers(last_aws(), "{\"NextToken\":\"a\"}");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "],\"NextToken\":\"b\"}");
    assert_non_null(json_path(last_aws()->body, "Filter.CUSTOMER_AWS_ACCOUNT_ID"));
    assert_false(attempt(last_aws()));
    aws_answers(last_aws(), "{}");
    assert_int_equal(played.aws_count, 4);
    assert_int_equal(applied()->rows.count, 0);
    assert_true(applied()->product_alive);
}

static void what_was_empty_before_the_product_was_listed_is_asked_again(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{}");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
    assert_int_equal(applied()->rows.count, 1);
    assert_false(applied()->product_alive);
}

static void credentials_that_changed_since_the_product_was_listed_prove_nothing(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{}");
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
    world.signed_by++;
    aws_answers(last_aws(), "{}");
    assert_int_equal(applied()->rows.count, 0);
    assert_false(applied()->product_alive);
}

static void without_the_products_answer_the_empty_one_is_whole(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{}");
    aws_fails(last_aws(), AWS_UNREACHABLE, "");
    assert_int_equal(applied()->rows.count, 0);
    assert_false(applied()->product_alive);
}

static void an_answer_with_rows_needs_no_probe(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, true), "{\"Entitlements\":[" ROW "]}");
    assert_int_equal(applied()->rows.count, 1);
    assert_int_equal(played.aws_count, 1);
}

static void who_signed_is_told(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_LICENSE, false), "{}");
    assert_int_equal(applied()->signed_by.len, 0);
    played_store_answers(last_rpc(METHOD_store_apply), ERROR_NONE, &(struct apply_result){0});

    world.account = "444455556666";
    const struct claim_params *ask = next_rpc(METHOD_store_claim)->params;
    assert_true(str_eq_text(ask->signed_by, "444455556666"));
    aws_answers(claimed(SCOPE_LICENSE, false), "{}");
    assert_true(str_eq_text(applied()->signed_by, "444455556666"));
}

/* It is known of the new credentials only. */
static void an_answer_from_before_a_change_is_nobodys(void **state)
{
    (void)state;
    world.account = "444455556666";
    struct aws_call *call = claimed(SCOPE_ACCOUNT, true);
    aws_answers(call, "{}");
    world.signed_by++;
    aws_answers(last_aws(), "{\"Entitlements\":[" ROW "]}");
    assert_int_equal(applied()->signed_by.len, 0);
    assert_false(applied()->product_alive);
}

static void a_change_between_two_pages_fails_the_whole(void **state)
{
    (void)state;
    aws_answers(claimed(SCOPE_ACCOUNT, false), "{\"Entitlements\":[" ROW "],\"NextToken\":\"a\"}");
    world.signed_by++;
    aws_answers(last_aws(), "{}");
    expect_released("credentials changed");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pages_are_gathered),
        TEST(an_answer_of_many_pages_renews_its_lease_and_goes_in_parts),
        TEST(a_part_of_a_lapsed_claim_ends_it),
        TEST(a_token_that_comes_again_fails_the_whole),
        TEST(pages_without_end_fail_the_whole),
        TEST(a_row_that_cannot_be_read_is_handed_on_as_one),
        TEST(a_product_with_nothing_readable_does_not_show_that_it_lives),
        TEST(an_empty_answer_may_need_the_products),
        TEST(without_the_products_answer_the_empty_one_is_whole),
        TEST(what_was_empty_before_the_product_was_listed_is_asked_again),
        TEST(credentials_that_changed_since_the_product_was_listed_prove_nothing),
        TEST(an_answer_with_rows_needs_no_probe),
        TEST(who_signed_is_told),
        TEST(an_answer_from_before_a_change_is_nobodys),
        TEST(a_change_between_two_pages_fails_the_whole),
    };

    /* What is logged about failures is not what is tested. */
    return log_set_level("error") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
