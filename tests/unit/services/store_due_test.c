/* Due work: marks, claims, leases, fences; the pace of the quota; who is alive. */
#include "tests/support/store_fixture.h"

#include "services/store/heap.h"
#include "services/store/marks.h"
#include "services/store/presence.h"
#include "services/store/quota.h"

#define SECOND_US 1000000

static const struct str subscription = STR_INIT("s-1");

/* A record's due work with the times given, apart from what other tests touch. */
struct bench {
    struct fixture *f;
    struct due *due;
    struct moment now;
};

static void bench_plan(struct bench *b)
{
    struct stored_due stored;

    marks_get(b->f->books.db, subscription, &b->f->arena, &stored);
    struct due_plan plan = marks_plan(&stored, b->now.wall_ms);
    due_plan(b->due, subscription, &plan);
}

static struct bench bench_of(void **state)
{
    struct fixture *f = *state;
    struct bench b = {.f = f, .due = f->books.due, .now = {1800000000000, 5000}};

    due_advance(b.due, b.now);
    return b;
}

static void bench_pass(struct bench *b, int64_t ms)
{
    b->now.wall_ms += ms;
    b->now.mono_ms += ms;
    due_advance(b->due, b->now);
}

static void bench_commit(struct bench *b, struct change *change)
{
    struct error error;

    assert_int_equal(change_commit(change, &error), 0);
    change_done(change);
    bench_plan(b);
}

static int64_t bench_mark(struct bench *b, enum due_class class)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    int64_t ticket = marks_mark(&change, b->due, subscription, class, STR("test"));
    bench_commit(b, &change);
    return ticket;
}

static void bench_applied(struct bench *b, int64_t fence, bool changed)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    marks_applied(&change, subscription, fence, changed);
    bench_commit(b, &change);
    due_end(b->due, subscription, fence);
}

static void bench_failed(struct bench *b, int64_t fence, int64_t retry_after_ms)
{
    struct change change;

    change_begin(&change, b->f->books.db, 0, b->now.wall_ms);
    marks_failed(&change, subscription, STR("AWS is away"), retry_after_ms);
    bench_commit(b, &change);
    due_end(b->due, subscription, fence);
}

/* 0 if nothing of the class is ready. */
static int64_t bench_take(struct bench *b, enum due_class class)
{
    struct due_claim claim;

    if (!due_take(b->due, class, STR("checker"), b->now, &claim))
        return 0;
    assert_true(str_eq(claim.id, subscription));
    return claim.fence;
}

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
    books_done(&f->books);
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
    books_done(&f->books);
    fixture_load(f);
    assert_int_equal(count_due(f), 0);
    machine.slow = true;
    assert_int_equal(books_plan_more(&f->books, &error), 1);
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
    assert_int_equal(fixture_write(f, on_apply, &apply, &applied), ERROR_CONFLICT);
    assert_int_equal(fixture_write(f, on_release, &release, &nothing), ERROR_CONFLICT);
    assert_int_equal(fixture_get(f, apply.subscription).verified_at, 0);
    apply.fence = 0;
    assert_int_equal(fixture_write(f, on_apply, &apply, &applied), ERROR_CONFLICT);
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

static void the_heap_gives_the_earliest_first(void **state)
{
    enum { COUNT = 500 };
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    uint64_t seed = 1;
    int64_t last = INT64_MIN;
    size_t left = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        heap_put(&heap, &nodes[i], (int64_t)((seed = seed * 6364136223846793005u + 1) >> 40));
    for (int i = 0; i < COUNT; i += 3)
        heap_put(&heap, &nodes[i], (int64_t)((seed = seed * 6364136223846793005u + 1) >> 40));
    for (int i = 0; i < COUNT; i += 7) {
        heap_remove(&heap, &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
    for (struct heap_node *top; (top = heap_top(&heap)); left++) {
        assert_true(top->key >= last);
        last = top->key;
        heap_remove(&heap, top);
    }
    assert_int_equal(left, COUNT - (COUNT + 6) / 7);
    heap_done(&heap);
}

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

static void the_silent_are_forgotten(void **state)
{
    struct presence *presence = presence_new();
    struct peer checker = {.daemon = STR("entitled-checker"), .name = STR("1")};
    struct peer poller = {.daemon = STR("entitled-poller"), .name = STR("1")};
    struct arena arena = ARENA_INIT;

    (void)state;
    struct counter received = {STR("main.received_total"), 7};
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
        fixture_test(a_lease_ends_and_the_later_claim_has_the_larger_number),
        fixture_test(one_whose_claim_lapsed_is_asked_about_alone),
        fixture_test(each_lapse_makes_it_wait_longer),
        fixture_test(a_failure_waits_as_told_or_longer_each_time),
        fixture_test(who_waits_does_not_wait_for_a_failure_to_pass),
        fixture_test(a_notification_that_changed_nothing_is_asked_again),
        fixture_test(what_is_asked_for_other_reasons_is_not_asked_again_for_the_notification),
        fixture_test(no_wait_outlasts_a_clock_that_is_set_back),
        fixture_test(nobody_is_told_to_wait_for_longer_than_an_hour),
        fixture_test(a_call_is_as_old_as_its_claim_at_most),
        fixture_test(an_empty_answer_is_not_what_a_notification_announced),
        fixture_test(other_work_that_changed_nothing_is_done),
        fixture_test(dates_make_due_by_the_wall_clock),
        fixture_test(unfinished_work_is_due_again_after_a_restart),
        fixture_test(what_was_there_at_the_start_is_planned_in_parts),
        fixture_test(an_answer_without_its_claim_is_refused),
        fixture_test(due_tells_what_is_planned),
        cmocka_unit_test(the_heap_gives_the_earliest_first),
        cmocka_unit_test(the_quota_starts_empty_and_never_gathers),
        cmocka_unit_test(the_urgent_come_first_and_the_others_have_their_minimum),
        cmocka_unit_test(a_token_that_was_not_used_is_there_again),
        cmocka_unit_test(throttling_halves_the_pace_once_a_second_and_it_recovers),
        cmocka_unit_test(the_silent_are_forgotten),
    };

    return cmocka_run_group_tests_name("services/store_due", tests, NULL, NULL);
}
