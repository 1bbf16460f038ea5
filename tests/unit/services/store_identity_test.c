/* Which record a registration, an announcement or an answer is about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/tables/steady_clock.h"
#include "services/store/tables/tokens.h"
#include "tests/support/identity_fixture.h"

static void registering_again_is_the_same_record(void **state)
{
    struct fixture *f = *state;
    struct register_result first = ENTER(f, .license_arn = STR(ARN(FIRST_KEY)));
    struct register_result again =
        ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));

    assert_true(first.created);
    assert_false(again.created);
    assert_true(str_eq(enter_id(first), enter_id(again)));
    assert_true(str_eq(again.subscription->account_id, STR(ACCOUNT)));
    assert_true(str_eq(again.subscription->license_key, STR(FIRST_KEY)));
    assert_int_equal(again.subscription->registered_at, first.subscription->registered_at);
    assert_int_equal(count_all(f), 1);
}

static void a_registration_needs_a_key(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT)};
    struct register_result result = {0};

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_BAD_REQUEST);
    assert_int_equal(count_all(f), 0);
}

static void a_record_learnt_under_one_key_gains_the_others(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .customer_identifier = STR("customer-1")));

    assert_true(str_eq(id, enter_id(ENTER(f, .customer_identifier = STR("customer-1"),
                                          .account_id = STR(ACCOUNT)))));
    assert_true(str_eq(id, enter_id(ENTER(f, .account_id = STR(ACCOUNT)))));
    assert_true(str_eq(
        id, enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(FIRST_KEY))))));
    assert_true(str_eq(fixture_of_license(f, FIRST_KEY).customer_identifier, STR("customer-1")));
}

static void an_account_alone_names_one_unlicensed_record_or_none(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .account_id = STR(ACCOUNT), .customer_identifier = STR("customer-1"));
    ENTER(f, .account_id = STR(ACCOUNT), .customer_identifier = STR("customer-2"));
    assert_int_equal(count_all(f), 2);
    assert_true(ENTER(f, .account_id = STR(ACCOUNT)).created);
}

static void licences_of_one_account_are_records_of_their_own(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT),
          .customer_identifier = STR("customer-1"));
    ENTER(f, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT),
          .customer_identifier = STR("customer-1"));
    assert_int_equal(count_all(f), 2);
}

static void products_are_never_mixed(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .account_id = STR(ACCOUNT));
    assert_true(ENTER(f, .product_code = STR("another"), .account_id = STR(ACCOUNT)).created);
    struct str id = fixture_all(f).items[0].id;
    struct aws_entitlement row = SEATS(1, .account_id = STR(ACCOUNT));
    if (str_eq(fixture_all(f).items[0].product_code, row.product_code))
        row.product_code = STR("another");
    fixture_apply(f, id, SCOPE_ACCOUNT, NOW, (struct aws_entitlement_list){&row, 1});
    assert_int_equal(fixture_seats(&fixture_all(f).items[0]), 0);
    assert_int_equal(fixture_seats(&fixture_all(f).items[1]), 0);
}

static void an_event_before_the_registration_is_the_same_record(void **state)
{
    struct fixture *f = *state;

    notify_license(f, "aws:license-manager:us-east-1:111122223333:" FIRST_KEY);
    struct subscription record = fixture_of_license(f, FIRST_KEY);
    assert_int_equal(record.license_arn.len, 0);
    assert_int_equal(record.registered_at, 0);
    struct register_result result =
        ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));
    assert_false(result.created);
    assert_true(str_eq(enter_id(result), record.id));
    assert_true(str_eq(result.subscription->license_arn, STR(ARN(FIRST_KEY))));
}

static void keys_that_contradict_are_another_record(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR(ACCOUNT));
    assert_true(
        ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR("999988887777"))
            .created);
}

static void linking_needs_one_living_subscription(void **state)
{
    struct fixture *f = *state;
    struct link_params link = {.handle = STR(ACCOUNT), .tenant = STR("tenant-1")};
    struct subscription_result linked = {0};

    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NOT_FOUND);
    ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));
    ENTER(f, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT));
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_CONFLICT);
    assert_non_null(strstr(f->error.text, "name one"));
    link.handle = STR(SECOND_KEY);
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NONE);
    assert_true(str_eq(linked.subscription->tenant, STR("tenant-1")));
    link.tenant = STR("");
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NONE);
    assert_int_equal(records_find(f->books.db, STR("tenant-1"), STR_NONE, &f->arena).count, 0);
}

static void a_token_leads_to_its_subscription(void **state)
{
    struct fixture *f = *state;
    struct token_find_params find = {.token_sha256 = STR("0123")};
    struct subscription_result found = {0};

    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NOT_FOUND);
    struct str id = enter_id(ENTER(f, .account_id = STR(ACCOUNT), .token_sha256 = STR("0123")));
    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NONE);
    assert_true(str_eq(found.subscription->id, id));
}

static void tokens_past_their_hours_are_forgotten(void **state)
{
    struct fixture *f = *state;
    struct change change;
    struct error error;

    ENTER(f, .account_id = STR(ACCOUNT), .token_sha256 = STR("0123"));
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms() + 3 * 3600 * 1000);
    assert_int_equal(tokens_prune(&change, change_now_s(&change), 10), 0);
    change_done(&change);
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms() + 4 * 3600 * 1000 + 1000);
    assert_int_equal(tokens_prune(&change, change_now_s(&change), 10), 1);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    struct token_find_params find = {.token_sha256 = STR("0123")};
    struct subscription_result found = {0};
    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NOT_FOUND);
}

static int64_t steady_at(struct fixture *f, struct steady_clock *clock, int64_t wall_s,
                         int64_t mono_s)
{
    struct change change;
    struct error error;

    change_begin(&change, f->books.db, f->books.seq, wall_s * 1000);
    int64_t now_s = steady_clock_now_s(clock, &change, mono_s * 1000);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    return now_s;
}

static void what_removes_by_age_follows_a_clock_that_jumps_at_leisure(void **state)
{
    enum { HOUR = 3600, YEAR = 365 * 24 * HOUR, T = 1700000000 };
    struct fixture *f = *state;
    struct steady_clock clock = {0}, after_restart = {0}, long_after = {0};

    assert_int_equal(steady_at(f, &clock, T, 100), T);
    assert_int_equal(steady_at(f, &clock, T + 60, 160), T + 60);
    /* A year ahead for an hour, with a restart within it. */
    assert_int_equal(steady_at(f, &clock, T + YEAR, 160), T + 60);
    assert_int_equal(steady_at(f, &clock, T + YEAR + HOUR, 160 + HOUR), T + 60 + 10 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + YEAR + HOUR, 5), T + 60 + 10 * HOUR);
    /* Back again, likewise; then as the clock goes. */
    assert_int_equal(steady_at(f, &after_restart, T + 2 * HOUR, 5), T + 60 + 10 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + 3 * HOUR, 5 + HOUR), T + 3 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + 4 * HOUR, 5 + 2 * HOUR), T + 4 * HOUR);
    /* A store that did not run for long catches up. */
    assert_int_equal(steady_at(f, &long_after, T + 14 * HOUR, 0), T + 4 * HOUR);
    assert_int_equal(steady_at(f, &long_after, T + 15 * HOUR, HOUR), T + 14 * HOUR);
    assert_int_equal(steady_at(f, &long_after, T + 15 * HOUR, HOUR + 360), T + 15 * HOUR);
}

static enum rpc_error link_typed(struct fixture *f, struct str id, const char *tenant)
{
    struct link_typed_params params = {.subscription = id, .tenant = str_of(tenant)};
    struct subscription_result result = {0};

    return fixture_write(f, on_link_typed, &params, &result);
}

static void a_typed_tenant_is_linked_only_where_it_may_be_the_buyers(void **state)
{
    struct fixture *f = *state;
    struct str ours =
        enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(FIRST_KEY))));
    struct str second =
        enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(SECOND_KEY))));
    struct str strangers =
        enter_id(ENTER(f, .account_id = STR("999900001111"), .license_arn = STR(ARN(THIRD_KEY))));

    assert_int_equal(link_typed(f, ours, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, ours, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, ours, "other"), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, second, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, strangers, "acme"), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, strangers, ACCOUNT), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, strangers, ""), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, STR("s-unknown"), "acme"), ERROR_NOT_FOUND);
    assert_true(str_eq(fixture_get(f, ours).tenant, STR("acme")));
    assert_true(str_eq(fixture_get(f, second).tenant, STR("acme")));
    assert_int_equal(fixture_get(f, strangers).tenant.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(registering_again_is_the_same_record),
        fixture_test(a_registration_needs_a_key),
        fixture_test(a_record_learnt_under_one_key_gains_the_others),
        fixture_test(an_account_alone_names_one_unlicensed_record_or_none),
        fixture_test(licences_of_one_account_are_records_of_their_own),
        fixture_test(products_are_never_mixed),
        fixture_test(an_event_before_the_registration_is_the_same_record),
        fixture_test(keys_that_contradict_are_another_record),
        fixture_test(linking_needs_one_living_subscription),
        fixture_test(a_token_leads_to_its_subscription),
        fixture_test(tokens_past_their_hours_are_forgotten),
        fixture_test(what_removes_by_age_follows_a_clock_that_jumps_at_leisure),
        fixture_test(a_typed_tenant_is_linked_only_where_it_may_be_the_buyers),
    };

    return cmocka_run_group_tests_name("services/store_identity", tests, NULL, NULL);
}
