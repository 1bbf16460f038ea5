/* Of two agreements of an account that are over, one was renewed: whose is the new licence? */
#include "tests/support/store_fixture.h"

/* Some hours ago: what is held now counts, and nothing lies in the future. */
static int64_t begin_s;

/* The renewal's own events are late: GetEntitlements lists its licence before anything says whose
 * it is. */
static void begin_two(struct fixture *f)
{
    static const char *const keys[] = {FIRST_KEY, THIRD_KEY};

    for (size_t i = 0; i < 2; i++) {
        struct str key = str_of(keys[i]);
        NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
               .account_id = STR(ACCOUNT), .license = key,
               .agreement_id = i ? STR("agmt-3") : STR("agmt-1"), .event_time = begin_s);
        fixture_apply(f, fixture_of_license(f, keys[i]).id, SCOPE_ACCOUNT, begin_s,
                      ROWS_OF(SEATS(9, .license_arn = STR(ARN(FIRST_KEY))),
                              SEATS(9, .license_arn = STR(ARN(THIRD_KEY)))));
    }
}

/* AWS lists nothing of it but a new licence of the account. */
static void find_gone(struct fixture *f, const char *key, int64_t at_s)
{
    struct str id = fixture_of_license(f, key).id;

    fixture_apply(f, id, SCOPE_LICENSE, at_s, NO_ROWS);
    fixture_apply(f, id, SCOPE_ACCOUNT, at_s + 90,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)))));
}

static void ask_again(struct fixture *f, const char *key, int64_t at_s)
{
    fixture_apply(f, fixture_of_license(f, key).id, SCOPE_ACCOUNT, at_s,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)))));
}

static void end_agreement(struct fixture *f, const char *agreement, const char *status)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_ENDED, .account_id = STR(ACCOUNT),
           .agreement_id = str_of(agreement), .status = str_of(status), .event_time = begin_s + 5);
}

static enum outcome tell_whose_renewal(struct fixture *f, const char *previous)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-2"), .intent = STR("RENEW"),
           .previous_agreement_id = str_of(previous), .event_time = begin_s + 6);
    return NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
                  .account_id = STR(ACCOUNT), .license = STR(SECOND_KEY),
                  .agreement_id = STR("agmt-2"), .event_time = begin_s + 7)
        .outcome;
}

static enum state state_at(struct fixture *f, const char *key, int64_t at_s)
{
    struct subscription record = fixture_of_license(f, key);

    return record_state(&record, &f->books.policy, at_s, false);
}

static bool is_renewed_as(struct fixture *f, const char *old, const char *new)
{
    struct subscription before = fixture_of_license(f, old), after = fixture_of_license(f, new);

    return str_eq(before.successor, after.id) && str_eq(after.predecessor, before.id);
}

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

/* Whichever is asked about first: nobody is given the new licence, and nobody is cut off. */
static void play_undecided(struct fixture *f, bool renewed_first)
{
    begin_two(f);
    find_gone(f, renewed_first ? THIRD_KEY : FIRST_KEY, begin_s + 10);
    find_gone(f, renewed_first ? FIRST_KEY : THIRD_KEY, begin_s + 20);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).predecessor.len, 0);
    assert_int_equal(state_at(f, SECOND_KEY, begin_s + 200), STATE_ACTIVE);
    assert_int_equal(state_at(f, FIRST_KEY, begin_s + 200), STATE_HELD);
    assert_int_equal(state_at(f, THIRD_KEY, begin_s + 200), STATE_HELD);
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

/* The first licence is given the new one, for nothing else is possible. */
static void infer(struct fixture *f)
{
    begin_two(f);
    end_agreement(f, "agmt-3", "CANCELLED");
    find_gone(f, FIRST_KEY, begin_s + 10);
    assert_true(is_renewed_as(f, FIRST_KEY, SECOND_KEY));
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
