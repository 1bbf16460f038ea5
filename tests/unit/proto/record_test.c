/* A record's state, and what counts of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/record/record.h"
#include "tests/support/random.h"
#include "tests/support/record_fixture.h"

struct counting_case {
    const char *name;
    int64_t verified_at;
    int64_t expires_at;
    struct evidence evidence;
    int64_t now;
    enum counting want;
    enum state want_state;
};

static const struct counting_case counting_cases[] = {
    {"before its date", T - D, T, {0}, T - 1, COUNTING_YES, STATE_ACTIVE},
    {"without a date, long not asked", H, 0, {0}, 900 * D, COUNTING_YES, STATE_ACTIVE},
    {"at its date", T - D, T, {0}, T, COUNTING_GRACE, STATE_ACTIVE},
    {"same date again, not settled", T + H - 1, T, {0}, T + H, COUNTING_GRACE, STATE_ACTIVE},
    {"same date again after settling", T + H, T, {0}, T + H, COUNTING_EXPIRED, STATE_ACTIVE},
    {"not asked since, within grace", T - 1, T, {0}, T + 72 * H - 1, COUNTING_GRACE, STATE_ACTIVE},
    {"not asked since, past grace", T - 1, T, {0}, T + 72 * H, COUNTING_UNVERIFIED, STATE_ACTIVE},
    {"asked within settling, then no more",
     T + 60,
     T,
     {0},
     T + 72 * H,
     COUNTING_UNVERIFIED,
     STATE_ACTIVE},
    {"empty once", T - D, T, {EMPTY(T - D)}, T - H, COUNTING_HELD, STATE_ACTIVE},
    {"empty twice, nothing explains",
     T - D,
     T,
     {EMPTY_TWICE(T - D)},
     T - H,
     COUNTING_HELD,
     STATE_HELD},
    {"empty twice, still so when the date comes, but not asked after it",
     T - D,
     T,
     {EMPTY_TWICE(T - D)},
     T + 1,
     COUNTING_HELD,
     STATE_HELD},
    {"empty twice, also after the date",
     T,
     T,
     {EMPTY_TWICE(T - D)},
     T,
     COUNTING_ENDED,
     STATE_ENDED},
    {"empty once after the date, not confirmed", T, T, {EMPTY(T)}, T, COUNTING_HELD, STATE_ACTIVE},
    {"empty twice and announced",
     T - D,
     T,
     {EMPTY_TWICE(T - D), NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"announced, empty once",
     T - D,
     T,
     {EMPTY(T - D), NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_HELD,
     STATE_ACTIVE},
    {"announced, still listed",
     T - D,
     T,
     {NOTICE(CANCELLED, T - D)},
     T - H,
     COUNTING_YES,
     STATE_ACTIVE},
    {"empty twice, the product lists others",
     T - D,
     T,
     {EMPTY_TWICE(T - D), .product_alive_at = T - D},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"empty once, the product lists others",
     T - D,
     T,
     {EMPTY(T - D), .product_alive_at = T - D},
     T - H,
     COUNTING_HELD,
     STATE_ACTIVE},
    {"held to its limit",
     T - 20 * D,
     T,
     {EMPTY_TWICE(T - 20 * D)},
     T - 6 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"held past its limit",
     T - 20 * D,
     T,
     {EMPTY_TWICE(T - 20 * D)},
     T - 6 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"no date, nothing explains an end",
     3 * D,
     0,
     {EMPTY_TWICE(2 * D)},
     3 * D,
     COUNTING_HELD,
     STATE_HELD},
    {"renewed, no successor yet, ended otherwise",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .succeeded_at = T},
     T + 3 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"renewed, the successor did not come",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .succeeded_at = T},
     T + 3 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"renewed, date settled", T + H, T, {.succeeded_at = T}, T + H, COUNTING_HELD, STATE_ACTIVE},
    {"renewed, listed with a later date",
     T,
     T + 365 * D,
     {.succeeded_at = T},
     T + H,
     COUNTING_YES,
     STATE_ACTIVE},
    {"perhaps renewed, ended otherwise",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .undecided_at = T},
     T + 3 * D - 1,
     COUNTING_HELD,
     STATE_HELD},
    {"perhaps renewed, AWS never said so",
     T,
     T,
     {EMPTY_TWICE(T), NOTICE(DEPROVISIONED, T), .undecided_at = T},
     T + 3 * D,
     COUNTING_ENDED,
     STATE_ENDED},
    {"perhaps renewed, then cancelled",
     T - D,
     T,
     {EMPTY_TWICE(T - D), NOTICE(CANCELLED, T - D), .undecided_at = T - D},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
    {"perhaps renewed, an operator knows better",
     T - D,
     T,
     {EMPTY_TWICE(T - D), .undecided_at = T - D, .accepted_at = T - 2 * H},
     T - H,
     COUNTING_ENDED,
     STATE_ENDED},
};

static void entitlements_count_by_date_and_evidence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counting_cases) / sizeof(counting_cases[0]); i++) {
        struct counting_case c = counting_cases[i];
        struct entitlement entitlement = seats;
        struct subscription record = {
            .id = STR("s1"),
            .entitlements = {&entitlement, 1},
            .verified_at = c.verified_at,
            .evidence = &c.evidence,
        };
        entitlement.expires_at = c.expires_at;

        enum counting got = record_counting(&record, &entitlement, &policy_default, c.now);
        enum state got_state = record_state(&record, &policy_default, c.now, false);
        if (got != c.want || got_state != c.want_state)
            fail_msg("%s: counts %s in state %s, not %s in %s", c.name,
                     choice_text(&enumeration_counting, got),
                     choice_text(&enumeration_state, got_state),
                     choice_text(&enumeration_counting, c.want),
                     choice_text(&enumeration_state, c.want_state));
    }
}

static void one_date_to_come_does_not_explain_an_end(void **state)
{
    (void)state;
    struct evidence evidence = {EMPTY_TWICE(T)};
    struct entitlement both[] = {seats, seats};
    struct subscription record = {
        .entitlements = {both, 2}, .verified_at = T, .evidence = &evidence};

    both[1].expires_at = T + 1;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_HELD);
    assert_false(record_end_is_explained(&record));
    both[1].expires_at = T;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_ENDED);
}

static void nothing_granted_is_pending_not_ended(void **state)
{
    (void)state;
    struct evidence evidence = {EMPTY_TWICE(T), .product_alive_at = T};
    struct subscription record = {.verified_at = T + 60, .evidence = &evidence};

    assert_int_equal(record_state(&record, &policy_default, T + 99 * D, false), STATE_PENDING);
    record.payment_failed_at = T;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PAYMENT_FAILED);
    record.evidence = NULL;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PAYMENT_FAILED);
    record.payment_failed_at = 0;
    assert_int_equal(record_state(&record, &policy_default, T, false), STATE_PENDING);
    record.evidence = &evidence;
    evidence.notice = NOTICE_CANCELLED;
    assert_int_equal(record_state(&record, &policy_default, T + 60, false), STATE_ENDED);
}

static void an_active_successor_ends_a_record(void **state)
{
    (void)state;
    struct subscription record = {.entitlements = {&seats, 1}, .verified_at = T - D};

    assert_int_equal(record_state(&record, &policy_default, T - D, true), STATE_ENDED);
    assert_int_equal(record_state(&record, &policy_default, T - D, false), STATE_ACTIVE);
}

static void old_answers_are_stale(void **state)
{
    (void)state;
    struct subscription record = {.verified_at = T};

    assert_false(record_is_stale(&record, &policy_default, T + 12 * H));
    assert_true(record_is_stale(&record, &policy_default, T + 12 * H + 1));
    assert_false(record_is_stale(&record, &policy_default, T - 60));
    /* A clock that was ahead stamped it: nobody knows how old it is. */
    assert_true(record_is_stale(&record, &policy_default, T - H));
    record.verified_at = 0;
    assert_true(record_is_stale(&record, &policy_default, T));
}

/* A clock that was years ahead has been set back since: what it stamped says nothing about dates,
 * and AWS is asked at once, unless AWS's own word has ended the record. */
static void what_was_verified_in_the_future_is_not_believed(void **state)
{
    (void)state;
    struct entitlement entitlement = seats;
    struct evidence evidence = {0};
    struct subscription record = {.entitlements = {&entitlement, 1}, .verified_at = T + 365 * D};
    enum due_class class;
    entitlement.expires_at = T;

    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T - D), COUNTING_YES);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 2 * H),
                     COUNTING_GRACE);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 100 * H),
                     COUNTING_UNVERIFIED);
    assert_int_equal(record_counting(&record, &entitlement, &policy_default, T + 365 * D),
                     COUNTING_EXPIRED);
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), T - D);
    assert_int_equal(class, DUE_EXPIRY);

    /* Ended, by what such a clock made of a date: asked. By a notice: not. */
    record.evidence = &evidence;
    evidence.empty_at = evidence.empty_again_at = T + 365 * D;
    assert_int_equal(record_state(&record, &policy_default, T - D, false), STATE_ENDED);
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), T - D);
    evidence.notice = NOTICE_CANCELLED;
    assert_int_equal(record_next_due_s(&record, &policy_default, T - D, &class), 0);

    /* Registered in such a future, and pending: asked hourly, not all the time. */
    record = (struct subscription){
        .created_at = T + 365 * D, .registered_at = T + 365 * D, .verified_at = T};
    assert_int_equal(record_next_due_s(&record, &policy_default, T, &class), T + H);
    assert_int_equal(class, DUE_PENDING);
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The last moment at which anything may count, from the promises of docs/architecture.md. */
static int64_t bound_of(const struct subscription *record, const struct entitlement *entitlement)
{
    struct evidence evidence = record_evidence(record);
    const struct policy *policy = &policy_default;
    int64_t bound = INT64_MAX;

    if (entitlement->expires_at != 0)
        bound = entitlement->expires_at + latest(policy->grace_s, policy->settling_s);
    if (evidence.empty_at != 0 && evidence.empty_at + policy->hold_limit_s < bound)
        bound = evidence.empty_at + policy->hold_limit_s;
    if (evidence.succeeded_at != 0)
        bound = latest(bound, evidence.succeeded_at + policy->successor_wait_s);
    if (evidence.undecided_at != 0)
        bound = latest(bound, evidence.undecided_at + policy->successor_wait_s);
    return bound;
}

/* What counts as held is shown to the operator with its limit, and ends at his word. */
static void assert_shown_and_decidable(const struct subscription *record, int64_t now)
{
    struct evidence evidence = record_evidence(record);
    struct subscription accepted = *record;
    int64_t until = 0;

    assert_int_not_equal(record_held(record, &policy_default, now, &until), held_reason_none);
    assert_true(until > now);
    assert_true(until <= bound_of(record, &record->entitlements.items[0]));
    evidence.accepted_at = now;
    accepted.evidence = &evidence;
    assert_int_equal(record_state(&accepted, &policy_default, now, false), STATE_ENDED);
}

static void nothing_counts_past_its_stated_time(void **state)
{
    (void)state;
    struct random random = random_seeded("nothing_counts_past_its_stated_time");

    for (int i = 0; i < 100000; i++) {
        struct entitlement entitlement = seats;
        struct evidence evidence = {0};
        struct subscription record = {.entitlements = {&entitlement, 1}, .evidence = &evidence};

        entitlement.expires_at = random_chance(&random, 80) ? T : 0;
        record.verified_at = T + random_between(&random, -20 * D, 5 * D);
        if (random_chance(&random, 50))
            evidence.empty_at = record.verified_at - random_between(&random, 0, 20 * D);
        if (evidence.empty_at && random_chance(&random, 50))
            evidence.empty_again_at = evidence.empty_at + 60;
        if (random_chance(&random, 20))
            evidence.succeeded_at = T + random_between(&random, -5 * D, 5 * D);
        if (random_chance(&random, 20))
            evidence.undecided_at = T + random_between(&random, -5 * D, 5 * D);
        if (random_chance(&random, 20))
            evidence.notice = NOTICE_CANCELLED;
        int64_t now = latest(record.verified_at, T + random_between(&random, -20 * D, 30 * D));

        enum counting got = record_counting(&record, &entitlement, &policy_default, now);
        bool counts = got == COUNTING_YES || got == COUNTING_GRACE || got == COUNTING_HELD;
        if (counts)
            assert_true(now < bound_of(&record, &entitlement));
        if (got == COUNTING_HELD)
            assert_shown_and_decidable(&record, now);
        if (record_state(&record, &policy_default, now, false) == STATE_ENDED)
            assert_int_equal(got, COUNTING_ENDED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entitlements_count_by_date_and_evidence),
        cmocka_unit_test(one_date_to_come_does_not_explain_an_end),
        cmocka_unit_test(nothing_granted_is_pending_not_ended),
        cmocka_unit_test(an_active_successor_ends_a_record),
        cmocka_unit_test(old_answers_are_stale),
        cmocka_unit_test(what_was_verified_in_the_future_is_not_believed),
        cmocka_unit_test(nothing_counts_past_its_stated_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
