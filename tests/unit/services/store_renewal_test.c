/* Renewals and replacements that are said, inferred, undone or left to the operator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/succession_fixture.h"

/* Bought and announced, and not listed yet, while another purchase of the account is. */
static void what_was_never_granted_is_not_renewed(void **state)
{
    struct fixture *f = *state;

    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .agreement_id = STR("agmt-1"),
           .event_time = begin_s);
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_PENDING);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    end_agreement(f, "agmt-1", "RENEWED");
    ask_again(f, FIRST_KEY, begin_s + 200);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
}

static void enter(struct fixture *f, const char *key)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .license_arn = arena_printf(&f->arena, ARN("%s"), key),
                                     .account_id = STR(ACCOUNT)};
    struct register_result result = {0};

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
}

static void be_tenant(struct fixture *f, const char *key, const char *tenant)
{
    struct link_params params = {.handle = str_of(key), .tenant = str_of(tenant)};
    struct subscription_result result = {0};

    assert_int_equal(fixture_write(f, on_link, &params, &result), ERROR_NONE);
}

static void what_is_registered_renews_no_other(void **state)
{
    struct fixture *f = *state;

    infer(f);
    enter(f, SECOND_KEY);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    ask_again(f, FIRST_KEY, begin_s + 300);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 300), STATE_ENDED);
}

/* Registered, and not linked to a tenant yet: it may be the renewal's own customer. */
static void begin_registered(struct fixture *f)
{
    infer(f);
    be_tenant(f, FIRST_KEY, "tenant-a");
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    enter(f, SECOND_KEY);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    ask_again(f, FIRST_KEY, begin_s + 300);
    assert_int_equal(state_at(f, FIRST_KEY, clock_wall_s()), STATE_HELD);
    assert_int_equal(state_at(f, FIRST_KEY, clock_wall_s() + f->books.policy.successor_wait_s + 1),
                     STATE_ENDED);
}

static void another_tenant_has_bought_it(void **state)
{
    struct fixture *f = *state;

    begin_registered(f);
    be_tenant(f, SECOND_KEY, "tenant-b");
    ask_again(f, FIRST_KEY, begin_s + 400);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_ENDED);
}

static void the_same_tenant_goes_on_in_it(void **state)
{
    struct fixture *f = *state;

    begin_registered(f);
    be_tenant(f, SECOND_KEY, "tenant-a");
    ask_again(f, FIRST_KEY, begin_s + 400);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    be_tenant(f, FIRST_KEY, "tenant-b");
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
}

/* Its end was found and explained; what the account buys later is another purchase. */
static void what_has_ended_goes_on_in_nothing(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    enter(f, THIRD_KEY);
    struct str first = fixture_of_license(f, FIRST_KEY).id;
    fixture_apply(f, first, SCOPE_LICENSE, begin_s + 10, NO_ROWS);
    fixture_apply(f, first, SCOPE_ACCOUNT, begin_s + 100,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(THIRD_KEY)))));
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_ENDED);
    fixture_apply(f, first, SCOPE_ACCOUNT, begin_s + 300,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(THIRD_KEY))),
                          SEATS(1, .license_arn = STR(ARN(SECOND_KEY)))));
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_ENDED);
}

/* Held, for AWS lists nobody else: longer than a renewal takes. */
static void what_is_held_takes_no_later_purchase(void **state)
{
    struct fixture *f = *state;

    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .agreement_id = STR("agmt-1"),
           .event_time = begin_s - 10 * 86400);
    struct str first = fixture_of_license(f, FIRST_KEY).id;
    fixture_apply(f, first, SCOPE_LICENSE, begin_s - 6 * 86400,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
    fixture_apply(f, first, SCOPE_LICENSE, begin_s - 5 * 86400, NO_ROWS);
    fixture_apply(f, first, SCOPE_ACCOUNT, begin_s - 5 * 86400 + 100, NO_ROWS);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s), STATE_HELD);
    ask_again(f, FIRST_KEY, begin_s);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
}

static void updated(struct fixture *f, const char *agreement, int64_t at_s)
{
    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY),
           .agreement_id = str_of(agreement), .event_time = at_s);
}

static void created(struct fixture *f, const char *agreement, const char *intent,
                    const char *previous, int64_t at_s)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
           .agreement_id = str_of(agreement), .intent = str_of(intent),
           .previous_agreement_id = str_of(previous), .event_time = at_s);
}

/* The new licence was renewed once more, and kept: that it goes on for itself says nothing about
 * whom it went on for at first. */
static void a_licence_that_its_renewal_keeps_goes_on_for_whom_it_went_on(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    created(f, "agmt-2", "REPLACE", "", begin_s + 6);
    updated(f, "agmt-2", begin_s + 7);
    created(f, "agmt-4", "RENEW", "agmt-2", begin_s + 8);
    updated(f, "agmt-4", begin_s + 9);
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
}

/* So is what AWS said of whom it goes on for, though the later agreement names nobody. */
static void what_replaces_an_agreement_within_a_licence_renews_no_other(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-3", "REPLACED");
    assert_int_equal(tell_whose_renewal(f, "agmt-1"), OUTCOME_APPLIED);
    find_gone(f, FIRST_KEY, begin_s + 10);
    created(f, "agmt-4", "REPLACE", "", begin_s + 120);
    updated(f, "agmt-4", begin_s + 121);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    assert_int_equal(fixture_of_license(f, THIRD_KEY).successor.len, 0);
}

/* Of a third one's renewal the other end is still to come. */
static void a_replacement_is_not_the_renewal_of_one_that_was_renewed(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    created(f, "agmt-2", "REPLACE", "", begin_s + 6);
    updated(f, "agmt-2", begin_s + 7);
    end_agreement(f, "agmt-3", "RENEWED");
    assert_int_equal(fixture_of_license(f, THIRD_KEY).successor.len, 0);
    end_agreement(f, "agmt-1", "REPLACED");
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
}

static void find_nothing(struct fixture *f, const char *key, int64_t at_s)
{
    struct str id = fixture_of_license(f, key).id;

    fixture_apply(f, id, SCOPE_LICENSE, at_s, NO_ROWS);
    fixture_apply(f, id, SCOPE_ACCOUNT, at_s + 90, NO_ROWS);
}

/* The renewal was undone before AWS listed anything of it. */
static void what_awaits_a_successor_that_is_over_has_ended(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    end_agreement(f, "agmt-1", "RENEWED");
    NOTIFY(f, .kind = EVENT_LICENSE_DEPROVISIONED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .agreement_id = STR("agmt-1"),
           .event_time = begin_s + 5);
    assert_int_equal(tell_whose_renewal(f, "agmt-1"), OUTCOME_APPLIED);
    find_nothing(f, FIRST_KEY, begin_s + 10);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_HELD);
    end_agreement(f, "agmt-2", "TERMINATED");
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_HELD);
    find_nothing(f, SECOND_KEY, begin_s + 210);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_ENDED);
    /* AWS lists the renewal after all. */
    ask_again(f, SECOND_KEY, begin_s + 500);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    assert_int_equal(state_at(f, SECOND_KEY, begin_s + 600), STATE_ACTIVE);
}

static void nothing_is_undecided_once_the_new_licence_is_over(void **state)
{
    struct fixture *f = *state;

    play_undecided(f, true);
    NOTIFY(f, .kind = EVENT_LICENSE_DEPROVISIONED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY), .event_time = begin_s + 200);
    find_nothing(f, SECOND_KEY, begin_s + 210);
    assert_int_equal(state_at(f, SECOND_KEY, begin_s + 400), STATE_ENDED);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_HELD);
    find_nothing(f, FIRST_KEY, begin_s + 400);
    struct subscription first = fixture_of_license(f, FIRST_KEY);
    assert_int_equal(record_evidence(&first).undecided_at, 0);
}

#define OTHER_ACCOUNT "999900001111"

static void nothing_follows_from_an_event_of_another_account(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-1", "CANCELLED");
    struct str first = fixture_of_license(f, FIRST_KEY).id;
    fixture_apply(f, first, SCOPE_LICENSE, begin_s + 10, NO_ROWS);
    fixture_apply(f, first, SCOPE_ACCOUNT, begin_s + 100,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(THIRD_KEY)))));
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_ENDED);
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(OTHER_ACCOUNT),
           .agreement_id = STR("agmt-9"), .intent = STR("RENEW"),
           .previous_agreement_id = STR("agmt-1"), .event_time = begin_s + 200);
    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(OTHER_ACCOUNT), .license = STR(SECOND_KEY),
           .agreement_id = STR("agmt-9"), .event_time = begin_s + 201);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 300), STATE_ENDED);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);

    NOTIFY(f, .kind = EVENT_AGREEMENT_ENDED, .account_id = STR(OTHER_ACCOUNT),
           .agreement_id = STR("agmt-3"), .status = STR("CANCELLED"), .event_time = begin_s + 300);
    assert_int_equal(NOTIFY(f, .kind = EVENT_LICENSE_DEPROVISIONED, .product_code = STR(PRODUCT),
                            .account_id = STR(OTHER_ACCOUNT), .license = STR(THIRD_KEY),
                            .agreement_id = STR("agmt-3"), .event_time = begin_s + 300)
                         .outcome,
                     OUTCOME_NOT_UNDERSTOOD);
    struct subscription third = fixture_of_license(f, THIRD_KEY);
    assert_int_equal(record_evidence(&third).notice, notice_none);
    assert_true(str_eq(third.account_id, STR(ACCOUNT)));
}

/* Whatever came first under a wrong account: the right one's events count. */
static void a_wrong_account_spoils_no_later_event(void **state)
{
    struct fixture *f = *state;

    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(OTHER_ACCOUNT),
           .agreement_id = STR("agmt-1"), .intent = STR("RENEW"), .event_time = begin_s - 9);
    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(OTHER_ACCOUNT), .license = STR(FIRST_KEY),
           .agreement_id = STR("agmt-1"), .event_time = begin_s - 8);
    enter(f, FIRST_KEY);
    begin_two(f);
    assert_true(str_eq(fixture_of_license(f, FIRST_KEY).account_id, STR(ACCOUNT)));
    end_agreement(f, "agmt-1", "CANCELLED");
    struct subscription first = fixture_of_license(f, FIRST_KEY);
    assert_int_equal(record_evidence(&first).notice, NOTICE_CANCELLED);
}

/* SNS names no licence: nothing that AWS sends can decide, so the operator is called and does. */
static void where_no_event_decides_the_operator_does(void **state)
{
    struct fixture *f = *state;
    struct held_decide_params params = {.decision = HELD_ACCEPT};
    struct held_decide_result result;

    enter(f, FIRST_KEY);
    enter(f, THIRD_KEY);
    struct aws_entitlement_list both = ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY))),
                                               SEATS(9, .license_arn = STR(ARN(THIRD_KEY))));
    fixture_apply(f, fixture_of_license(f, FIRST_KEY).id, SCOPE_ACCOUNT, begin_s, both);
    fixture_apply(f, fixture_of_license(f, THIRD_KEY).id, SCOPE_ACCOUNT, begin_s, both);
    find_gone(f, FIRST_KEY, begin_s + 10);
    find_gone(f, THIRD_KEY, begin_s + 20);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_HELD);
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 200), STATE_HELD);
    assert_int_equal(fixture_alarms(f), 1);
    params.handle = fixture_of_license(f, THIRD_KEY).id;
    assert_int_equal(fixture_write(f, on_held_decide, &params, &result), ERROR_NONE);
    ask_again(f, FIRST_KEY, begin_s + 300);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 300), STATE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_registered_renews_no_other),
        fixture_test(another_tenant_has_bought_it),
        fixture_test(the_same_tenant_goes_on_in_it),
        fixture_test(what_has_ended_goes_on_in_nothing),
        fixture_test(what_is_held_takes_no_later_purchase),
        fixture_test(a_licence_that_its_renewal_keeps_goes_on_for_whom_it_went_on),
        fixture_test(what_replaces_an_agreement_within_a_licence_renews_no_other),
        fixture_test(a_replacement_is_not_the_renewal_of_one_that_was_renewed),
        fixture_test(what_awaits_a_successor_that_is_over_has_ended),
        fixture_test(nothing_is_undecided_once_the_new_licence_is_over),
        fixture_test(nothing_follows_from_an_event_of_another_account),
        fixture_test(where_no_event_decides_the_operator_does),
        fixture_test(a_wrong_account_spoils_no_later_event),
        fixture_test(what_was_never_granted_is_not_renewed),
    };

    begin_s = clock_wall_s() - 3 * 3600;
    return cmocka_run_group_tests_name("services/store_succession", tests, NULL, NULL);
}
