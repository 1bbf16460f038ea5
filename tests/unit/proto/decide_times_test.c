/* Answers over successions and ages, and which of two counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/decide_fixture.h"

static void a_successor_takes_over_when_it_is_active(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *old = add_record(&world), *new = add_record(&world);
    struct decide_question by_old_licence = seats(1);

    by_old_licence.license = STR("l-0");
    grant(old, "seats", INTEGER(10));
    old->successor = STR("s1");
    check(&world, 10, REASON_ENTITLED, true);
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s0")));

    grant(new, "seats", INTEGER(25));
    struct answer answer = ask(&world, seats(25));
    assert_reason(answer, REASON_ENTITLED);
    assert_true(value_eq(answer.granted, INTEGER(25)));
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s1")));

    /* Renewed again: the middle one has ended, the chain goes on. */
    struct subscription *newest = add_record(&world);
    grant(newest, "seats", INTEGER(7));
    new->successor = STR("s2");
    end(&world, new);
    assert_true(value_eq(ask(&world, seats(1)).granted, INTEGER(7)));
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s2")));
    world_done(&world);
}

static void an_ended_successor_is_not_awaited_any_more(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *old = add_record(&world), *new = add_record(&world);

    grant(old, "seats", INTEGER(10));
    end(&world, old);
    old->evidence->succeeded_at = NOW - H;
    old->successor = STR("s1");
    check(&world, 10, REASON_HELD, true);

    grant(new, "seats", INTEGER(25));
    check(&world, 25, REASON_ENTITLED, true);
    end(&world, new);
    check(&world, 1, REASON_ENDED, false);

    /* One that AWS itself still lists is served, whatever became of the other. */
    old->evidence = NULL;
    check(&world, 10, REASON_ENTITLED, true);
    world_done(&world);
}

static void a_circle_of_successors_ends_nobody(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *a = add_record(&world), *b = add_record(&world);

    grant(a, "seats", INTEGER(1));
    grant(b, "seats", INTEGER(2));
    a->successor = STR("s1");
    b->successor = STR("s0");
    check(&world, 3, REASON_ENTITLED, true);
    a->successor = STR("s0");
    check(&world, 1, REASON_ENTITLED, true);
    world_done(&world);
}

static void a_successor_may_be_named_by_an_alias(void **state)
{
    (void)state;
    struct world world = {0};
    struct str alias = STR("s9");
    struct subscription *old = add_record(&world), *new = add_record(&world);

    grant(old, "seats", INTEGER(1));
    grant(new, "seats", INTEGER(2));
    old->successor = alias;
    new->aliases = (struct str_list){&alias, 1};
    assert_true(value_eq(ask(&world, seats(1)).granted, INTEGER(2)));
    world_done(&world);
}

/* Verified at 0.9 s and asked about at 1.0 s looks like one second, verified at 0.0 s and asked
 * about at 1.9 s too. */
static void no_data_is_older_than_asked(void **state)
{
    static const struct {
        int64_t age_s, max_age_ms;
        bool stale;
    } cases[] = {
        {0, 1, true},      {0, 999, true},    {0, 1000, false},       {0, 1999, false},
        {1, 1000, true},   {1, 1999, true},   {1, 2000, false},       {1, 2999, false},
        {9, 10000, false}, {10, 10000, true}, {10, INT64_MAX, false}, {12 * H + 1, INT64_MAX, true},
    };
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);
    struct decide_question question = seats(1);

    grant(record, "seats", INTEGER(1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        record->verified_at = NOW - cases[i].age_s;
        question.max_age_ms = cases[i].max_age_ms;
        if (ask(&world, question).stale != cases[i].stale)
            fail_msg("an age of %lld s against %lld ms", (long long)cases[i].age_s,
                     (long long)cases[i].max_age_ms);
    }
    world_done(&world);
}

static void age_is_marked(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);
    struct decide_question question = seats(1);

    grant(record, "seats", INTEGER(1));
    record->verified_at = NOW - 12 * H;
    assert_false(ask(&world, question).stale);
    question.max_age_ms = (12 * H - 1) * 1000;
    assert_true(ask(&world, question).stale);
    question.max_age_ms = 0;
    record->verified_at--;
    struct answer answer = ask(&world, question);
    assert_true(answer.stale);
    assert_true(answer.allow);

    /* A refusal rests on what did not count as well. */
    grant(add_record(&world), "storage", INTEGER(1));
    question.dimension = STR("storage");
    assert_false(ask(&world, question).stale);
    question.quantity = 2;
    assert_true(ask(&world, question).stale);
    world_done(&world);
}

/* While a store that came back with less catches up: by what was kept, or by what it says now? */
static void
between_two_answers_the_operator_then_a_yes_of_before_then_the_later_counts(void **state)
{
    static const struct {
        struct answer kept, now;
        int64_t kept_word_at, now_word_at;
        bool kept_counts;
    } cases[] = {
        {{.allow = true, .reason = REASON_ENTITLED}, {.reason = REASON_NOT_SUBSCRIBED}, 0, 0, true},
        {{.allow = true, .reason = REASON_ENTITLED, .verified_at = 5},
         {.reason = REASON_ENDED, .verified_at = 9},
         0,
         0,
         true},
        {{.reason = REASON_NOT_SUBSCRIBED}, {.allow = true, .verified_at = 9}, 0, 0, false},
        {{.reason = REASON_NOT_SUBSCRIBED}, {.reason = REASON_PENDING}, 0, 0, false},
        /* A backup does not know yet that it ended; a renewal came since. */
        {{.reason = REASON_ENDED, .verified_at = 9}, {.allow = true, .verified_at = 5}, 0, 0, true},
        {{.reason = REASON_EXPIRED, .verified_at = 5},
         {.allow = true, .verified_at = 9},
         0,
         0,
         false},
        /* An operator's word, the newer of two. */
        {{.reason = REASON_OVERRIDE}, {.allow = true, .verified_at = 9}, 5, 0, true},
        {{.allow = true, .reason = REASON_ENTITLED}, {.reason = REASON_OVERRIDE}, 0, 5, false},
        {{.reason = REASON_OVERRIDE}, {.allow = true, .reason = REASON_OVERRIDE}, 5, 9, false},
        {{.reason = REASON_OVERRIDE}, {.allow = true, .reason = REASON_OVERRIDE}, 9, 5, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(decide_prefers_kept(&cases[i].kept, cases[i].kept_word_at, &cases[i].now,
                                             cases[i].now_word_at),
                         cases[i].kept_counts);
}

static void a_refusal_is_known_if_aws_was_asked_since(void **state)
{
    (void)state;
    assert_true(decide_is_known(&(struct answer){.allow = true}, 7));
    assert_true(decide_is_known(&(struct answer){.reason = REASON_OVERRIDE}, 7));
    assert_true(decide_is_known(&(struct answer){.reason = REASON_ENDED, .verified_at = 7}, 7));
    assert_false(decide_is_known(&(struct answer){.reason = REASON_EXPIRED, .verified_at = 6}, 7));
    assert_false(decide_is_known(&(struct answer){.reason = REASON_NOT_SUBSCRIBED}, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            between_two_answers_the_operator_then_a_yes_of_before_then_the_later_counts),
        cmocka_unit_test(a_refusal_is_known_if_aws_was_asked_since),
        cmocka_unit_test(a_successor_takes_over_when_it_is_active),
        cmocka_unit_test(an_ended_successor_is_not_awaited_any_more),
        cmocka_unit_test(a_circle_of_successors_ends_nobody),
        cmocka_unit_test(a_successor_may_be_named_by_an_alias),
        cmocka_unit_test(age_is_marked),
        cmocka_unit_test(no_data_is_older_than_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
