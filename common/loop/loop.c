#include "common/loop/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/heap.h"
#include "common/base/mem.h"

enum { EVENTS_PER_TURN = 16, NEVER = -1 };

struct watch {
    struct watch *next;
    void *source; /* or NULL, and fd is watched itself */
    int fd;
    int events;
    bool gone; /* unwatched; freed when no callback can be running */
    loop_ready_fn *ready;
    union {
        loop_fd_fn *fd;
        loop_source_fn *source;
    } fn;
    void *arg;
};

struct loop_timer {
    struct heap_node node; /* first; its key is when, in microseconds of the monotonic clock */
    struct loop *loop;
    loop_timer_fn *fn;
    void *arg;
};

struct loop {
    int epoll_fd;
    int timer_fd; /* of loop_descriptor(); -1: nobody asked for it */
    int64_t armed_mono_us;
    struct watch *fds, *sources;
    struct heap timers;
    int64_t last_mono_us;
    bool has_gone, stopped;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc_zero(sizeof(*loop));

    loop->timer_fd = -1;
    loop->armed_mono_us = NEVER;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        mem_free(loop);
        mem_exhausted();
    }
    return loop;
}

static struct loop_timer *first_timer(const struct loop *loop)
{
    return (struct loop_timer *)heap_top(&loop->timers);
}

static void free_watches(struct watch *watch)
{
    while (watch) {
        struct watch *next = watch->next;
        mem_free(watch);
        watch = next;
    }
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (first_timer(loop))
        loop_cancel(first_timer(loop));
    heap_done(&loop->timers);
    free_watches(loop->fds);
    free_watches(loop->sources);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    close(loop->epoll_fd);
    mem_free(loop);
}

/* Watches. */

static int epoll_set(const struct loop *loop, struct watch *watch, int operation)
{
    struct epoll_event event = {.data.ptr = watch};

    /* A source's descriptor tells that its state may have changed, whatever is wanted of it. */
    if (watch->source || watch->events & LOOP_READ)
        event.events |= EPOLLIN;
    if (!watch->source && watch->events & LOOP_WRITE)
        event.events |= EPOLLOUT;
    return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event);
}

/* A new watch comes into its list when the kernel has it. */
static void add_watch(struct loop *loop, struct watch **list, const struct watch *wanted)
{
    struct watch *watch = mem_alloc_zero(sizeof(*watch));

    *watch = *wanted;
    if (epoll_set(loop, watch, EPOLL_CTL_ADD) < 0) {
        mem_free(watch);
        mem_exhausted();
    }
    watch->next = *list;
    *list = watch;
}

static void end_watch(struct loop *loop, struct watch *watch)
{
    if (!watch)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->gone = true;
    loop->has_gone = true;
}

static void sweep_list(struct watch **link)
{
    while (*link) {
        struct watch *watch = *link;
        if (!watch->gone) {
            link = &watch->next;
            continue;
        }
        *link = watch->next;
        mem_free(watch);
    }
}

static void sweep_watches(struct loop *loop)
{
    if (!loop->has_gone)
        return;
    loop->has_gone = false;
    sweep_list(&loop->fds);
    sweep_list(&loop->sources);
}

static struct watch *find_fd(const struct loop *loop, int fd)
{
    struct watch *watch = loop->fds;

    while (watch && (watch->gone || watch->fd != fd))
        watch = watch->next;
    return watch;
}

void loop_watch_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg)
{
    struct watch *watch = find_fd(loop, fd);

    if (!watch) {
        const struct watch wanted = {.fd = fd, .events = events, .fn.fd = fn, .arg = arg};
        add_watch(loop, &loop->fds, &wanted);
        return;
    }
    int before = watch->events;
    watch->events = events;
    watch->fn.fd = fn;
    watch->arg = arg;
    if (before != events && epoll_set(loop, watch, EPOLL_CTL_MOD) < 0)
        mem_exhausted();
}

void loop_unwatch_fd(struct loop *loop, int fd)
{
    end_watch(loop, find_fd(loop, fd));
}

static struct watch *find_source(const struct loop *loop, const void *source)
{
    struct watch *watch = loop->sources;

    while (watch && (watch->gone || watch->source != source))
        watch = watch->next;
    return watch;
}

void loop_watch_source(struct loop *loop, void *source, int fd, loop_ready_fn *ready, int events,
                       loop_source_fn *fn, void *arg)
{
    struct watch *watch = find_source(loop, source);

    if (!watch) {
        const struct watch wanted = {.source = source,
                                     .fd = fd,
                                     .events = events,
                                     .ready = ready,
                                     .fn.source = fn,
                                     .arg = arg};
        add_watch(loop, &loop->sources, &wanted);
        return;
    }
    watch->events = events;
    watch->fn.source = fn;
    watch->arg = arg;
}

void loop_unwatch_source(struct loop *loop, const void *source)
{
    end_watch(loop, find_source(loop, source));
}

static bool is_ready(const struct watch *source)
{
    return !source->gone && source->ready(source->source, source->events);
}

/* Whatever was called since may have used up what their descriptors had to tell. */
static bool call_sources(struct loop *loop)
{
    bool called = false;

    for (const struct watch *watch = loop->sources; watch && !loop->stopped; watch = watch->next) {
        if (!is_ready(watch))
            continue;
        watch->fn.source(watch->arg, watch->source);
        called = true;
    }
    return called;
}

static void call_fd(const struct watch *watch, uint32_t ready)
{
    int events = 0;

    if (watch->gone || watch->source)
        return;
    /* Reading or writing then says which error it is. */
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR))
        events |= LOOP_READ;
    if (ready & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        events |= LOOP_WRITE;
    watch->fn.fd(watch->arg, watch->fd, events);
}

/* Timers. */

/* Later at each call, so that no two timers of one delay are due at the same time. */
static int64_t next_mono_us(struct loop *loop)
{
    int64_t now = clock_mono_us();

    loop->last_mono_us = now > loop->last_mono_us ? now : loop->last_mono_us + 1;
    return loop->last_mono_us;
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
    enum { US_PER_MS = 1000 };
    const int64_t delay_max_ms = INT64_MAX / US_PER_MS / 2;

    heap_reserve(&loop->timers);
    struct loop_timer *timer = mem_alloc_zero(sizeof(*timer));
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > delay_max_ms)
        delay_ms = delay_max_ms;
    heap_put(&loop->timers, &timer->node, next_mono_us(loop) + delay_ms * US_PER_MS);
    return timer;
}

void loop_cancel(struct loop_timer *timer)
{
    if (!timer)
        return;
    heap_remove(&timer->loop->timers, &timer->node);
    mem_free(timer);
}

void loop_soon(struct loop *loop, loop_timer_fn *fn, void *arg)
{
    loop_after(loop, 0, fn, arg);
}

/* Those that these callbacks set have their turn next time. */
static void call_timers(struct loop *loop)
{
    struct loop_timer *timer = first_timer(loop);

    if (!timer)
        return;
    int64_t now = next_mono_us(loop);
    while (timer && timer->node.key <= now && !loop->stopped) {
        loop_timer_fn *fn = timer->fn;
        void *arg = timer->arg;
        loop_cancel(timer);
        fn(arg);
        timer = first_timer(loop);
    }
}

/* Rounded up: a wait that ended before its timer is due would be followed by others of no length.
 */
static int wait_ms(const struct loop *loop, int64_t timeout_ms)
{
    const struct loop_timer *timer = first_timer(loop);

    if (timer) {
        int64_t left_us = timer->node.key - clock_mono_us();
        int64_t left_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
        if (timeout_ms < 0 || left_ms < timeout_ms)
            timeout_ms = left_ms;
    }
    return timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
}

/* Turns. */

/* An answer that is there goes before the deadline that has passed meanwhile. */
void loop_turn(struct loop *loop, int64_t timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];

    loop->stopped = false;
    bool called = call_sources(loop);
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN,
                           called || loop->stopped ? 0 : wait_ms(loop, timeout_ms));
    for (int i = 0; i < count && !loop->stopped; i++)
        call_fd(events[i].data.ptr, events[i].events);
    if (count > 0)
        call_sources(loop);
    call_timers(loop);
    sweep_watches(loop);
}

void loop_run(struct loop *loop)
{
    do
        loop_turn(loop, -1);
    while (!loop->stopped);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

static void on_timer_fd(void *arg, int fd, int events)
{
    struct loop *loop = arg;
    uint64_t expirations;
    (void)events;

    (void)!read(fd, &expirations, sizeof(expirations));
    loop->armed_mono_us = NEVER;
}

int loop_descriptor(struct loop *loop)
{
    if (loop->timer_fd < 0) {
        loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (loop->timer_fd < 0)
            mem_exhausted();
        loop_watch_fd(loop, loop->timer_fd, LOOP_READ, on_timer_fd, loop);
    }
    return loop->epoll_fd;
}

/* When the loop wants a turn whatever the descriptors say. */
static int64_t next_turn_mono_us(const struct loop *loop)
{
    const struct loop_timer *timer = first_timer(loop);

    for (const struct watch *watch = loop->sources; watch; watch = watch->next) {
        if (is_ready(watch))
            return 0;
    }
    return timer ? timer->node.key : NEVER;
}

void loop_settle(struct loop *loop)
{
    struct itimerspec when = {0};

    if (loop->timer_fd < 0)
        return;
    int64_t at_mono_us = next_turn_mono_us(loop);
    if (at_mono_us == loop->armed_mono_us)
        return;
    loop->armed_mono_us = at_mono_us;
    if (at_mono_us != NEVER) {
        when.it_value.tv_sec = at_mono_us / 1000000;
        when.it_value.tv_nsec = at_mono_us % 1000000 * 1000;
        if (at_mono_us == 0)
            when.it_value.tv_nsec = 1; /* an all-zero time would disarm it */
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}
