#include "services/checker/handover.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/slice.h"

/* However much is asked, the feed and the timers of the loop have their turn after so long. */
enum { WAITING_MAX = 1024, PEER_WAITING_MAX = 256, SLICE_US = 5000 };

struct waiting {
    struct rpc_request *request;
    rpc_handler_fn *handler;
};

struct handover {
    struct loop *loop;
    void *arg;
    int event_fd;
    pthread_mutex_t lock; /* guards the queue, which is a ring */
    struct waiting queue[WAITING_MAX];
    size_t first, count;
};

static bool take_first(struct handover *handover, struct waiting *ret_waiting)
{
    pthread_mutex_lock(&handover->lock);
    bool there_is = handover->count > 0;
    if (there_is) {
        *ret_waiting = handover->queue[handover->first];
        handover->first = (handover->first + 1) % WAITING_MAX;
        handover->count--;
    }
    pthread_mutex_unlock(&handover->lock);
    return there_is;
}

static void handle(const struct handover *handover, const struct waiting *waiting)
{
    if (rpc_request_time_left_ms(waiting->request) == 0)
        rpc_fail(waiting->request, ERROR_TIMEOUT, "%s", rpc_errors[ERROR_TIMEOUT].sentence);
    else
        waiting->handler(handover->arg, waiting->request);
}

static void on_given(void *arg, int fd, int ready)
{
    struct handover *handover = arg;
    struct slice slice = slice_begin(SLICE_US);
    struct waiting waiting;
    eventfd_t count;
    (void)ready;

    eventfd_read(fd, &count);
    while (take_first(handover, &waiting)) {
        handle(handover, &waiting);
        if (slice_is_over(&slice)) {
            eventfd_write(fd, 1);
            return;
        }
    }
}

int handover_new(struct handover **ret, struct loop *loop, void *arg, struct error *error)
{
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (event_fd < 0)
        return error_set(error, "no descriptor for an eventfd: %s", strerror(errno));
    struct handover *handover = mem_alloc_zero(sizeof(*handover));
    handover->loop = loop;
    handover->arg = arg;
    handover->event_fd = event_fd;
    pthread_mutex_init(&handover->lock, NULL);
    loop_watch_fd(loop, event_fd, LOOP_READ, on_given, handover);
    *ret = handover;
    return 0;
}

void handover_free(struct handover *handover)
{
    if (!handover)
        return;
    loop_unwatch_fd(handover->loop, handover->event_fd);
    close(handover->event_fd);
    pthread_mutex_destroy(&handover->lock);
    mem_free(handover);
}

static bool put_last(struct handover *handover, const struct waiting *waiting)
{
    pthread_mutex_lock(&handover->lock);
    bool has_room = handover->count < WAITING_MAX;
    if (has_room) {
        handover->queue[(handover->first + handover->count) % WAITING_MAX] = *waiting;
        handover->count++;
    }
    pthread_mutex_unlock(&handover->lock);
    return has_room;
}

void handover_give(struct handover *handover, struct rpc_request *request, rpc_handler_fn *handler)
{
    const struct waiting waiting = {.request = request, .handler = handler};

    if (rpc_request_peer_waiting(request) >= PEER_WAITING_MAX) {
        rpc_fail(request, ERROR_THROTTLED, "%d requests of this connection wait already",
                 PEER_WAITING_MAX);
        return;
    }
    rpc_park(request, NULL, NULL);
    if (!put_last(handover, &waiting)) {
        rpc_fail(request, ERROR_THROTTLED, "%d such requests wait already", WAITING_MAX);
        return;
    }
    /* Refused only when the counter is full: then the loop is about to be woken anyway. */
    eventfd_write(handover->event_fd, 1);
}
