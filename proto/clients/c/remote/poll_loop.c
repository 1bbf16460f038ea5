#include "proto/clients/c/remote/poll_loop.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum { EVENTS_PER_TURN = 16, UNARMED = -1 };

struct watch {
    struct watch *next;
    struct loop *loop;
    void *socket; /* or NULL, and fd is watched itself */
    int fd;
    int events;
    bool gone; /* unwatched; freed when no callback can be running */
    union {
        loop_fd_fn *fd;
        loop_socket_fn *socket;
    } fn;
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *next, **link; /* in the order of time */
    int64_t at_mono_ms;
    uint64_t number;
    loop_timer_fn *fn;
    void *arg;
};

struct loop {
    int epoll_fd;
    int timer_fd; /* of loop_descriptor(); -1: nobody asked for it */
    int64_t armed_mono_ms;
    struct watch *watches;
    struct loop_timer *timers;
    uint64_t last_number;
    bool has_gone, stopped;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc_zero(sizeof(*loop));

    loop->timer_fd = -1;
    loop->armed_mono_ms = UNARMED;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        mem_free(loop);
        mem_exhausted();
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->timers)
        loop_cancel(loop->timers);
    for (struct watch *watch = loop->watches, *next; watch; watch = next) {
        next = watch->next;
        mem_free(watch);
    }
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    close(loop->epoll_fd);
    mem_free(loop);
}

/* Watches. */

static struct watch *find_watch(struct loop *loop, const void *socket, int fd)
{
    for (struct watch *watch = loop->watches; watch; watch = watch->next) {
        if (!watch->gone && watch->socket == socket && (socket || watch->fd == fd))
            return watch;
    }
    return NULL;
}

/* A socket's descriptor tells that its events may have changed, whichever are wanted. */
static int epoll_set(const struct watch *watch, int operation)
{
    struct epoll_event event = {.data.ptr = (void *)watch};

    if (watch->socket || watch->events & LOOP_READ)
        event.events |= EPOLLIN;
    if (!watch->socket && watch->events & LOOP_WRITE)
        event.events |= EPOLLOUT;
    return epoll_ctl(watch->loop->epoll_fd, operation, watch->fd, &event);
}

static struct watch *start_watch(struct loop *loop, void *socket, int fd, int events, void *arg)
{
    struct watch *watch = find_watch(loop, socket, fd);
    bool found = watch != NULL;

    if (!found) {
        watch = mem_alloc_zero(sizeof(*watch));
        *watch = (struct watch){.next = loop->watches, .loop = loop, .socket = socket, .fd = fd};
    }
    watch->events = events;
    watch->arg = arg;
    if (epoll_set(watch, found ? EPOLL_CTL_MOD : EPOLL_CTL_ADD) < 0) {
        if (!found)
            mem_free(watch);
        mem_exhausted();
    }
    if (!found)
        loop->watches = watch;
    return watch;
}

static void end_watch(struct watch *watch)
{
    if (!watch)
        return;
    epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->gone = true;
    watch->loop->has_gone = true;
}

static void sweep_watches(struct loop *loop)
{
    struct watch **link = &loop->watches;

    if (!loop->has_gone)
        return;
    loop->has_gone = false;
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

void loop_watch_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg)
{
    start_watch(loop, NULL, fd, events, arg)->fn.fd = fn;
}

void loop_unwatch_fd(struct loop *loop, int fd)
{
    end_watch(find_watch(loop, NULL, fd));
}

static int socket_option(void *socket, int option)
{
    int value = 0;
    size_t size = sizeof(value);

    return zmq_getsockopt(socket, option, &value, &size) < 0 ? -1 : value;
}

void loop_watch_socket(struct loop *loop, void *socket, int events, loop_socket_fn *fn, void *arg)
{
    start_watch(loop, socket, socket_option(socket, ZMQ_FD), events, arg)->fn.socket = fn;
}

void loop_unwatch_socket(struct loop *loop, void *socket)
{
    end_watch(find_watch(loop, socket, 0));
}

/* A socket's descriptor is edge-triggered towards its events (zmq_getsockopt(3), ZMQ_FD): any
 * call on the socket may use the edge up, so the events themselves are asked for. */
static bool is_ready(const struct watch *watch)
{
    int events;

    if (watch->gone || !watch->socket)
        return false;
    events = socket_option(watch->socket, ZMQ_EVENTS);
    if (events < 0)
        return false;
    return (events & ZMQ_POLLIN && watch->events & LOOP_READ) ||
           (events & ZMQ_POLLOUT && watch->events & LOOP_WRITE);
}

static bool call_sockets(struct loop *loop)
{
    bool called = false;

    for (const struct watch *watch = loop->watches; watch; watch = watch->next) {
        if (!is_ready(watch))
            continue;
        watch->fn.socket(watch->arg, watch->socket);
        called = true;
    }
    return called;
}

static void call_fd(const struct watch *watch, uint32_t ready)
{
    int events = 0;

    if (watch->gone || watch->socket)
        return;
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR))
        events |= LOOP_READ;
    if (ready & (EPOLLOUT | EPOLLERR))
        events |= LOOP_WRITE;
    watch->fn.fd(watch->arg, watch->fd, events);
}

/* Timers. */

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc_zero(sizeof(*timer));
    struct loop_timer **link = &loop->timers;

    *timer = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    timer->at_mono_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
    timer->number = ++loop->last_number;
    while (*link && (*link)->at_mono_ms <= timer->at_mono_ms)
        link = &(*link)->next;
    timer->next = *link;
    timer->link = link;
    if (timer->next)
        timer->next->link = &timer->next;
    *link = timer;
    return timer;
}

void loop_cancel(struct loop_timer *timer)
{
    if (!timer)
        return;
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    mem_free(timer);
}

void loop_soon(struct loop *loop, loop_timer_fn *fn, void *arg)
{
    loop_after(loop, 0, fn, arg);
}

static struct loop_timer *find_due(const struct loop *loop, int64_t now, uint64_t last_number)
{
    struct loop_timer *timer = loop->timers;

    while (timer && timer->at_mono_ms <= now && timer->number > last_number)
        timer = timer->next;
    return timer && timer->at_mono_ms <= now ? timer : NULL;
}

/* Those that these callbacks set have their turn next time. */
static bool call_timers(struct loop *loop)
{
    uint64_t last_number = loop->last_number;
    struct loop_timer *timer;
    bool called = false;

    if (!loop->timers)
        return false;
    int64_t now = clock_mono_ms();
    while ((timer = find_due(loop, now, last_number))) {
        loop_timer_fn *fn = timer->fn;
        void *arg = timer->arg;
        loop_cancel(timer);
        fn(arg);
        called = true;
    }
    return called;
}

static int wait_ms(const struct loop *loop, int64_t timeout_ms)
{
    if (loop->timers) {
        int64_t left = loop->timers->at_mono_ms - clock_mono_ms();
        if (timeout_ms < 0 || left < timeout_ms)
            timeout_ms = left > 0 ? left : 0;
    }
    return timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
}

/* Turns. */

void loop_turn(struct loop *loop, int64_t timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];

    /* An answer that is there goes before the deadline that has passed meanwhile. */
    bool called = call_sockets(loop);
    called |= call_timers(loop);
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN,
                           called || loop->stopped ? 0 : wait_ms(loop, timeout_ms));
    for (int i = 0; i < count; i++)
        call_fd(events[i].data.ptr, events[i].events);
    if (count > 0)
        call_sockets(loop);
    sweep_watches(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        loop_turn(loop, -1);
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
    loop->armed_mono_ms = UNARMED;
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

/* When the loop wants a turn whatever the descriptors say; UNARMED: never. */
static int64_t next_turn_mono_ms(const struct loop *loop)
{
    for (const struct watch *watch = loop->watches; watch; watch = watch->next) {
        if (is_ready(watch))
            return 0;
    }
    return loop->timers ? loop->timers->at_mono_ms : UNARMED;
}

void loop_settle(struct loop *loop)
{
    struct itimerspec when = {0};

    if (loop->timer_fd < 0)
        return;
    int64_t at_mono_ms = next_turn_mono_ms(loop);
    if (at_mono_ms == loop->armed_mono_ms)
        return;
    loop->armed_mono_ms = at_mono_ms;
    if (at_mono_ms != UNARMED) {
        when.it_value.tv_sec = at_mono_ms / 1000;
        when.it_value.tv_nsec = at_mono_ms % 1000 * 1000000;
        if (at_mono_ms == 0)
            when.it_value.tv_nsec = 1; /* an all-zero time would disarm it */
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}
