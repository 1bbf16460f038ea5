/* What AWS lists, applied to one record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/work/scope.h"
#include "tests/support/apply_fixture.h"

static enum applied empty(struct subscription *record, int64_t began_at, enum scope scope,
                          bool product_alive, struct arena *arena)
{
    static const struct aws_entitlement_list none;

    return apply_answer(record, &none, &(struct asked){began_at, scope, product_alive, true, LATER},
                        policy, arena);
}

static void a_listing_is_applied_at_once(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();

    assert_int_equal(listed(&record, D, 10, &arena), APPLIED_CHANGED);
    assert_int_equal(record.entitlements.count, 1);
    assert_int_equal(record.entitlements.items[0].value.integer, 10);
    assert_int_equal(record.verified_at, D);
    assert_int_equal(listed(&record, D + 5, 10, &arena), APPLIED_VERIFIED);
    assert_int_equal(record.verified_at, D + 5);
    assert_int_equal(listed(&record, D + 6, 25, &arena), APPLIED_CHANGED);
    assert_int_equal(record.entitlements.items[0].value.integer, 25);
    assert_int_equal(listed(&record, D + 5, 10, &arena), APPLIED_NOTHING);
    assert_int_equal(empty(&record, D + 5, SCOPE_ACCOUNT, true, &arena), APPLIED_NOTHING);
    assert_int_equal(record.entitlements.items[0].value.integer, 25);
    assert_int_equal(listed(&record, D + 6, 25, &arena), APPLIED_NOTHING);
    arena_done(&arena);
}

static void the_order_of_rows_is_no_change(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    struct aws_entitlement rows[] = {
        {.dimension = STR("b"), .value = {.kind = VALUE_STRING, .string = STR("x")}},
        {.dimension = STR("a"), .value = {.kind = VALUE_BOOLEAN, .boolean = true}},
        {.dimension = STR("a"), .value = {.kind = VALUE_INTEGER, .integer = 2}},
        {.dimension = STR("a"), .value = {.kind = VALUE_INTEGER, .integer = 1}},
        {.dimension = STR("a"), .value = {.kind = VALUE_DOUBLE, .number = 0.5}},
        {.dimension = STR("c")},
    };
    struct aws_entitlement_list list = {rows, 6};

    apply_answer(&record, &list, &(struct asked){D, SCOPE_LICENSE, false, true, LATER}, policy,
                 &arena);
    struct aws_entitlement first = rows[0];
    rows[0] = rows[3];
    rows[3] = first;
    assert_int_equal(apply_answer(&record, &list,
                                  &(struct asked){D + 1, SCOPE_LICENSE, false, true, LATER}, policy,
                                  &arena),
                     APPLIED_VERIFIED);
    rows[3].value.string = STR("y");
    assert_int_equal(apply_answer(&record, &list,
                                  &(struct asked){D + 2, SCOPE_LICENSE, false, true, LATER}, policy,
                                  &arena),
                     APPLIED_CHANGED);
    arena_done(&arena);
}

static void one_empty_answer_ends_nothing(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    bool probe;

    listed(&record, D, 10, &arena);
    assert_int_equal(scope_of(&record, &probe), SCOPE_LICENSE);
    assert_int_equal(empty(&record, 2 * D, SCOPE_LICENSE, false, &arena), APPLIED_CHANGED);
    assert_int_equal(state_of(&record, 2 * D), STATE_ACTIVE);
    assert_int_equal(record.entitlements.count, 1);
    assert_int_equal(scope_of(&record, &probe), SCOPE_ACCOUNT);
    assert_true(probe);

    /* Too soon, or too narrow, confirms nothing. */
    assert_int_equal(empty(&record, 2 * D + 59, SCOPE_ACCOUNT, false, &arena), APPLIED_VERIFIED);
    assert_int_equal(empty(&record, 2 * D + 90, SCOPE_LICENSE, false, &arena), APPLIED_VERIFIED);
    assert_int_equal(state_of(&record, 2 * D + 90), STATE_ACTIVE);
    assert_int_equal(empty(&record, 2 * D + 100, SCOPE_ACCOUNT, false, &arena), APPLIED_CHANGED);
    assert_int_equal(state_of(&record, 2 * D + 100), STATE_HELD);
    assert_int_equal(empty(&record, 3 * D, SCOPE_ACCOUNT, true, &arena), APPLIED_CHANGED);
    assert_int_equal(state_of(&record, 3 * D), STATE_ENDED);
    arena_done(&arena);
}

static void an_announced_end_needs_two_empty_answers(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    bool probe;

    listed(&record, D, 10, &arena);
    assert_true(apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena));
    assert_false(apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena));
    assert_int_equal(state_of(&record, 2 * D), STATE_ACTIVE);
    empty(&record, 2 * D + 1, SCOPE_LICENSE, false, &arena);
    assert_int_equal(state_of(&record, 2 * D + 1), STATE_ACTIVE);
    assert_int_equal(scope_of(&record, &probe), SCOPE_ACCOUNT);
    assert_false(probe);
    empty(&record, 2 * D + 61, SCOPE_ACCOUNT, false, &arena);
    assert_int_equal(state_of(&record, 2 * D + 61), STATE_ENDED);

    /* Bought again under the same name. */
    assert_int_equal(listed(&record, 4 * D, 10, &arena), APPLIED_CHANGED);
    assert_null(record.evidence);
    assert_int_equal(state_of(&record, 4 * D), STATE_ACTIVE);
    arena_done(&arena);
}

static void a_later_listing_refutes_a_notice(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();

    apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena);
    listed(&record, 2 * D + H - 1, 10, &arena);
    assert_int_equal(record_evidence(&record).notice, NOTICE_CANCELLED);
    assert_int_equal(listed(&record, 2 * D + H, 10, &arena), APPLIED_CHANGED);
    assert_null(record.evidence);
    assert_false(apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena));
    assert_true(apply_notice(&record, NOTICE_DEPROVISIONED, 2 * D + 1, LATER, &arena));

    /* What was refuted before an end does not explain it. */
    listed(&record, 4 * D, 10, &arena);
    empty(&record, 5 * D, SCOPE_LICENSE, false, &arena);
    assert_false(apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena));
    assert_true(apply_notice(&record, NOTICE_CANCELLED, 5 * D - 60, LATER, &arena));
    arena_done(&arena);
}

static void a_renewed_subscription_waits_for_its_successor(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();

    listed(&record, T - D, 10, &arena);
    assert_true(apply_succeeded(&record, T, &arena));
    assert_false(apply_succeeded(&record, T, &arena));
    assert_false(apply_succeeded(&record, T - 1, &arena));
    apply_notice(&record, NOTICE_DEPROVISIONED, T, LATER, &arena);
    empty(&record, T + 5, SCOPE_LICENSE, true, &arena);
    empty(&record, T + 65, SCOPE_ACCOUNT, true, &arena);
    assert_int_equal(state_of(&record, T + 65), STATE_HELD);
    assert_int_equal(record_state(&record, policy, T + 65, true), STATE_ENDED);
    assert_int_equal(state_of(&record, T + 3 * D), STATE_ENDED);
    arena_done(&arena);
}

static void what_never_had_anything_stays_pending(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    bool probe;

    empty(&record, D, SCOPE_LICENSE, false, &arena);
    assert_int_equal(scope_of(&record, &probe), SCOPE_LICENSE);
    assert_false(probe);
    empty(&record, D + 90, SCOPE_ACCOUNT, true, &arena);
    assert_int_equal(state_of(&record, 40 * D), STATE_PENDING);
    assert_true(apply_payment_failed(&record, 2 * D));
    assert_int_equal(state_of(&record, 2 * D), STATE_PAYMENT_FAILED);
    assert_false(apply_payment_succeeded(&record, 2 * D));
    assert_true(apply_payment_succeeded(&record, 2 * D + 1));
    assert_int_equal(state_of(&record, 2 * D), STATE_PENDING);
    apply_payment_failed(&record, 2 * D + 2);
    empty(&record, 2 * D + 3, SCOPE_ACCOUNT, true, &arena);
    assert_int_equal(state_of(&record, 2 * D + 3), STATE_PAYMENT_FAILED);
    assert_int_equal(listed(&record, 2 * D + 4, 10, &arena), APPLIED_CHANGED);
    assert_int_equal(record.payment_failed_at, 0);
    assert_int_equal(state_of(&record, 2 * D + 4), STATE_ACTIVE);
    assert_false(apply_payment_failed(&record, 2 * D + 2));
    arena_done(&arena);
}

static void an_older_version_stays_as_it_was(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();

    listed(&record, D, 10, &arena);
    empty(&record, 2 * D, SCOPE_LICENSE, false, &arena);
    struct subscription before = record;
    apply_notice(&record, NOTICE_CANCELLED, 2 * D, LATER, &arena);
    empty(&record, 3 * D, SCOPE_ACCOUNT, false, &arena);
    listed(&record, 4 * D, 25, &arena);
    assert_int_equal(before.evidence->notice, notice_none);
    assert_int_equal(before.evidence->empty_at, 2 * D);
    assert_int_equal(before.evidence->empty_again_at, 0);
    assert_int_equal(before.entitlements.items[0].value.integer, 10);
    arena_done(&arena);
}

static void the_scope_follows_what_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *license_arn, *license_key, *customer_identifier, *account_id;
        enum scope want;
        enum scope want_after_empty;
    } cases[] = {
        {"new listing", "arn:x", "l-00aa", "", "1", SCOPE_LICENSE, SCOPE_ACCOUNT},
        {"an event's licence", "", "l-00aa", "", "1", SCOPE_ACCOUNT, SCOPE_ACCOUNT},
        {"legacy", "", "", "c", "1", SCOPE_CUSTOMER_IDENTIFIER, SCOPE_ACCOUNT},
        {"legacy without account", "", "", "c", "", SCOPE_CUSTOMER_IDENTIFIER,
         SCOPE_CUSTOMER_IDENTIFIER},
        {"account alone", "", "", "", "1", SCOPE_ACCOUNT, SCOPE_ACCOUNT},
        {"licence alone", "arn:x", "l-00aa", "", "", SCOPE_LICENSE, SCOPE_LICENSE},
        {"an event's licence alone", "", "l-00aa", "", "", scope_none, scope_none},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct entitlement entitlement = {.dimension = STR("seats")};
        struct evidence evidence = {.empty_at = D};
        struct subscription record = {
            .license_arn = str_of(cases[i].license_arn),
            .license_key = str_of(cases[i].license_key),
            .customer_identifier = str_of(cases[i].customer_identifier),
            .account_id = str_of(cases[i].account_id),
            .entitlements = {&entitlement, 1},
        };
        bool probe;

        enum scope got = scope_of(&record, &probe);
        record.evidence = &evidence;
        enum scope got_after_empty = scope_of(&record, &probe);
        if (got != cases[i].want || got_after_empty != cases[i].want_after_empty || !probe)
            fail_msg("%s: %s, then %s", cases[i].name, choice_text(&enumeration_scope, got),
                     choice_text(&enumeration_scope, got_after_empty));
    }
}

static void without_account_any_scope_confirms(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();

    record.account_id = STR_NONE;
    listed(&record, D, 10, &arena);
    empty(&record, 2 * D, SCOPE_LICENSE, false, &arena);
    empty(&record, 3 * D, SCOPE_LICENSE, true, &arena);
    assert_int_equal(state_of(&record, 3 * D), STATE_ENDED);
    arena_done(&arena);
}

int main(void)
{
    soon = policy_default;
    soon.unannounced_end_s = soon.confirm_delay_s;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_applied_at_once),
        cmocka_unit_test(the_order_of_rows_is_no_change),
        cmocka_unit_test(one_empty_answer_ends_nothing),
        cmocka_unit_test(an_announced_end_needs_two_empty_answers),
        cmocka_unit_test(a_later_listing_refutes_a_notice),
        cmocka_unit_test(a_renewed_subscription_waits_for_its_successor),
        cmocka_unit_test(what_never_had_anything_stays_pending),
        cmocka_unit_test(an_older_version_stays_as_it_was),
        cmocka_unit_test(the_scope_follows_what_is_known),
        cmocka_unit_test(without_account_any_scope_confirms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
