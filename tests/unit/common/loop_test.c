/* The loop's timers and descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/loop/loop.h"

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

static void timers_fire_once_in_order(void **state)
{
    (void)state;
    struct timers timers = {.loop = loop_new()};

    loop_after(timers.loop, 1, count, &timers);
    loop_soon(timers.loop, count, &timers);
    loop_after(timers.loop, 30, stop, timers.loop);
    loop_run(timers.loop);
    assert_int_equal(timers.fired, 2);
    loop_free(timers.loop);
}

static void a_timer_cancelled_in_its_own_turn_stays_silent(void **state)
{
    (void)state;
    struct timers timers = {.loop = loop_new()};

    loop_after(timers.loop, 5, cancel_victim, &timers);
    timers.victim = loop_after(timers.loop, 5, count, &timers);
    loop_after(timers.loop, 30, stop, timers.loop);
    loop_run(timers.loop);
    assert_null(timers.victim);
    assert_int_equal(timers.fired, 0);
    loop_free(timers.loop);
}

struct pipes {
    struct loop *loop;
    int fds[2][2];
    unsigned calls;
};

static void unwatch_both(void *arg, int fd, int events)
{
    struct pipes *pipes = arg;
    (void)fd;

    assert_int_equal(events, LOOP_READ);
    pipes->calls++;
    for (int i = 0; i < 2; i++)
        loop_unwatch_fd(pipes->loop, pipes->fds[i][0]);
    loop_after(pipes->loop, 20, stop, pipes->loop);
}

static void a_descriptor_unwatched_in_its_own_turn_stays_silent(void **state)
{
    (void)state;
    struct pipes pipes = {.loop = loop_new()};

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes.fds[i]), 0);
        assert_int_equal(write(pipes.fds[i][1], "x", 1), 1);
        loop_watch_fd(pipes.loop, pipes.fds[i][0], LOOP_READ, unwatch_both, &pipes);
    }
    loop_run(pipes.loop);
    assert_int_equal(pipes.calls, 1);
    loop_free(pipes.loop);
    for (int i = 0; i < 2; i++) {
        close(pipes.fds[i][0]);
        close(pipes.fds[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_once_in_order),
        cmocka_unit_test(a_timer_cancelled_in_its_own_turn_stays_silent),
        cmocka_unit_test(a_descriptor_unwatched_in_its_own_turn_stays_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
