/* Due work that is asked about again: after failures, lapses, and notifications that changed
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/due_fixture.h"

static void a_lease_ends_and_the_later_claim_has_the_larger_number(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_NOTIFICATION);
    int64_t first = bench_take(&b, DUE_NOTIFICATION);
    bench_pass(&b, 59999);
    assert_int_equal(due_fence(b.due, subscription), first);
    bench_pass(&b, 1);
    assert_int_equal(due_fence(b.due, subscription), 0);
    /* Not at once: it may be what killed its checker. */
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
    bench_pass(&b, 1000);
    int64_t second = bench_take(&b, DUE_NOTIFICATION);
    assert_true(second > first);
    due_end(b.due, subscription, first); /* the dead one comes back: nothing happens */
    assert_int_equal(due_fence(b.due, subscription), second);
    assert_int_equal(due_counts(b.due).lapses, 1);
}

static void one_whose_claim_lapsed_is_asked_about_alone(void **state)
{
    struct bench b = bench_of(state);
    struct due_claim claim;

    assert_int_equal(due_next_shareable(b.due, DUE_NOTIFICATION).len, 0);
    bench_mark(&b, DUE_NOTIFICATION);
    assert_true(str_eq(due_next_shareable(b.due, DUE_NOTIFICATION), subscription));
    assert_int_equal(due_next_shareable(b.due, DUE_SWEEP).len, 0);
    assert_true(due_take(b.due, DUE_NOTIFICATION, STR("one"), b.now, &claim));
    assert_false(claim.lapsed);
    bench_pass(&b, 60000);
    bench_pass(&b, 1000);
    assert_true(due_is_ready(b.due, DUE_NOTIFICATION));
    assert_int_equal(due_next_shareable(b.due, DUE_NOTIFICATION).len, 0);
    assert_true(due_take(b.due, DUE_NOTIFICATION, STR("two"), b.now, &claim));
    assert_true(claim.lapsed);
    /* Once one has come to its end, all is well. */
    due_end(b.due, subscription, claim.fence);
    assert_true(str_eq(due_next_shareable(b.due, DUE_NOTIFICATION), subscription));
}

/* What ends its checker again and again must not take them all. */
static void each_lapse_makes_it_wait_longer(void **state)
{
    enum { LEASE_MS = 60000, LONGEST_MS = 300000 };
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_NOTIFICATION);
    for (int lapses = 0; lapses < 12; lapses++) {
        int64_t wait_ms = INT64_C(1000) << lapses;
        if (wait_ms > LONGEST_MS)
            wait_ms = LONGEST_MS;
        assert_true(bench_take(&b, DUE_NOTIFICATION) > 0);
        bench_pass(&b, LEASE_MS);
        bench_pass(&b, wait_ms - 1);
        assert_false(due_is_ready(b.due, DUE_NOTIFICATION));
        bench_pass(&b, 1);
        assert_true(due_is_ready(b.due, DUE_NOTIFICATION));
    }
}

static void a_failure_waits_as_told_or_longer_each_time(void **state)
{
    struct bench b = bench_of(state);
    struct stored_due stored;
    int64_t longest = 0;
    bool spread = false;

    bench_mark(&b, DUE_PENDING);
    bench_failed(&b, bench_take(&b, DUE_PENDING), 7000);
    bench_pass(&b, 6999);
    assert_int_equal(bench_take(&b, DUE_PENDING), 0);
    bench_pass(&b, 1);
    for (int failures = 2; failures < 15; failures++) {
        int64_t fence = bench_take(&b, DUE_PENDING);
        assert_true(fence != 0);
        bench_failed(&b, fence, 0);
        marks_get(b.f->books.db, subscription, &b.f->arena, &stored);
        assert_int_equal(stored.failures, failures);
        int64_t wait = stored.retry_at_ms - b.now.wall_ms;
        int64_t nominal = failures > 9 ? 300000 : 1000 << (failures - 1);
        nominal = nominal < 300000 ? nominal : 300000;
        assert_in_range(wait, nominal * 3 / 4, nominal * 5 / 4);
        longest = wait > longest ? wait : longest;
        spread = spread || wait != nominal;
        bench_pass(&b, wait);
    }
    assert_in_range(longest, 225000, 375000);
    /* What failed together is not asked together. */
    assert_true(spread);
}

static void who_waits_does_not_wait_for_a_failure_to_pass(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_PENDING);
    bench_failed(&b, bench_take(&b, DUE_PENDING), 60000);
    bench_mark(&b, DUE_SWEEP);
    assert_false(due_is_ready(b.due, DUE_PENDING) || due_is_ready(b.due, DUE_SWEEP));
    bench_mark(&b, DUE_REGISTRATION);
    assert_true(due_is_ready(b.due, DUE_REGISTRATION));
}

static void a_notification_that_changed_nothing_is_asked_again(void **state)
{
    static const int64_t delays_ms[] = {5000, 30000, 180000, 900000};
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_NOTIFICATION);
    for (size_t i = 0; i < 4; i++) {
        int64_t fence = bench_take(&b, DUE_NOTIFICATION);
        assert_true(fence != 0);
        bench_applied(&b, fence, false);
        bench_pass(&b, delays_ms[i] - 1);
        assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
        bench_pass(&b, 1);
    }
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), false);
    bench_pass(&b, 3600000);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);

    bench_mark(&b, DUE_NOTIFICATION);
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), false);
    bench_pass(&b, 5000);
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), true);
    bench_pass(&b, 3600000);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
}

/* A buyer who registers meanwhile, or a date that comes. */
static void what_is_asked_for_other_reasons_is_not_asked_again_for_the_notification(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_NOTIFICATION);
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), false);
    bench_pass(&b, 2000);
    bench_mark(&b, DUE_REGISTRATION);
    bench_applied(&b, bench_take(&b, DUE_REGISTRATION), false);
    bench_pass(&b, 4999);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
    bench_applied(&b, due_ticket(b.due), false);
    bench_pass(&b, 1);
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), false);
    bench_pass(&b, 29999);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
    bench_pass(&b, 1);
    assert_true(bench_take(&b, DUE_NOTIFICATION) != 0);
}

static void an_empty_answer_is_not_what_a_notification_announced(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result result = {0};
    struct mark_result marked = {0};
    struct stored_due stored;

    fixture_write(f, on_register, &params, &result);
    struct mark_params mark = {.handle = result.subscription->id, .class = DUE_NOTIFICATION};
    fixture_apply(f, mark.handle, SCOPE_ACCOUNT, 1700000000,
                  ROWS_OF(SEATS(5, .account_id = STR(ACCOUNT))));
    assert_int_equal(fixture_write(f, on_mark, &mark, &marked), ERROR_NONE);
    fixture_apply(f, mark.handle, SCOPE_ACCOUNT, 1700000010, NO_ROWS);
    marks_get(f->books.db, mark.handle, &f->arena, &stored);
    assert_int_equal(stored.class, DUE_NOTIFICATION);
    assert_true(stored.not_before_ms > 0);

    fixture_apply(f, mark.handle, SCOPE_ACCOUNT, 1700000020,
                  ROWS_OF(SEATS(6, .account_id = STR(ACCOUNT))));
    marks_get(f->books.db, mark.handle, &f->arena, &stored);
    assert_int_equal(stored.class, due_class_none);
}

static void other_work_that_changed_nothing_is_done(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_SWEEP);
    bench_applied(&b, bench_take(&b, DUE_SWEEP), false);
    bench_pass(&b, 3600000);
    assert_int_equal(due_counts(b.due).ready + due_counts(b.due).planned, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_lease_ends_and_the_later_claim_has_the_larger_number),
        fixture_test(one_whose_claim_lapsed_is_asked_about_alone),
        fixture_test(each_lapse_makes_it_wait_longer),
        fixture_test(a_failure_waits_as_told_or_longer_each_time),
        fixture_test(who_waits_does_not_wait_for_a_failure_to_pass),
        fixture_test(a_notification_that_changed_nothing_is_asked_again),
        fixture_test(what_is_asked_for_other_reasons_is_not_asked_again_for_the_notification),
        fixture_test(an_empty_answer_is_not_what_a_notification_announced),
        fixture_test(other_work_that_changed_nothing_is_done),
    };

    return cmocka_run_group_tests_name("services/store_due", tests, NULL, NULL);
}
