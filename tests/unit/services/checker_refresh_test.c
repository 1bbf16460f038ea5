/* One worker between an AWS and a store that the tests play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/checker/entitlement_answer.h"
#include "services/checker/refresh.h"
#include "tests/support/played_calls.h"
#include "tests/support/vectors.h"

enum { FENCE = 77, LEASE_MS = 30000 };

static struct {
    struct refresh *refresh;
    bool drained;
    const char *account; /* that the credentials are of */
    unsigned signed_by;  /* the number of these credentials */
} world;

struct str aws_caller_account(const struct aws *aws, unsigned signed_by)
{
    (void)aws;
    return signed_by == world.signed_by ? str_of(world.account) : STR_NONE;
}

struct str aws_account(const struct aws *aws)
{
    return aws_caller_account(aws, world.signed_by);
}

/* Playing AWS and the store. */

static struct rpc_call *last_rpc(enum method_id method)
{
    assert_true(played.rpc_count > 0);
    struct rpc_call *call = &played.rpc[played.rpc_count - 1];
    assert_int_equal(call->method, method);
    assert_true(call->open);
    return call;
}

/* Waits for the next call to the store, which comes on a timer. */
static struct rpc_call *next_rpc(enum method_id method)
{
    played.rpc_wanted = played.rpc_count + 1;
    loop_run(played.loop);
    return last_rpc(method);
}

static struct aws_call *last_aws(void)
{
    assert_true(played.aws_count > 0);
    struct aws_call *call = &played.aws[played.aws_count - 1];
    assert_true(call->open);
    assert_int_equal(call->service, AWS_ENTITLEMENT);
    assert_string_equal(call->operation, "GetEntitlements");
    assert_in_range(call->deadline_ms, 1, LEASE_MS - 1000);
    return call;
}

/* An attempt waits for admission; true: it got it at once. */
static bool attempt(struct aws_call *call)
{
    unsigned before = call->admitted;

    call->admit(call->admit_arg, call);
    return call->admitted == before + 1;
}

static void aws_answers(struct aws_call *call, const char *json)
{
    cleanup(json_freep) struct json *body = NULL;

    assert_int_equal(json_parse(&body, str_of(json), NULL), 0);
    played_aws_answers(call, &(struct aws_response){.outcome = AWS_OK,
                                                    .http_status = 200,
                                                    .body = body,
                                                    .signed_by = world.signed_by,
                                                    .began_wall_ms = 1700000000999});
}

static void aws_fails(struct aws_call *call, enum aws_outcome outcome, const char *code)
{
    played_aws_answers(call, &(struct aws_response){.outcome = outcome,
                                                    .code = str_of(code),
                                                    .message = STR("as the test has it")});
}

static struct subscription record = {.id = STR_INIT("sub-1"),
                                     .product_code = STR_INIT("product"),
                                     .account_id = STR_INIT("111122223333"),
                                     .license_arn = STR_INIT("arn:license:l-1")};

static struct aws_call *claimed(enum scope scope, bool probe_product)
{
    const struct claim_result work = {.subscription = &record,
                                      .class = DUE_NOTIFICATION,
                                      .fence = FENCE,
                                      .lease_ms = LEASE_MS,
                                      .scope = scope,
                                      .probe_product = probe_product};

    played_store_answers(last_rpc(METHOD_store_claim), ERROR_NONE, &work);
    struct aws_call *call = last_aws();
    assert_true(attempt(call));
    return call;
}

static void on_drained(void *arg)
{
    (void)arg;
    world.drained = true;
}

static void begin(int64_t together_again_ms)
{
    memset(&world, 0, sizeof(world));
    played_begin();
    world.refresh = refresh_new(&(struct refresh_options){.loop = played.loop,
                                                          .checker = "one",
                                                          .concurrent_calls = 1,
                                                          .together_again_ms = together_again_ms,
                                                          .on_drained = on_drained});
}

static int set_up(void **state)
{
    (void)state;
    begin(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    refresh_free(world.refresh);
    played_end();
    return 0;
}

#define ROW "{\"ProductCode\":\"product\",\"Dimension\":\"seats\",\"Value\":{\"IntegerValue\":10}}"

static const struct apply_params *applied(void)
{
    return last_rpc(METHOD_store_apply)->params;
}

static struct str released(void)
{
    const struct release_params *params = last_rpc(METHOD_store_release)->params;

    assert_int_equal(params->fence, FENCE);
    assert_true(str_eq_text(params->subscription, "sub-1"));
    return params->error;
}

static void expect_released(const char *why)
{
    cleanup(mem_freep) char *error = str_dup(released());

    assert_non_null(strstr(error, why));
    played_store_answers(last_rpc(METHOD_store_release), ERROR_NONE, NULL);
    assert_int_equal(refresh_stats(world.refresh).failed, 1);
    next_rpc(METHOD_store_claim);
}

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
    expect_released("no whole answer");
}

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

static void throttling_is_told_to_the_store(void **state)
{
    (void)state;
    aws_fails(claimed(SCOPE_ACCOUNT, false), AWS_THROTTLED, "ThrottlingException");
    assert_int_equal(played.rpc[played.rpc_count - 2].method, METHOD_store_throttled);
    played_store_answers(&played.rpc[played.rpc_count - 2], ERROR_NONE, NULL);
    expect_released("ThrottlingException");
    assert_int_equal(refresh_stats(world.refresh).throttled, 1);
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

#define ROW_OF(licence)                                                                            \
    "{\"ProductCode\":\"product\",\"LicenseArn\":\"" licence "\",\"Dimension\":\"seats\"}"

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
    begin(1);
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
    expect_not_swept("whose they are now is not known");
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
        TEST(pages_are_gathered),
        TEST(an_answer_of_many_pages_renews_its_lease_and_goes_in_parts),
        TEST(a_part_of_a_lapsed_claim_ends_it),
        TEST(a_token_that_comes_again_fails_the_whole),
        TEST(pages_without_end_fail_the_whole),
        TEST(a_row_that_cannot_be_read_is_handed_on_as_one),
        TEST(a_product_with_nothing_readable_does_not_show_that_it_lives),
        TEST(throttling_is_told_to_the_store),
        TEST(an_empty_answer_may_need_the_products),
        TEST(without_the_products_answer_the_empty_one_is_whole),
        TEST(what_was_empty_before_the_product_was_listed_is_asked_again),
        TEST(credentials_that_changed_since_the_product_was_listed_prove_nothing),
        TEST(an_answer_with_rows_needs_no_probe),
        TEST(who_signed_is_told),
        TEST(an_answer_from_before_a_change_is_nobodys),
        TEST(a_change_between_two_pages_fails_the_whole),
        TEST(refused_credentials_ask_again),
        TEST(an_answer_too_late_for_its_claim_is_dropped),
        TEST(a_store_that_is_away_gets_the_answer_later),
        TEST(an_answer_that_the_store_refuses_is_given_back),
        TEST(work_without_a_key_is_given_back),
        TEST(several_claims_are_one_call),
        TEST(what_a_call_about_several_does_not_list_is_asked_about_alone),
        TEST(an_answer_with_rows_of_others_is_not_to_our_question),
        TEST(a_question_about_several_that_aws_does_not_take_is_not_asked_again),
        TEST(as_many_as_before_are_tried_again_later),
        TEST(several_claims_of_a_call_that_failed_are_given_back),
        TEST(a_sweep_is_read_whole_and_sent_by_licence),
        TEST(parts_end_between_licences),
        TEST(parts_end_between_customers_whatever_their_accounts),
        TEST(a_sweep_goes_on_with_new_credentials_of_the_same_account),
        TEST(a_sweep_may_learn_later_whose_the_new_credentials_are),
        TEST(a_sweep_fails_with_credentials_of_another_account),
        TEST(a_sweep_fails_if_nobody_says_whose_the_credentials_are),
        TEST(a_sweep_that_is_not_whole_sends_nothing),
        TEST(a_sweep_whose_claim_lapsed_ends),
        TEST(a_stop_does_not_wait_for_a_sweep),
        TEST(a_stop_waits_for_the_call_under_way),
        TEST(a_stop_without_a_call_is_at_once),
    };

    /* What is logged about failures is not what is tested. */
    return log_set_level("error") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
