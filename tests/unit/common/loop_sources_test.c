/* Sources of the loop, as libzmq's sockets are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/eventfd.h>
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

/* Sources: what is played here has something waiting, and a descriptor whose news are used up by
 * whoever asks. Where such a one is forgotten, the test waits for ever. */

struct source {
    struct loop *loop;
    struct source *other;
    int fd;
    int waiting, events;
    unsigned calls;
};

static void use_up(struct source *source)
{
    eventfd_t value;

    (void)!eventfd_read(source->fd, &value);
}

static bool source_is_ready(void *arg, int events)
{
    struct source *source = arg;

    use_up(source);
    source->events = events;
    return source->waiting > 0 && events & LOOP_READ;
}

static void source_open(struct source *source, struct loop *loop)
{
    *source = (struct source){.loop = loop, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    assert_true(source->fd >= 0);
}

static void source_close(struct source *source)
{
    loop_unwatch_source(source->loop, source);
    close(source->fd);
}

static void take_one(void *arg, void *source)
{
    struct source *self = arg;

    assert_ptr_equal(self, source);
    self->waiting--;
    self->calls++;
}

static void watch(struct source *source)
{
    loop_watch_source(source->loop, source, source->fd, source_is_ready, LOOP_READ, take_one,
                      source);
}

static void a_source_that_was_ready_before_is_called(void **state)
{
    struct source source;

    source_open(&source, *state);
    source.waiting = 1;
    watch(&source);
    loop_turn(*state, -1);
    assert_int_equal(source.calls, 1);
    source_close(&source);
}

static void a_source_whose_descriptor_wakes_the_loop_is_asked(void **state)
{
    struct source source;

    source_open(&source, *state);
    watch(&source);
    loop_turn(*state, 0);
    assert_int_equal(source.calls, 0);
    source.waiting = 1;
    assert_int_equal(eventfd_write(source.fd, 1), 0);
    /* The first question uses the edge up. */
    while (source.calls == 0)
        loop_turn(*state, -1);
    loop_turn(*state, 0);
    assert_int_equal(source.calls, 1);
    source_close(&source);
}

static void a_source_is_called_until_it_is_no_longer_ready(void **state)
{
    struct source source;

    source_open(&source, *state);
    source.waiting = 3;
    watch(&source);
    while (source.waiting > 0)
        loop_turn(*state, -1);
    loop_turn(*state, 0);
    assert_int_equal(source.calls, 3);
    source_close(&source);
}

/* Somebody used the source, and now something waits in it, but its descriptor says nothing. */
static void use_source(void *arg)
{
    struct source *source = arg;

    source->waiting++;
    use_up(source);
}

static void use_source_by_fd(void *arg, int fd, int events)
{
    struct source *source = arg;
    eventfd_t value;
    (void)events;

    assert_int_equal(eventfd_read(fd, &value), 0);
    use_source(source);
}

static void take_one_and_use_other(void *arg, void *source)
{
    struct source *self = arg;

    take_one(arg, source);
    use_source(self->other);
}

static void a_source_that_a_timer_used_is_asked_before_the_loop_waits(void **state)
{
    struct source source;

    source_open(&source, *state);
    watch(&source);
    loop_soon(*state, use_source, &source);
    while (source.calls == 0)
        loop_turn(*state, -1);
    source_close(&source);
}

static void a_source_that_a_descriptor_used_is_asked_before_the_loop_waits(void **state)
{
    struct source source;
    int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

    source_open(&source, *state);
    watch(&source);
    loop_watch_fd(*state, fd, LOOP_READ, use_source_by_fd, &source);
    while (source.calls == 0)
        loop_turn(*state, -1);
    loop_unwatch_fd(*state, fd);
    close(fd);
    source_close(&source);
}

/* Whichever of the two is asked first. */
static void a_source_that_another_used_is_asked_before_the_loop_waits(void **state)
{
    for (int first = 0; first < 2; first++) {
        struct source sources[2];
        for (int i = 0; i < 2; i++) {
            source_open(&sources[i], *state);
            watch(&sources[i]);
        }
        struct source *user = &sources[first];
        user->other = &sources[!first];
        loop_watch_source(*state, user, user->fd, source_is_ready, LOOP_READ,
                          take_one_and_use_other, user);
        user->waiting = 1;
        while (user->other->calls == 0)
            loop_turn(*state, -1);
        assert_int_equal(user->calls, 1);
        for (int i = 0; i < 2; i++)
            source_close(&sources[i]);
    }
}

static void close_other(void *arg, void *source)
{
    struct source *self = arg;

    take_one(arg, source);
    loop_unwatch_source(self->loop, self->other);
}

static void a_source_unwatched_in_its_own_turn_stays_silent(void **state)
{
    struct source sources[2];

    for (int i = 0; i < 2; i++) {
        source_open(&sources[i], *state);
        sources[i].other = &sources[!i];
        sources[i].waiting = 1;
        loop_watch_source(*state, &sources[i], sources[i].fd, source_is_ready, LOOP_READ,
                          close_other, &sources[i]);
    }
    loop_turn(*state, -1);
    loop_turn(*state, 0);
    assert_int_equal(sources[0].calls + sources[1].calls, 1);
    for (int i = 0; i < 2; i++)
        source_close(&sources[i]);
}

static void a_source_watched_again_is_asked_for_other_events(void **state)
{
    struct source source;

    source_open(&source, *state);
    watch(&source);
    loop_turn(*state, 0);
    assert_int_equal(source.events, LOOP_READ);
    loop_watch_source(*state, &source, source.fd, source_is_ready, LOOP_READ | LOOP_WRITE, take_one,
                      &source);
    loop_turn(*state, 0);
    assert_int_equal(source.events, LOOP_READ | LOOP_WRITE);
    source_close(&source);
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

static void the_descriptor_tells_of_a_source_whose_own_says_nothing(void **state)
{
    struct source source;
    int fd = loop_descriptor(*state);

    source_open(&source, *state);
    watch(&source);
    for (unsigned times = 1; times <= 2; times++) {
        use_source(&source);
        loop_settle(*state);
        wait_for(fd);
        loop_turn(*state, 0);
        assert_int_equal(source.calls, times);
        loop_turn(*state, 0);
        loop_settle(*state);
        assert_false(is_readable(fd));
    }
    source_close(&source);
}

int main(void)
{
#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_source_that_was_ready_before_is_called),
        LOOP_TEST(a_source_whose_descriptor_wakes_the_loop_is_asked),
        LOOP_TEST(a_source_is_called_until_it_is_no_longer_ready),
        LOOP_TEST(a_source_that_a_timer_used_is_asked_before_the_loop_waits),
        LOOP_TEST(a_source_that_a_descriptor_used_is_asked_before_the_loop_waits),
        LOOP_TEST(a_source_that_another_used_is_asked_before_the_loop_waits),
        LOOP_TEST(a_source_unwatched_in_its_own_turn_stays_silent),
        LOOP_TEST(a_source_watched_again_is_asked_for_other_events),
        LOOP_TEST(the_descriptor_tells_of_a_source_whose_own_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
