/* When AWS is asked about a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/record/record.h"
#include "tests/support/record_fixture.h"

struct due_case {
    const char *name;
    int64_t verified_at;
    int64_t expires_at; /* -1: nothing was ever granted */
    struct evidence evidence;
    int64_t now;
    int64_t want;
    enum due_class want_class;
};

/* Records are created at D. */
static const struct due_case due_cases[] = {
    {"never asked", 0, -1, {0}, D + 1, D, DUE_PENDING},
    {"pending, just asked", D + 2, -1, {0}, D + 2, D + 7, DUE_PENDING},
    {"pending for an hour", D + H, -1, {0}, D + H, D + H + 900, DUE_PENDING},
    {"pending for a day", 2 * D, -1, {0}, 2 * D, 2 * D + H, DUE_PENDING},
    {"pending for three days", 4 * D, -1, {0}, 4 * D, 5 * D, DUE_PENDING},
    {"pending too long", 31 * D, -1, {0}, 31 * D, 0, DUE_PENDING},
    {"pending, confirmed empty", D + H, -1, {EMPTY_TWICE(D + 2)}, D + H, D + H + 900, DUE_PENDING},
    {"pending, but cancelled",
     D + H,
     -1,
     {EMPTY(D + H), NOTICE(CANCELLED, D)},
     D + H,
     D + H + 60,
     DUE_EXPIRY},
    {"its date is to come", T - D, T, {0}, T - D, T, DUE_EXPIRY},
    {"its date came", T - D, T, {0}, T + 5, T, DUE_EXPIRY},
    {"no date", T - D, 0, {0}, T, 0, DUE_EXPIRY},
    {"same date at once", T, T, {0}, T, T + 10, DUE_EXPIRY},
    {"same date after 100 s", T + 100, T, {0}, T + 100, T + 150, DUE_EXPIRY},
    {"never past the settling time", T + 3599, T, {0}, T + 3599, T + H, DUE_EXPIRY},
    {"settled: a late renewal", T + H, T, {0}, T + H, T + H + 1800, DUE_EXPIRY},
    {"settled for ten days", T + 10 * D, T, {0}, T + 10 * D, T + 11 * D, DUE_EXPIRY},
    {"settled for a month", T + 30 * D, T, {0}, T + 30 * D, 0, DUE_EXPIRY},
    {"empty once", T - D, T, {EMPTY(T - D)}, T - D, T - D + 60, DUE_EXPIRY},
    {"held", T - D + 60, T, {EMPTY_TWICE(T - D)}, T - D + 60, T - D + 60 + H, DUE_EXPIRY},
    {"held, its date is near", T - 300, T, {EMPTY_TWICE(T - D)}, T - 300, T, DUE_EXPIRY},
    {"held for its limit", T - D, T, {EMPTY_TWICE(T - 20 * D)}, T - D, 0, DUE_EXPIRY},
    {"ended by its date", T, T, {EMPTY_TWICE(T - 60)}, T, T + 300, DUE_EXPIRY},
    {"ended by AWS's word",
     T,
     T,
     {EMPTY_TWICE(T - 60), NOTICE(CANCELLED, T - 60)},
     T,
     0,
     DUE_EXPIRY},
};

static void aws_is_asked_when_dates_say_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(due_cases) / sizeof(due_cases[0]); i++) {
        struct due_case c = due_cases[i];
        struct entitlement entitlement = seats;
        struct subscription record = {
            .id = STR("s1"),
            .created_at = D,
            .entitlements = {&entitlement, c.expires_at >= 0},
            .verified_at = c.verified_at,
            .evidence = &c.evidence,
        };
        enum due_class class;
        entitlement.expires_at = c.expires_at;

        int64_t got = record_next_due_s(&record, &policy_default, c.now, &class);
        if (got != c.want || class != c.want_class)
            fail_msg("%s: %lld %s, not %lld %s", c.name, (long long)got,
                     choice_text(&enumeration_due_class, class), (long long)c.want,
                     choice_text(&enumeration_due_class, c.want_class));
    }
}

/* Asking exactly when it is due, and AWS repeating itself, settles every date in bounded steps. */
static void a_repeated_date_settles(void **state)
{
    (void)state;
    struct entitlement entitlement = seats;
    struct subscription record = {.entitlements = {&entitlement, 1}, .verified_at = T - D};
    int64_t now = T - D;
    enum due_class class;
    int calls = 0;

    while (record_counting(&record, &entitlement, &policy_default, now) != COUNTING_EXPIRED) {
        int64_t due = record_next_due_s(&record, &policy_default, now, &class);
        assert_true(due > now);
        now = record.verified_at = due;
        assert_true(++calls < 30);
    }
    assert_int_equal(now, T + H);
}

/* When AWS is asked from the first call on that lists nothing, none ever listing anything. */
static size_t asked_at(struct subscription *record, int64_t first_s, int64_t *times, size_t most)
{
    struct evidence *evidence = record->evidence;
    enum due_class class;
    size_t count = 0;
    int64_t due;

    record->verified_at = evidence->empty_at = first_s;
    while ((due = record_next_due_s(record, &policy_default, record->verified_at, &class)) != 0 &&
           count < most) {
        assert_int_equal(class, DUE_EXPIRY);
        record->verified_at = due;
        times[count++] = due - first_s;
        if (evidence->empty_again_at == 0 &&
            due >= first_s + record_end_delay_s(record, &policy_default))
            evidence->empty_again_at = due;
    }
    return count;
}

static void an_end_without_a_word_is_asked_about_before_and_after(void **state)
{
    (void)state;
    static const int64_t want[] = {60,   120,  240,  480,   960,   1920,  3600,  3900,  4200,
                                   4800, 6000, 8400, 13200, 22800, 42000, 80400, 157200};
    struct entitlement item = seats;
    struct evidence evidence = {.product_alive_at = T};
    struct subscription record = {
        .entitlements = {&item, 1}, .created_at = D, .evidence = &evidence};
    int64_t times[32];

    item.expires_at = 0;
    size_t count = asked_at(&record, T, times, 32);
    assert_int_equal(count, sizeof(want) / sizeof(want[0]));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(times[i], want[i]);
    /* A renewal deprovisions the old licence too: its own may be listed late. */
    evidence = (struct evidence){.notice = NOTICE_DEPROVISIONED, .notice_at = T};
    assert_int_equal(asked_at(&record, T, times, 32), 11);
    assert_int_equal(times[0], 60);
    assert_int_equal(times[1], 360);
    /* With the agreement's end nothing is asked afterwards. */
    evidence = (struct evidence){.notice = NOTICE_CANCELLED, .notice_at = T};
    assert_int_equal(asked_at(&record, T, times, 32), 1);
    assert_int_equal(times[0], 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_is_asked_when_dates_say_so),
        cmocka_unit_test(a_repeated_date_settles),
        cmocka_unit_test(an_end_without_a_word_is_asked_about_before_and_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
