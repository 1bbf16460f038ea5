/* The loop's descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop/loop.h"

static int open_loop(void **state)
{
    *state = loop_new();
    return 0;
}

static int close_loop(void **state)
{
    loop_free(*state);
    return 0;
}

struct pipes {
    struct loop *loop;
    int fds[2][2];
    int events;
    unsigned calls;
};

static void open_pipes(struct pipes *pipes, struct loop *loop)
{
    *pipes = (struct pipes){.loop = loop};
    for (int i = 0; i < 2; i++)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pipes->fds[i]), 0);
}

static void close_pipes(const struct pipes *pipes)
{
    for (int i = 0; i < 2; i++) {
        loop_unwatch_fd(pipes->loop, pipes->fds[i][0]);
        close(pipes->fds[i][0]);
        close(pipes->fds[i][1]);
    }
}

static void note_events(void *arg, int fd, int events)
{
    struct pipes *pipes = arg;
    (void)fd;

    pipes->calls++;
    pipes->events = events;
}

static void unwatch_both(void *arg, int fd, int events)
{
    struct pipes *pipes = arg;

    note_events(arg, fd, events);
    for (int i = 0; i < 2; i++)
        loop_unwatch_fd(pipes->loop, pipes->fds[i][0]);
}

static void a_descriptor_unwatched_in_its_own_turn_stays_silent(void **state)
{
    struct pipes pipes;

    open_pipes(&pipes, *state);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(pipes.fds[i][1], "x", 1), 1);
        loop_watch_fd(pipes.loop, pipes.fds[i][0], LOOP_READ, unwatch_both, &pipes);
    }
    loop_turn(pipes.loop, -1);
    loop_turn(pipes.loop, 0);
    assert_int_equal(pipes.calls, 1);
    close_pipes(&pipes);
}

static void replace_other(void *arg, int fd, int events)
{
    struct pipes *pipes = arg;
    int other = fd == pipes->fds[0][0];

    note_events(arg, fd, events);
    /* Another descriptor of that number, on which nothing is ready. */
    loop_unwatch_fd(pipes->loop, pipes->fds[other][0]);
    assert_int_equal(dup2(pipes->fds[!other][1], pipes->fds[other][0]), pipes->fds[other][0]);
    loop_watch_fd(pipes->loop, pipes->fds[other][0], LOOP_READ, replace_other, pipes);
}

static void what_was_ready_of_a_closed_descriptor_is_nothing_of_its_successor(void **state)
{
    struct pipes pipes;

    open_pipes(&pipes, *state);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(pipes.fds[i][1], "x", 1), 1);
        loop_watch_fd(pipes.loop, pipes.fds[i][0], LOOP_READ, replace_other, &pipes);
    }
    loop_turn(pipes.loop, -1);
    assert_int_equal(pipes.calls, 1);
    close_pipes(&pipes);
}

static void a_descriptor_is_reported_while_the_condition_lasts(void **state)
{
    struct pipes pipes;
    char text[8];

    open_pipes(&pipes, *state);
    loop_watch_fd(pipes.loop, pipes.fds[0][0], LOOP_READ, note_events, &pipes);
    assert_int_equal(write(pipes.fds[0][1], "x", 1), 1);
    for (unsigned turn = 1; turn <= 3; turn++) {
        loop_turn(pipes.loop, -1);
        assert_int_equal(pipes.calls, turn);
        assert_int_equal(pipes.events, LOOP_READ);
    }
    assert_int_equal(read(pipes.fds[0][0], text, sizeof(text)), 1);
    loop_turn(pipes.loop, 0);
    assert_int_equal(pipes.calls, 3);
    close_pipes(&pipes);
}

static void watched_again_it_is_watched_for_other_events(void **state)
{
    struct pipes pipes;

    open_pipes(&pipes, *state);
    loop_watch_fd(pipes.loop, pipes.fds[0][0], LOOP_READ, note_events, &pipes);
    loop_turn(pipes.loop, 0);
    assert_int_equal(pipes.calls, 0);
    loop_watch_fd(pipes.loop, pipes.fds[0][0], LOOP_READ | LOOP_WRITE, note_events, &pipes);
    loop_turn(pipes.loop, -1);
    assert_int_equal(pipes.events, LOOP_WRITE);
    loop_watch_fd(pipes.loop, pipes.fds[0][0], LOOP_READ, note_events, &pipes);
    loop_turn(pipes.loop, 0);
    assert_int_equal(pipes.calls, 1);
    close_pipes(&pipes);
}

/* Also where it is watched for one of the two: who reads or writes learns what it is. */
static void what_is_hung_up_is_readable_and_writable(void **state)
{
    const int watched[] = {LOOP_READ, LOOP_WRITE};

    for (int i = 0; i < 2; i++) {
        struct pipes pipes;
        open_pipes(&pipes, *state);
        loop_watch_fd(pipes.loop, pipes.fds[0][0], watched[i], note_events, &pipes);
        close(pipes.fds[0][1]);
        loop_turn(pipes.loop, -1);
        assert_int_equal(pipes.events, LOOP_READ | LOOP_WRITE);
        pipes.fds[0][1] = dup(pipes.fds[1][1]);
        close_pipes(&pipes);
    }
}

static void drain(void *arg, int fd, int events)
{
    unsigned *calls = arg;
    char text[8];
    (void)events;

    assert_int_equal(read(fd, text, sizeof(text)), 1);
    ++*calls;
}

static void many_descriptors_have_their_turn(void **state)
{
    enum { MANY = 100 };
    int fds[MANY][2];
    unsigned calls = 0;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        loop_watch_fd(*state, fds[i][0], LOOP_READ, drain, &calls);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
    }
    while (calls < MANY)
        loop_turn(*state, -1);
    loop_turn(*state, 0);
    assert_int_equal(calls, MANY);
    for (int i = 0; i < MANY; i++) {
        loop_unwatch_fd(*state, fds[i][0]);
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

int main(void)
{
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_descriptor_unwatched_in_its_own_turn_stays_silent),
        LOOP_TEST(what_was_ready_of_a_closed_descriptor_is_nothing_of_its_successor),
        LOOP_TEST(a_descriptor_is_reported_while_the_condition_lasts),
        LOOP_TEST(watched_again_it_is_watched_for_other_events),
        LOOP_TEST(what_is_hung_up_is_readable_and_writable),
        LOOP_TEST(many_descriptors_have_their_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
