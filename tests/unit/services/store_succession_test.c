/* Whose renewal a new licence is, as far as events tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/succession_fixture.h"

/* Neither was registered: a sweep brought both. */
static void what_was_there_beside_it_is_no_renewal(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    fixture_make_older(f, FIRST_KEY, 30 * 86400);
    fixture_make_older(f, THIRD_KEY, 30 * 86400);
    struct str third = fixture_of_license(f, THIRD_KEY).id;
    fixture_apply(f, third, SCOPE_LICENSE, begin_s + 10, NO_ROWS);
    fixture_apply(f, third, SCOPE_ACCOUNT, begin_s + 100,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
    assert_int_equal(fixture_of_license(f, THIRD_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).predecessor.len, 0);
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 150), STATE_ENDED);
}

static void the_renewal_of_another_is_not_taken_for_ones_own(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-3", "RENEWED");
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_ENDED);
    find_gone(f, THIRD_KEY, begin_s + 20);
    assert_true(is_renewed_as(f, THIRD_KEY, SECOND_KEY));
}

static void what_has_ended_before_is_not_who_was_renewed(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    struct str third = fixture_of_license(f, THIRD_KEY).id;
    struct register_params registered = {.product_code = STR(PRODUCT),
                                         .license_arn = STR(ARN(FIRST_KEY)),
                                         .account_id = STR(ACCOUNT)};
    struct register_result result = {0};
    assert_int_equal(fixture_write(f, on_register, &registered, &result), ERROR_NONE);
    fixture_apply(f, result.subscription->id, SCOPE_LICENSE, begin_s + 5,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
    fixture_apply(f, third, SCOPE_LICENSE, begin_s + 10, NO_ROWS);
    fixture_apply(f, third, SCOPE_ACCOUNT, begin_s + 100,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 150), STATE_ENDED);
    assert_int_equal(fixture_of_license(f, THIRD_KEY).successor.len, 0);
    find_gone(f, FIRST_KEY, begin_s + 200);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 400), STATE_ENDED);
}

static void play_told(struct fixture *f, bool renewed_first)
{
    play_undecided(f, renewed_first);
    assert_int_equal(tell_whose_renewal(f, "agmt-3"), OUTCOME_APPLIED);
    assert_true(is_renewed_as(f, THIRD_KEY, SECOND_KEY));
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    ask_again(f, FIRST_KEY, begin_s + 300);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 300), STATE_ENDED);
}

static void of_two_that_end_aws_says_which_was_renewed(void **state)
{
    play_told(*state, true);
}

static void in_either_order(void **state)
{
    play_told(*state, false);
}

static void what_is_cancelled_leaves_the_renewal_to_the_other(void **state)
{
    struct fixture *f = *state;

    play_undecided(f, false);
    end_agreement(f, "agmt-1", "CANCELLED");
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_ENDED);
    ask_again(f, THIRD_KEY, begin_s + 300);
    assert_true(is_renewed_as(f, THIRD_KEY, SECOND_KEY));
}

static void what_nobody_decides_ends(void **state)
{
    struct fixture *f = *state;
    int64_t wait_s = f->books.policy.successor_wait_s;

    play_undecided(f, true);
    ask_again(f, FIRST_KEY, begin_s + 3600);
    fixture_apply(f, fixture_of_license(f, FIRST_KEY).id, SCOPE_ACCOUNT, begin_s + 7200, NO_ROWS);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + wait_s), STATE_HELD);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 110 + wait_s), STATE_ENDED);
}

static void what_aws_says_of_a_renewal_undoes_what_was_inferred(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    assert_int_equal(tell_whose_renewal(f, "agmt-3"), OUTCOME_APPLIED);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_true(is_renewed_as(f, THIRD_KEY, SECOND_KEY));
}

/* An answer about one of them that lists both. */
static void list_both(struct fixture *f, const char *asked, int64_t at_s)
{
    fixture_apply(f, fixture_of_license(f, asked).id, SCOPE_ACCOUNT, at_s,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY))),
                          SEATS(9, .license_arn = STR(ARN(FIRST_KEY)))));
}

static void assert_apart(struct fixture *f)
{
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_ACTIVE);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
}

static void what_aws_lists_again_goes_on_in_no_other(void **state)
{
    struct fixture *f = *state;

    infer(f);
    list_both(f, FIRST_KEY, begin_s + 50); /* older than what was inferred from */
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    list_both(f, FIRST_KEY, begin_s + 300);
    assert_apart(f);
}

static void whichever_was_asked_about(void **state)
{
    struct fixture *f = *state;

    infer(f);
    list_both(f, SECOND_KEY, begin_s + 300);
    assert_apart(f);
}

/* The renewal may keep the licence: that an agreement was renewed does not say as what. */
static void also_where_aws_announced_its_renewal(void **state)
{
    struct fixture *f = *state;

    infer(f);
    end_agreement(f, "agmt-1", "RENEWED");
    list_both(f, FIRST_KEY, begin_s + 300);
    assert_apart(f);
}

static void unless_aws_named_the_two(void **state)
{
    struct fixture *f = *state;

    infer(f);
    assert_int_equal(tell_whose_renewal(f, "agmt-1"), OUTCOME_APPLIED);
    list_both(f, FIRST_KEY, begin_s + 300);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
}

/* A licence is renewed as another, and that one is renewed and kept. */
static void play_kept(struct fixture *f, bool licence_told, bool created_first)
{
    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    end_agreement(f, "agmt-1", "RENEWED");
    if (licence_told) {
        tell_whose_renewal(f, "agmt-1");
    } else {
        find_gone(f, FIRST_KEY, begin_s + 10);
        NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
               .agreement_id = STR("agmt-2"), .intent = STR("RENEW"),
               .previous_agreement_id = STR("agmt-1"), .event_time = begin_s + 6);
    }
    end_agreement(f, "agmt-2", "RENEWED");
    for (int i = 0; i < 2; i++) {
        if (created_first == (i == 0))
            NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
                   .agreement_id = STR("agmt-4"), .intent = STR("RENEW"),
                   .previous_agreement_id = STR("agmt-2"), .event_time = begin_s + 20);
        else
            NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
                   .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY),
                   .agreement_id = STR("agmt-4"), .event_time = begin_s + 21);
    }
}

static void a_renewal_that_keeps_the_licence_leaves_what_it_renewed_before(void **state)
{
    for (int i = 0; i < 4; i++) {
        struct fixture *f = *state;
        play_kept(f, i & 1, i & 2);
        assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
        ask_again(f, FIRST_KEY, begin_s + 300);
        assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
        fixture_tear_down(state);
        fixture_set_up(state);
    }
}

/* Forged events name each other in a circle. */
static void a_circle_of_renewals_leads_nowhere(void **state)
{
    struct fixture *f = *state;

    infer(f);
    tell_whose_renewal(f, "agmt-4");
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-4"), .intent = STR("RENEW"),
           .previous_agreement_id = STR("agmt-2"), .event_time = begin_s + 6);
    ask_again(f, FIRST_KEY, begin_s + 300);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
}

static void whoever_was_cancelled_goes_on_in_no_other(void **state)
{
    struct fixture *f = *state;

    infer(f);
    end_agreement(f, "agmt-1", "CANCELLED");
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 400), STATE_ENDED);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    assert_int_equal(state_at(f, SECOND_KEY, begin_s + 400), STATE_ACTIVE);
}

static void a_new_agreement_is_not_the_renewal_of_one_that_was_renewed(void **state)
{
    struct fixture *f = *state;

    infer(f);
    end_agreement(f, "agmt-1", "RENEWED");
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-2"), .intent = STR("NEW"), .event_time = begin_s + 6);
    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY), .agreement_id = STR("agmt-2"),
           .event_time = begin_s + 7);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
}

/* AWS's events of a reseller's renewals name no agreement before it. */
static void what_aws_says_of_both_ends_undoes_what_was_inferred(void **state)
{
    struct fixture *f = *state;

    begin_two(f);
    NOTIFY(f, .kind = EVENT_AGREEMENT_ENDED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-3"), .status = STR("EXPIRED"), .event_time = begin_s + 4);
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
    end_agreement(f, "agmt-3", "RENEWED");
    tell_whose_renewal(f, "");
    assert_true(is_renewed_as(f, THIRD_KEY, SECOND_KEY));
    assert_int_equal(fixture_of_license(f, FIRST_KEY).successor.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_was_there_beside_it_is_no_renewal),
        fixture_test(the_renewal_of_another_is_not_taken_for_ones_own),
        fixture_test(what_has_ended_before_is_not_who_was_renewed),
        fixture_test(of_two_that_end_aws_says_which_was_renewed),
        fixture_test(in_either_order),
        fixture_test(what_is_cancelled_leaves_the_renewal_to_the_other),
        fixture_test(what_nobody_decides_ends),
        fixture_test(what_aws_says_of_a_renewal_undoes_what_was_inferred),
        fixture_test(what_aws_lists_again_goes_on_in_no_other),
        fixture_test(whichever_was_asked_about),
        fixture_test(also_where_aws_announced_its_renewal),
        fixture_test(unless_aws_named_the_two),
        fixture_test(a_renewal_that_keeps_the_licence_leaves_what_it_renewed_before),
        fixture_test(a_circle_of_renewals_leads_nowhere),
        fixture_test(whoever_was_cancelled_goes_on_in_no_other),
        fixture_test(a_new_agreement_is_not_the_renewal_of_one_that_was_renewed),
        fixture_test(what_aws_says_of_both_ends_undoes_what_was_inferred),
    };

    begin_s = clock_wall_s() - 3 * 3600;
    return cmocka_run_group_tests_name("services/store_succession", tests, NULL, NULL);
}
