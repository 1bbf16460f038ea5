/* Due work: marked, claimed, done, and planned again after a start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/tables/record_writes.h"
#include "services/store/work/opening.h"
#include "services/store/work/plan.h"
#include "services/store/work/presence.h"
#include "tests/support/due_fixture.h"

static void a_mark_is_claimed_once_and_done_when_applied(void **state)
{
    struct bench b = bench_of(state);
    int64_t ticket = bench_mark(&b, DUE_NOTIFICATION);
    int64_t fence = bench_take(&b, DUE_NOTIFICATION);

    assert_true(fence > ticket);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
    assert_int_equal(due_fence(b.due, subscription), fence);
    bench_applied(&b, fence, true);
    assert_int_equal(due_fence(b.due, subscription), 0);
    assert_false(due_is_ready(b.due, DUE_NOTIFICATION));
}

static void marked_again_while_claimed_is_one_more_call(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_NOTIFICATION);
    int64_t fence = bench_take(&b, DUE_NOTIFICATION);
    bench_mark(&b, DUE_SWEEP);
    int64_t ticket = bench_mark(&b, DUE_SWEEP);
    assert_true(ticket > fence);
    assert_false(due_is_ready(b.due, DUE_SWEEP));
    bench_applied(&b, fence, true);
    int64_t second = bench_take(&b, DUE_SWEEP);
    assert_true(second > ticket);
    bench_applied(&b, second, true);
    assert_false(due_is_ready(b.due, DUE_SWEEP));
}

static void the_more_urgent_class_counts(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_SWEEP);
    bench_mark(&b, DUE_REGISTRATION);
    bench_mark(&b, DUE_PENDING);
    assert_int_equal(bench_take(&b, DUE_SWEEP), 0);
    assert_true(bench_take(&b, DUE_REGISTRATION) != 0);
}

static void a_mark_that_is_there_is_not_written_again(void **state)
{
    struct bench b = bench_of(state);
    struct change change;

    bench_mark(&b, DUE_NOTIFICATION);
    uint64_t writes = db_writes(b.f->books.db);
    change_begin(&change, b.f->books.db, 0, b.now.wall_ms);
    marks_mark(&change, b.due, subscription, DUE_NOTIFICATION, STR("test"));
    marks_mark(&change, b.due, subscription, DUE_SWEEP, STR("test"));
    assert_int_equal(db_writes(b.f->books.db), writes);
    change_done(&change);
}

static void no_wait_outlasts_a_clock_that_is_set_back(void **state)
{
    enum { YEAR_S = 365 * 24 * 3600 };
    struct bench b = bench_of(state);

    b.now.wall_ms += YEAR_S * 1000LL;
    due_advance(b.due, b.now);
    bench_mark(&b, DUE_NOTIFICATION);
    bench_applied(&b, bench_take(&b, DUE_NOTIFICATION), false);
    b.now.wall_ms -= YEAR_S * 1000LL;
    bench_pass(&b, 0);
    bench_plan(&b);
    int64_t fence = bench_take(&b, DUE_NOTIFICATION);
    assert_true(fence != 0);
    bench_applied(&b, fence, false);
    bench_pass(&b, 30000);
    fence = bench_take(&b, DUE_NOTIFICATION);
    assert_true(fence != 0);

    b.now.wall_ms += YEAR_S * 1000LL;
    bench_failed(&b, fence, 0);
    b.now.wall_ms -= YEAR_S * 1000LL;
    bench_pass(&b, 0);
    bench_plan(&b);
    assert_true(bench_take(&b, DUE_NOTIFICATION) != 0);

    /* A lease that ends makes its work wait by the monotonic clock. */
    b.now.wall_ms += YEAR_S * 1000LL;
    bench_pass(&b, 60000);
    b.now.wall_ms -= YEAR_S * 1000LL;
    bench_pass(&b, 0);
    bench_plan(&b);
    bench_pass(&b, 999);
    assert_int_equal(bench_take(&b, DUE_NOTIFICATION), 0);
    bench_pass(&b, 1);
    assert_true(bench_take(&b, DUE_NOTIFICATION) != 0);
}

static void nobody_is_told_to_wait_for_longer_than_an_hour(void **state)
{
    struct bench b = bench_of(state);

    bench_mark(&b, DUE_PENDING);
    bench_failed(&b, bench_take(&b, DUE_PENDING), 86400000);
    bench_pass(&b, 3600000 - 1);
    assert_int_equal(bench_take(&b, DUE_PENDING), 0);
    bench_pass(&b, 1);
    assert_true(bench_take(&b, DUE_PENDING) != 0);
}

/* A checker's clock may be wrong: its call began after it got the claim, and is over. */
static void a_call_is_as_old_as_its_claim_at_most(void **state)
{
    struct bench b = bench_of(state);
    int64_t claimed_s = b.now.wall_ms / 1000;

    bench_mark(&b, DUE_PENDING);
    assert_true(bench_take(&b, DUE_PENDING) != 0);
    bench_pass(&b, 10000);
    assert_int_equal(due_call_time_s(b.due, subscription, claimed_s + 4, b.now), claimed_s + 4);
    assert_int_equal(due_call_time_s(b.due, subscription, claimed_s - 86400, b.now), claimed_s);
    assert_int_equal(due_call_time_s(b.due, subscription, claimed_s + 86400, b.now),
                     claimed_s + 10);
    /* Ours was set meanwhile. */
    b.now.wall_ms -= 86400000;
    assert_int_equal(due_call_time_s(b.due, subscription, claimed_s + 4, b.now),
                     claimed_s + 10 - 86400);
    assert_int_equal(due_call_time_s(b.due, STR("s-none"), claimed_s - 86390, b.now),
                     claimed_s - 86390);
}

static void dates_make_due_by_the_wall_clock(void **state)
{
    struct bench b = bench_of(state);
    struct due_plan plan = {.date_class = DUE_EXPIRY, .date_at_ms = b.now.wall_ms + 1000};

    due_plan(b.due, subscription, &plan);
    assert_int_equal(due_sleep_ms(b.due, b.now), 1000);
    b.now.wall_ms += 1000; /* set by the operator: no time passed */
    due_advance(b.due, b.now);
    assert_true(due_is_ready(b.due, DUE_EXPIRY));
    plan.date_at_ms += 500;
    due_plan(b.due, subscription, &plan);
    assert_false(due_is_ready(b.due, DUE_EXPIRY));
}

static void unfinished_work_is_due_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result result = {0};
    struct due_claim claim;

    fixture_write(f, on_register, &params, &result);
    assert_true(due_take(f->books.due, DUE_REGISTRATION, STR("a"), moment_now(), &claim));
    int64_t fence = claim.fence;
    books_close(&f->books);
    fixture_open(f);
    assert_true(due_take(f->books.due, DUE_REGISTRATION, STR("b"), moment_now(), &claim));
    assert_true(claim.fence > fence && claim.fence > result.ticket);
    assert_true(str_eq(claim.id, result.subscription->id));
}

enum { MANY = 20 };

static void insert_many(struct fixture *f)
{
    struct change change;
    struct error error;

    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    for (int i = 0; i < MANY; i++) {
        struct subscription record = {.product_code = STR(PRODUCT),
                                      .account_id = arena_printf(&f->arena, "%012d", i)};
        records_insert(&change, &record);
    }
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
}

static size_t count_due(const struct fixture *f)
{
    struct due_counts counts = due_counts(f->books.due);

    return counts.planned + counts.ready;
}

/* A machine on which each look at the clock takes a millisecond: a part is of a few records on
 * every one. */
static struct {
    bool slow;
    int64_t passed_us;
} machine;

int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);

int64_t __wrap_clock_mono_us(void)
{
    if (machine.slow)
        machine.passed_us += 1000;
    return __real_clock_mono_us() + machine.passed_us;
}

/* A mark that is set meanwhile is not lost to the planning, nor done twice by it. */
static void what_was_there_at_the_start_is_planned_in_parts(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR("000000000019")};
    struct register_result result = {0};
    struct error error;

    insert_many(f);
    books_close(&f->books);
    fixture_load(f);
    assert_int_equal(count_due(f), 0);
    machine.slow = true;
    assert_int_equal(plan_more(&f->books, &error), 1);
    machine.slow = false;
    size_t first = count_due(f);
    assert_in_range(first, 1, MANY - 1);
    fixture_write(f, on_register, &params, &result);
    assert_int_equal(fixture_plan(f, &error), 0);
    assert_int_equal(count_due(f), MANY + result.created);
    assert_true(due_is_ready(f->books.due, DUE_REGISTRATION));
}

static void an_answer_without_its_claim_is_refused(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result result = {0};
    struct apply_result applied = {0};
    struct nothing nothing;

    fixture_write(f, on_register, &params, &result);
    struct apply_params apply = {.subscription = result.subscription->id,
                                 .fence = fixture_claim(f, result.subscription->id),
                                 .began_at = 1700000000,
                                 .scope = SCOPE_ACCOUNT};
    struct release_params release = {.subscription = apply.subscription, .fence = apply.fence};
    assert_int_equal(fixture_write(f, on_release, &release, &nothing), ERROR_NONE);
    assert_int_equal(fixture_write(f, apply_as_stated, &apply, &applied), ERROR_CONFLICT);
    assert_int_equal(fixture_write(f, on_release, &release, &nothing), ERROR_CONFLICT);
    assert_int_equal(fixture_get(f, apply.subscription).verified_at, 0);
    apply.fence = 0;
    assert_int_equal(fixture_write(f, apply_as_stated, &apply, &applied), ERROR_CONFLICT);
}

static void due_tells_what_is_planned(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result result = {0};
    struct due_result due = {0};

    fixture_write(f, on_register, &params, &result);
    struct subscription_params ask = {.subscription = result.subscription->id};
    assert_int_equal(fixture_read(f, on_due, &ask, &due), ERROR_NONE);
    assert_int_equal(due.class, DUE_REGISTRATION);
    assert_true(str_eq(due.reason, STR("registration")));
    fixture_claim(f, ask.subscription);
    due = (struct due_result){0};
    assert_int_equal(fixture_read(f, on_due, &ask, &due), ERROR_NONE);
    assert_true(str_eq(due.claimed_by, STR("test")));
}

static void the_silent_are_forgotten(void **state)
{
    struct presence *presence = presence_new();
    struct peer checker = {.daemon = STR("entitled-checker"), .name = STR("1")};
    struct peer poller = {.daemon = STR("entitled-poller"), .name = STR("1")};
    struct arena arena = ARENA_INIT;

    (void)state;
    struct counter received = {STR("entitled_messages_received_total{queue=\"main\"}"), 7};
    const struct announce_params from_checker = {.peer = &checker};
    const struct announce_params from_poller = {.peer = &poller, .counters = {&received, 1}};
    presence_announce(presence, &from_checker, 0);
    presence_announce(presence, &from_checker, 1000);
    presence_announce(presence, &from_poller, 1000);
    assert_int_equal(presence_list(presence, STR_NONE, 1000, &arena).count, 2);
    struct process_figures_list figures = presence_figures(presence, 1000, &arena);
    assert_int_equal(figures.count, 1);
    assert_true(str_eq(figures.items[0].daemon, poller.daemon));
    assert_true(figures.items[0].counters.items[0].value == 7);
    assert_int_equal(presence_list(presence, STR("entitled-checker"), 10000, &arena).count, 1);
    assert_int_equal(presence_list(presence, STR("entitled-checker"), 10001, &arena).count, 0);
    presence_announce(presence, &from_checker, 11000);
    assert_int_equal(presence_list(presence, STR_NONE, 11000, &arena).count, 1);
    assert_int_equal(presence_figures(presence, 11000, &arena).count, 0);
    arena_done(&arena);
    presence_free(presence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_mark_is_claimed_once_and_done_when_applied),
        fixture_test(marked_again_while_claimed_is_one_more_call),
        fixture_test(the_more_urgent_class_counts),
        fixture_test(a_mark_that_is_there_is_not_written_again),
        fixture_test(no_wait_outlasts_a_clock_that_is_set_back),
        fixture_test(nobody_is_told_to_wait_for_longer_than_an_hour),
        fixture_test(a_call_is_as_old_as_its_claim_at_most),
        fixture_test(dates_make_due_by_the_wall_clock),
        fixture_test(unfinished_work_is_due_again_after_a_restart),
        fixture_test(what_was_there_at_the_start_is_planned_in_parts),
        fixture_test(an_answer_without_its_claim_is_refused),
        fixture_test(due_tells_what_is_planned),
        cmocka_unit_test(the_silent_are_forgotten),
    };

    return cmocka_run_group_tests_name("services/store_due", tests, NULL, NULL);
}
