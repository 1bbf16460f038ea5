/* The loop's timers, and the loop in an application's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "tests/support/random.h"

/* The loop's clock (--wrap in CMakeLists.txt): the true one, unless a test has set it. */
static int64_t set_mono_us;

int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);

int64_t __wrap_clock_mono_us(void)
{
    return set_mono_us ? set_mono_us : __real_clock_mono_us();
}

static int open_loop(void **state)
{
    set_mono_us = 0;
    *state = loop_new();
    return 0;
}

static int close_loop(void **state)
{
    loop_free(*state);
    return 0;
}

struct timers {
    struct loop *loop;
    struct loop_timer *victim;
    unsigned fired;
};

static void stop(void *arg)
{
    loop_stop(arg);
}

static void count(void *arg)
{
    struct timers *timers = arg;

    timers->fired++;
}

static void cancel_victim(void *arg)
{
    struct timers *timers = arg;

    loop_cancel(timers->victim);
    timers->victim = NULL;
}

static void timers_fire_once(void **state)
{
    struct timers timers = {.loop = *state};

    loop_after(timers.loop, 1, count, &timers);
    loop_soon(timers.loop, count, &timers);
    loop_after(timers.loop, 30, stop, timers.loop);
    loop_run(timers.loop);
    assert_int_equal(timers.fired, 2);
}

static void a_timer_cancelled_in_its_own_turn_stays_silent(void **state)
{
    struct timers timers = {.loop = *state};

    loop_soon(timers.loop, cancel_victim, &timers);
    timers.victim = loop_after(timers.loop, 0, count, &timers);
    loop_soon(timers.loop, stop, timers.loop);
    loop_run(timers.loop);
    assert_null(timers.victim);
    assert_int_equal(timers.fired, 0);
}

static void count_and_stop(void *arg)
{
    struct timers *timers = arg;

    timers->fired++;
    loop_stop(timers->loop);
}

static void what_is_due_when_the_loop_stops_is_called_when_it_runs_again(void **state)
{
    struct timers timers = {.loop = *state};

    loop_soon(timers.loop, count_and_stop, &timers);
    loop_soon(timers.loop, count_and_stop, &timers);
    loop_soon(timers.loop, count_and_stop, &timers);
    loop_run(timers.loop);
    assert_int_equal(timers.fired, 1);
    loop_run(timers.loop);
    assert_int_equal(timers.fired, 2);
    loop_turn(timers.loop, 0);
    assert_int_equal(timers.fired, 3);
}

static void count_and_set_again(void *arg)
{
    struct timers *timers = arg;

    timers->fired++;
    loop_soon(timers->loop, count_and_set_again, timers);
}

static void a_timer_that_a_timer_sets_has_its_turn_next_time(void **state)
{
    struct timers timers = {.loop = *state};

    loop_soon(timers.loop, count_and_set_again, &timers);
    for (unsigned turn = 1; turn <= 3; turn++) {
        loop_turn(timers.loop, 0);
        assert_int_equal(timers.fired, turn);
    }
}

static void a_delay_without_end_never_ends(void **state)
{
    struct timers timers = {.loop = *state};

    set_mono_us = INT64_MAX / 4;
    loop_after(timers.loop, INT64_MAX, count, &timers);
    loop_after(timers.loop, INT64_MIN, count, &timers);
    loop_turn(timers.loop, 0);
    assert_int_equal(timers.fired, 1);
}

/* Against a model: of those that are due, the earliest; of one delay, the one set first. */

enum { PLANS = 300, STEPS = 60, STEP_US = 1000 };

struct plan {
    struct timeline *timeline;
    struct loop_timer *timer; /* NULL: fired or cancelled */
    int64_t delay_ms, at_mono_us;
    int number;
};

struct timeline {
    struct plan plans[PLANS];
    const struct plan *last;
    int left;
};

static void on_plan(void *arg)
{
    struct plan *plan = arg;
    struct timeline *timeline = plan->timeline;
    const struct plan *last = timeline->last;

    plan->timer = NULL;
    timeline->left--;
    timeline->last = plan;
    assert_true(plan->at_mono_us <= set_mono_us);
    if (!last)
        return;
    assert_true(plan->at_mono_us >= last->at_mono_us);
    if (plan->delay_ms == last->delay_ms)
        assert_true(plan->number > last->number);
}

static void timers_fire_in_the_order_of_time(void **state)
{
    struct random random = random_seeded("timers_fire_in_the_order_of_time");
    struct timeline timeline = {.left = PLANS};

    set_mono_us = STEP_US;
    for (int i = 0; i < PLANS; i++) {
        struct plan *plan = &timeline.plans[i];
        int64_t delay_ms = random_between(&random, 0, STEPS);
        *plan = (struct plan){&timeline, NULL, delay_ms, set_mono_us + delay_ms * 1000, i};
        plan->timer = loop_after(*state, delay_ms, on_plan, plan);
        if (random_chance(&random, 20)) {
            set_mono_us += STEP_US;
            loop_turn(*state, 0);
        }
        struct plan *victim = &timeline.plans[random_between(&random, 0, i)];
        if (victim->timer && random_chance(&random, 10)) {
            loop_cancel(take(victim->timer));
            timeline.left--;
        }
    }
    for (int step = 0; step <= STEPS; step++, set_mono_us += STEP_US)
        loop_turn(*state, 0);
    assert_int_equal(timeline.left, 0);
}

/* The loop in an application's own loop. */

static void wait_for(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    while (poll(&one, 1, -1) != 1)
        ;
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, 0) == 1;
}

static void the_descriptor_tells_of_timers(void **state)
{
    struct timers timers = {.loop = *state};
    int fd = loop_descriptor(timers.loop);

    loop_settle(timers.loop);
    assert_false(is_readable(fd));
    loop_after(timers.loop, 1, count, &timers);
    loop_settle(timers.loop);
    wait_for(fd);
    /* Not before: one turn is enough. */
    loop_turn(timers.loop, 0);
    assert_int_equal(timers.fired, 1);
    loop_settle(timers.loop);
    assert_false(is_readable(fd));
}

int main(void)
{
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(timers_fire_once),
        LOOP_TEST(a_timer_cancelled_in_its_own_turn_stays_silent),
        LOOP_TEST(what_is_due_when_the_loop_stops_is_called_when_it_runs_again),
        LOOP_TEST(a_timer_that_a_timer_sets_has_its_turn_next_time),
        LOOP_TEST(a_delay_without_end_never_ends),
        LOOP_TEST(timers_fire_in_the_order_of_time),
        LOOP_TEST(the_descriptor_tells_of_timers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
