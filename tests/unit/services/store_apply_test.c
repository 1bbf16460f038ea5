/* What AWS lists, applied to one record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "services/store/apply.h"
#include "tests/support/random.h"

enum { H = 3600, D = 24 * H, T = 100 * D, LATER = 10000 * D };

/* What the product's listing of others alone explains is confirmed as soon as the rest. */
static struct policy soon;
static const struct policy *const policy = &soon;

static struct aws_entitlement_list seats(int64_t count, int64_t expires_at)
{
    static struct aws_entitlement rows[1];

    rows[0] = (struct aws_entitlement){
        .dimension = STR("seats"),
        .value = {.kind = VALUE_INTEGER, .integer = count},
        .expires_at = expires_at,
    };
    return (struct aws_entitlement_list){rows, count > 0};
}

static enum applied listed(struct subscription *record, int64_t began_at, int64_t count,
                           struct arena *arena)
{
    struct aws_entitlement_list rows = seats(count, T);

    return apply_answer(record, &rows, &(struct asked){began_at, SCOPE_LICENSE, false, true, LATER},
                        policy, arena);
}

static enum applied empty(struct subscription *record, int64_t began_at, enum scope scope,
                          bool product_alive, struct arena *arena)
{
    static const struct aws_entitlement_list none;

    return apply_answer(record, &none, &(struct asked){began_at, scope, product_alive, true, LATER},
                        policy, arena);
}

static struct subscription new_record(void)
{
    return (struct subscription){
        .id = STR("s1"),
        .account_id = STR("111122223333"),
        .license_arn = STR("arn:aws:license-manager::1:license:l-00aa"),
        .license_key = STR("l-00aa"),
        .created_at = D,
    };
}

static enum state state_of(const struct subscription *record, int64_t now)
{
    return record_state(record, policy, now, false);
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
    assert_int_equal(apply_scope(&record, &probe), SCOPE_LICENSE);
    assert_int_equal(empty(&record, 2 * D, SCOPE_LICENSE, false, &arena), APPLIED_CHANGED);
    assert_int_equal(state_of(&record, 2 * D), STATE_ACTIVE);
    assert_int_equal(record.entitlements.count, 1);
    assert_int_equal(apply_scope(&record, &probe), SCOPE_ACCOUNT);
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
    assert_int_equal(apply_scope(&record, &probe), SCOPE_ACCOUNT);
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

static void of_two_notices_at_once_the_same_one_stays(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct subscription one = new_record(), other = new_record();

    apply_notice(&one, NOTICE_CANCELLED, D, LATER, &arena);
    apply_notice(&one, NOTICE_DEPROVISIONED, D, LATER, &arena);
    apply_notice(&other, NOTICE_DEPROVISIONED, D, LATER, &arena);
    apply_notice(&other, NOTICE_CANCELLED, D, LATER, &arena);
    assert_int_equal(one.evidence->notice, NOTICE_CANCELLED);
    assert_int_equal(other.evidence->notice, NOTICE_CANCELLED);
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
    assert_int_equal(apply_scope(&record, &probe), SCOPE_LICENSE);
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

        enum scope got = apply_scope(&record, &probe);
        record.evidence = &evidence;
        enum scope got_after_empty = apply_scope(&record, &probe);
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

/* One thing that is learnt about a record. */
struct fact {
    enum { ANSWER, END_NOTICE, SUCCEEDED, PAYMENT_FAILED } kind;
    int64_t at;
    int64_t count; /* of seats in an answer; 0: empty */
    enum scope scope;
    bool product_alive, proven;
    enum notice notice;
};

enum { FACTS = 12 };

/* The index makes all times different. */
static struct fact random_fact(struct random *random, int index)
{
    static const int kinds[] = {ANSWER, ANSWER, ANSWER, END_NOTICE, SUCCEEDED, PAYMENT_FAILED};

    return (struct fact){
        .kind = kinds[random_between(random, 0, 5)],
        .at = T + random_between(random, -1000, 1000) * FACTS + index,
        .count = random_chance(random, 40) ? random_between(random, 1, 3) : 0,
        .scope = (enum scope)random_between(random, SCOPE_LICENSE, SCOPE_ACCOUNT),
        .product_alive = random_chance(random, 20),
        .proven = random_chance(random, 50),
        .notice = (enum notice)random_between(random, NOTICE_CANCELLED, NOTICE_UNSUBSCRIBED),
    };
}

static enum applied learn(struct subscription *record, const struct fact *fact, struct arena *arena)
{
    struct aws_entitlement_list rows;

    switch (fact->kind) {
    case ANSWER:
        rows = seats(fact->count, T + fact->count * H);
        return apply_answer(
            record, &rows,
            &(struct asked){fact->at, fact->scope, fact->product_alive, fact->proven, LATER},
            policy, arena);
    case END_NOTICE:
        return apply_notice(record, fact->notice, fact->at, LATER, arena);
    case SUCCEEDED:
        return apply_succeeded(record, fact->at, arena);
    case PAYMENT_FAILED:
        return apply_payment_failed(record, fact->at);
    }
    return APPLIED_NOTHING;
}

static void swap(struct fact *a, struct fact *b)
{
    struct fact kept = *a;

    *a = *b;
    *b = kept;
}

static void shuffle(struct random *random, struct fact *facts)
{
    for (int i = FACTS - 1; i > 0; i--)
        swap(&facts[i], &facts[random_between(random, 0, i)]);
}

/* Puts the answers, where they stand, into the order of their times; a subscription is asked about
 * by one checker at a time, so only announcements come in any order. */
static void sort_answers(struct fact *facts)
{
    for (int i = 0; i < FACTS; i++) {
        for (int j = i + 1; j < FACTS; j++) {
            if (facts[i].kind == ANSWER && facts[j].kind == ANSWER && facts[j].at < facts[i].at)
                swap(&facts[i], &facts[j]);
        }
    }
}

/* Learns all; now and then something already learnt comes again, late. */
static struct subscription learn_all(struct random *random, const struct fact *facts,
                                     struct arena *arena)
{
    struct subscription record = new_record();

    for (int i = 0; i < FACTS; i++) {
        learn(&record, &facts[i], arena);
        const struct fact *again = &facts[random_between(random, 0, i)];
        if (again->kind != ANSWER || again->at < record.verified_at)
            assert_int_equal(learn(&record, again, arena), APPLIED_NOTHING);
    }
    return record;
}

static void no_order_of_the_same_facts_matters(void **state)
{
    (void)state;
    struct random random = random_seeded("no_order_of_the_same_facts_matters");

    for (int round = 0; round < 5000; round++) {
        struct arena arena = ARENA_INIT;
        struct fact facts[FACTS];

        for (int i = 0; i < FACTS; i++)
            facts[i] = random_fact(&random, i);
        shuffle(&random, facts);
        sort_answers(facts);
        struct subscription one = learn_all(&random, facts, &arena);
        shuffle(&random, facts);
        sort_answers(facts);
        struct subscription other = learn_all(&random, facts, &arena);
        if (!codec_equal(&shape_subscription, &one, &other)) {
            struct buf out = BUF_INIT;
            record_describe_change(&one, &other, &out);
            fail_msg("two orders differ: " STR_FMT, STR_ARG(buf_str(&out)));
        }
        arena_done(&arena);
    }
}

/* The clock was a year ahead when AWS answered, and was set back. */
static void what_comes_after_a_wrong_clock_counts(void **state)
{
    enum { NOW = 2 * D, AHEAD = NOW + 365 * D };
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    struct aws_entitlement_list ten = seats(10, T);
    static const struct aws_entitlement_list none;
    struct asked asked = {AHEAD, SCOPE_ACCOUNT, true, true, AHEAD};
    (void)state;

    assert_int_equal(apply_answer(&record, &ten, &asked, policy, &arena), APPLIED_CHANGED);
    assert_int_equal(record.verified_at, AHEAD);
    /* Still by that clock: what is older is older. */
    asked.began_at_s = AHEAD - 60;
    assert_int_equal(apply_answer(&record, &none, &asked, policy, &arena), APPLIED_NOTHING);
    /* A listing of a time that has not come refutes no notice. */
    assert_true(apply_notice(&record, NOTICE_CANCELLED, NOW - H, NOW, &arena));

    asked = (struct asked){NOW, SCOPE_ACCOUNT, true, true, NOW};
    assert_int_equal(apply_answer(&record, &none, &asked, policy, &arena), APPLIED_CHANGED);
    assert_int_equal(record.verified_at, NOW);
    assert_int_equal(record_evidence(&record).empty_at, NOW);
    assert_int_equal(record_evidence(&record).listed_at, 0);
    assert_int_equal(state_of(&record, NOW), STATE_ACTIVE);

    /* Evidence of such a time happened by now at the latest; the second call is still needed. */
    asked = (struct asked){AHEAD, SCOPE_ACCOUNT, true, true, AHEAD};
    record.evidence = &(struct evidence){.empty_at = AHEAD - D, .product_alive_at = AHEAD - D};
    record.verified_at = AHEAD - D;
    asked = (struct asked){NOW, SCOPE_ACCOUNT, true, true, NOW};
    assert_int_equal(apply_answer(&record, &none, &asked, policy, &arena), APPLIED_CHANGED);
    assert_int_equal(record_evidence(&record).empty_at, NOW);
    assert_int_equal(record_evidence(&record).product_alive_at, NOW);
    assert_int_equal(record_evidence(&record).empty_again_at, 0);
    asked.began_at_s = asked.now_s = NOW + policy->confirm_delay_s;
    apply_answer(&record, &none, &asked, policy, &arena);
    assert_int_equal(state_of(&record, NOW + policy->confirm_delay_s), STATE_ENDED);
    arena_done(&arena);
}

enum { START = 5 * D };

/* AWS lists others and nothing for this one, at these seconds after it was listed last. */
static bool ends_within(const int64_t *seconds, size_t count, enum notice notice)
{
    struct arena arena = ARENA_INIT;
    struct subscription record = new_record();
    struct evidence evidence = {.notice = notice, .notice_at = START};
    bool ended = false;

    listed(&record, START, 10, &arena);
    record.evidence = notice != notice_none ? &evidence : NULL;
    record.entitlements.items[0].expires_at = START + 365 * D;
    for (size_t i = 0; i < count; i++) {
        const struct asked asked = {START + seconds[i], SCOPE_ACCOUNT, true, true,
                                    START + seconds[i]};
        apply_answer(&record, &(struct aws_entitlement_list){NULL, 0}, &asked, &policy_default,
                     &arena);
        ended |= record_state(&record, &policy_default, START + seconds[i], false) == STATE_ENDED;
    }
    arena_done(&arena);
    return ended;
}

static void aws_may_forget_one_customer_for_a_while(void **state)
{
    static const int64_t minute[] = {0, 60}, nearly[] = {0, 60, 120, 240, 480, 3599},
                         hour[] = {0, 60, 3600};
    (void)state;

    assert_true(ends_within(minute, 2, NOTICE_CANCELLED));
    assert_false(ends_within(minute, 2, notice_none));
    assert_false(ends_within(nearly, 6, notice_none));
    assert_true(ends_within(hour, 3, notice_none));
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
        cmocka_unit_test(of_two_notices_at_once_the_same_one_stays),
        cmocka_unit_test(a_renewed_subscription_waits_for_its_successor),
        cmocka_unit_test(what_never_had_anything_stays_pending),
        cmocka_unit_test(an_older_version_stays_as_it_was),
        cmocka_unit_test(the_scope_follows_what_is_known),
        cmocka_unit_test(without_account_any_scope_confirms),
        cmocka_unit_test(no_order_of_the_same_facts_matters),
        cmocka_unit_test(what_comes_after_a_wrong_clock_counts),
        cmocka_unit_test(aws_may_forget_one_customer_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
