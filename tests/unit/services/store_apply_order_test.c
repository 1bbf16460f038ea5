/* Facts about one record in any order, at any time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "tests/support/apply_fixture.h"
#include "tests/support/random.h"

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
        cmocka_unit_test(of_two_notices_at_once_the_same_one_stays),
        cmocka_unit_test(no_order_of_the_same_facts_matters),
        cmocka_unit_test(what_comes_after_a_wrong_clock_counts),
        cmocka_unit_test(aws_may_forget_one_customer_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
