/* The quota of GetEntitlements: its pace, its classes, and what throttling does to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/work/quota.h"
#include "tests/support/due_fixture.h"

#define SECOND_US 1000000

static const int64_t shares[due_class_count] = {
    [DUE_REGISTRATION] = 20, [DUE_NOTIFICATION] = 20, [DUE_MAX_AGE] = 5,
    [DUE_EXPIRY] = 10,       [DUE_PENDING] = 5,       [DUE_SWEEP] = 5};

static void the_quota_starts_empty_and_never_gathers(void **state)
{
    struct quota quota;
    int64_t now = 1000000;

    (void)state;
    quota_init(&quota, 20, shares, now);
    assert_int_equal(quota_take(&quota, 1u << DUE_SWEEP, now), due_class_none);
    now += quota_wait_us(&quota, now);
    assert_true(now >= 1000000 + SECOND_US);
    assert_int_equal(quota_take(&quota, 0, now), due_class_none);
    now += 100 * SECOND_US; /* nobody asks for long */
    size_t taken = 0;
    for (int64_t end = now + SECOND_US; now < end; now += 1000)
        taken += quota_take(&quota, 1u << DUE_SWEEP, now) != due_class_none;
    assert_in_range(taken, 18, 20);
}

static void the_urgent_come_first_and_the_others_have_their_minimum(void **state)
{
    const unsigned everybody = (1u << due_class_count) - 2;
    struct quota quota;
    int64_t now = 0;

    (void)state;
    quota_init(&quota, 20, shares, now);
    for (; now < 101 * (int64_t)SECOND_US; now += 1000)
        quota_take(&quota, everybody, now);
    uint64_t all = 0;
    for (int class = 1; class < due_class_count; class ++)
        all += quota.taken[class];
    assert_in_range(all, 1880, 1920);
    for (int class = 1; class < due_class_count; class ++)
        assert_in_range(quota.taken[class] * 100, all * (uint64_t)shares[class] * 85 / 100,
                        all * 100);
    assert_true(quota.taken[DUE_REGISTRATION] > all / 2);
}

static void a_token_that_was_not_used_is_there_again(void **state)
{
    struct quota quota;
    int64_t now = 2 * SECOND_US;

    (void)state;
    quota_init(&quota, 20, shares, 0);
    assert_int_equal(quota_take(&quota, 1u << DUE_PENDING, now), DUE_PENDING);
    assert_true(quota_wait_us(&quota, now) > 0);
    quota_give_back(&quota, DUE_PENDING, now);
    assert_int_equal(quota_wait_us(&quota, now), 0);
    assert_int_equal(quota.taken[DUE_PENDING], 0);
}

static void throttling_halves_the_pace_once_a_second_and_it_recovers(void **state)
{
    struct quota quota;
    int64_t now = 10 * (int64_t)SECOND_US;

    (void)state;
    quota_init(&quota, 20, shares, 0);
    for (int i = 0; i < 5; i++)
        quota_throttled(&quota, now + i);
    assert_true(quota.rate_per_s > 9.4 && quota.rate_per_s < 9.6);
    for (int i = 1; i < 100; i++)
        quota_throttled(&quota, now + i * (int64_t)SECOND_US);
    assert_true(quota.rate_per_s >= 0.4); /* never stops altogether */
    now += 200 * (int64_t)SECOND_US;
    assert_int_equal(quota_take(&quota, 1u << DUE_SWEEP, now), DUE_SWEEP);
    assert_true(quota.rate_per_s > 18.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quota_starts_empty_and_never_gathers),
        cmocka_unit_test(the_urgent_come_first_and_the_others_have_their_minimum),
        cmocka_unit_test(a_token_that_was_not_used_is_there_again),
        cmocka_unit_test(throttling_halves_the_pace_once_a_second_and_it_recovers),
    };

    return cmocka_run_group_tests_name("services/store_due", tests, NULL, NULL);
}
