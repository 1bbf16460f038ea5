#include "common/loop/loop.h"

#include <czmq.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/mem.h"

struct watch {
    struct watch *next;
    struct loop *loop;
    zmq_pollitem_t item;
    bool gone; /* unwatched; freed when no callback can be running */
    union {
        loop_fd_fn *fd;
        loop_socket_fn *socket;
    } fn;
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    int id;
    loop_timer_fn *fn;
    void *arg;
    struct loop_timer *next, **link;
};

struct loop {
    zloop_t *zloop;
    struct watch *watches;
    struct loop_timer *timers;
    int signal_fd;
    bool stopped;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc_zero(sizeof(*loop));

    loop->zloop = zloop_new();
    if (!loop->zloop)
        mem_exhausted();
    /* Signals are ours (loop_stop_on_signals); CZMQ must not end the loop behind our back. */
    zloop_set_nonstop(loop->zloop, true);
    loop->signal_fd = -1;
    return loop;
}

static void sweep_watches(struct loop *loop, bool all)
{
    struct watch **link = &loop->watches;

    while (*link) {
        struct watch *watch = *link;
        if (!all && !watch->gone) {
            link = &watch->next;
            continue;
        }
        *link = watch->next;
        mem_free(watch);
    }
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
    zloop_destroy(&loop->zloop);
    while (loop->timers)
        loop_cancel(loop->timers);
    sweep_watches(loop, true);
    mem_free(loop);
}

static int on_ready(zloop_t *zloop, zmq_pollitem_t *item, void *arg)
{
    struct watch *watch = arg;
    struct loop *loop = watch->loop;
    (void)zloop;

    if (!watch->gone) {
        if (watch->item.socket) {
            watch->fn.socket(watch->arg, watch->item.socket);
        } else {
            int events = 0;
            /* An error is reported as readable and writable: reading or writing then says which. */
            if (item->revents & (ZMQ_POLLIN | ZMQ_POLLERR))
                events |= LOOP_READ;
            if (item->revents & (ZMQ_POLLOUT | ZMQ_POLLERR))
                events |= LOOP_WRITE;
            watch->fn.fd(watch->arg, watch->item.fd, events);
        }
    }
    return loop->stopped ? -1 : 0;
}

static struct watch *find_watch(struct loop *loop, const void *socket, int fd)
{
    for (struct watch *watch = loop->watches; watch; watch = watch->next) {
        if (!watch->gone && watch->item.socket == socket && (socket || watch->item.fd == fd))
            return watch;
    }
    return NULL;
}

static void end_watch(struct watch *watch)
{
    zloop_poller_end(watch->loop->zloop, &watch->item);
    watch->gone = true;
}

static struct watch *start_watch(struct loop *loop, void *socket, int fd, int events, void *arg)
{
    struct watch *watch = find_watch(loop, socket, fd);

    if (watch)
        end_watch(watch);
    watch = mem_alloc_zero(sizeof(*watch));
    watch->loop = loop;
    watch->arg = arg;
    watch->item = (zmq_pollitem_t){.socket = socket, .fd = socket ? 0 : fd};
    watch->item.events =
        (short)((events & LOOP_READ ? ZMQ_POLLIN : 0) | (events & LOOP_WRITE ? ZMQ_POLLOUT : 0));
    watch->next = loop->watches;
    loop->watches = watch;
    return watch;
}

static void add_to_zloop(struct watch *watch)
{
    if (zloop_poller(watch->loop->zloop, &watch->item, on_ready, watch) != 0)
        mem_exhausted();
    /* zloop would drop a poller that reports an error; ours are told and decide. */
    zloop_poller_set_tolerant(watch->loop->zloop, &watch->item);
}

void loop_watch_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg)
{
    struct watch *watch = start_watch(loop, NULL, fd, events, arg);

    watch->fn.fd = fn;
    add_to_zloop(watch);
}

void loop_unwatch_fd(struct loop *loop, int fd)
{
    struct watch *watch = find_watch(loop, NULL, fd);

    if (watch)
        end_watch(watch);
}

void loop_watch_socket(struct loop *loop, void *socket, int events, loop_socket_fn *fn, void *arg)
{
    struct watch *watch = start_watch(loop, socket, 0, events, arg);

    watch->fn.socket = fn;
    add_to_zloop(watch);
}

void loop_unwatch_socket(struct loop *loop, void *socket)
{
    struct watch *watch = find_watch(loop, socket, 0);

    if (watch)
        end_watch(watch);
}

static void unlink_timer(struct loop_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
}

static struct loop_timer *find_timer(struct loop *loop, int id)
{
    struct loop_timer *timer = loop->timers;

    while (timer && timer->id != id)
        timer = timer->next;
    return timer;
}

/* Knows its timer by the number: zloop still calls for one that was cancelled in the same turn. */
static int on_timer(zloop_t *zloop, int id, void *arg)
{
    struct loop *loop = arg;
    struct loop_timer *timer = find_timer(loop, id);
    (void)zloop;

    if (timer) {
        loop_timer_fn *fn = timer->fn;
        void *fn_arg = timer->arg;
        unlink_timer(timer);
        mem_free(timer);
        fn(fn_arg);
    }
    return loop->stopped ? -1 : 0;
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
    struct loop_timer *timer = mem_alloc_zero(sizeof(*timer));

    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    timer->next = loop->timers;
    timer->link = &loop->timers;
    if (loop->timers)
        loop->timers->link = &timer->next;
    loop->timers = timer;
    timer->id = zloop_timer(loop->zloop, delay_ms > 0 ? (size_t)delay_ms : 0, 1, on_timer, loop);
    if (timer->id < 0)
        mem_exhausted();
    return timer;
}

void loop_cancel(struct loop_timer *timer)
{
    if (!timer)
        return;
    if (timer->loop->zloop)
        zloop_timer_end(timer->loop->zloop, timer->id);
    unlink_timer(timer);
    mem_free(timer);
}

void loop_soon(struct loop *loop, loop_timer_fn *fn, void *arg)
{
    loop_after(loop, 0, fn, arg);
}

static int on_sweep(zloop_t *zloop, int id, void *arg)
{
    (void)zloop;
    (void)id;
    sweep_watches(arg, false);
    return 0;
}

void loop_run(struct loop *loop)
{
    enum { SWEEP_INTERVAL_MS = 1000 };

    loop->stopped = false;
    int sweep = zloop_timer(loop->zloop, SWEEP_INTERVAL_MS, 0, on_sweep, loop);
    while (!loop->stopped)
        zloop_start(loop->zloop);
    zloop_timer_end(loop->zloop, sweep);
}

static int on_stop(zloop_t *zloop, int id, void *arg)
{
    (void)zloop;
    (void)id;
    (void)arg;
    return -1;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    /* Wakes a loop that would otherwise wait for its next event. */
    zloop_timer(loop->zloop, 0, 1, on_stop, NULL);
}

static void on_signal(void *arg, int fd, int events)
{
    struct signalfd_siginfo info;
    (void)events;

    if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        loop_stop(arg);
}

void loop_stop_on_signals(struct loop *loop)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    loop->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signal_fd < 0)
        mem_exhausted();
    loop_watch_fd(loop, loop->signal_fd, LOOP_READ, on_signal, loop);
}
