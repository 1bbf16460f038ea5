/* The server on a thread of its own.
 *
 * The thread blocks on its ROUTER and on nothing else. Whatever other threads want of it comes as a
 * message through the same ROUTER: they hold an inproc DEALER whose routing id is a secret of this
 * process, and send [mirrored frames ..., payload] for a reply, or one empty frame to stop it. So a
 * reply wakes the thread by itself, and the query path pays nothing for it.
 */
#include <signal.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/endpoint/server_core.h"

/* Measured: taking more before answering gains nothing, less costs wake-ups. */
enum { BATCH_MAX = 32 };
enum { SECRET_SIZE = 16 };

struct server_thread {
    struct rpc_server *server;
    pthread_t thread;
    void *waker; /* the DEALER */
    pthread_mutex_t waker_lock;
    struct reply_slabs slabs; /* of who holds the lock */
    char secret[SECRET_SIZE];
};

bool server_thread_is_mine(const struct server_thread *thread)
{
    return pthread_equal(thread->thread, pthread_self());
}

void server_thread_send(struct server_thread *thread, struct envelope *envelope, struct str payload)
{
    zmq_msg_t body;

    pthread_mutex_lock(&thread->waker_lock);
    server_reply_message(thread->server, &thread->slabs, envelope, payload, &body);
    /* Without a high-water mark on this pipe nothing is refused: replies are bounded in bytes. */
    envelope_reply(thread->waker, envelope, &body);
    pthread_mutex_unlock(&thread->waker_lock);
}

static bool is_ours(const struct server_thread *thread, struct envelope *envelope)
{
    return zmq_msg_size(&envelope->frames[0]) == SECRET_SIZE &&
           str_eq(envelope_peer(envelope), str_from(thread->secret, SECRET_SIZE));
}

/* False: the thread is to stop. */
static bool take_ours(struct server_thread *thread, struct rpc_request *request)
{
    struct rpc_server *server = thread->server;
    bool go_on = request->envelope.count > 2;

    if (go_on && envelope_forward(server->router, &request->envelope, 1) < 0)
        server_count_undeliverable(server);
    request_free(request);
    return go_on;
}

/* What is there. If that is nothing, the first that comes, alone: to see whether there are more
 * takes a system call, for which its caller would wait. 0: the context ends. */
static size_t receive_batch(struct rpc_server *server, struct rpc_request *requests[BATCH_MAX])
{
    size_t count = 0;

    while (count < BATCH_MAX && (requests[count] = request_receive(server, ZMQ_DONTWAIT)))
        count++;
    if (count == 0 && (requests[0] = request_receive(server, 0)))
        count = 1;
    return count;
}

/* Leaves the requests of others in *requests, *count of them. False: the thread is to stop. */
static bool take_out_ours(struct server_thread *thread, struct rpc_request *requests[BATCH_MAX],
                          size_t *count)
{
    size_t foreign = 0;
    bool go_on = true;

    for (size_t i = 0; i < *count; i++) {
        if (!is_ours(thread, &requests[i]->envelope))
            requests[foreign++] = requests[i];
        else if (!take_ours(thread, requests[i]))
            go_on = false;
    }
    *count = foreign;
    return go_on;
}

static void handle_batch(struct rpc_server *server, struct rpc_request *const *requests,
                         size_t count)
{
    struct rpc_request *opened[BATCH_MAX];
    size_t opened_count = 0;
    int64_t now_mono_ms = clock_mono_ms();

    server_count(&server->counters.requests, count);
    for (size_t i = 0; i < count; i++) {
        if (request_open(requests[i], now_mono_ms))
            opened[opened_count++] = requests[i];
    }
    if (opened_count > 0)
        requests_handle(server, opened, opened_count);
}

static void *run(void *arg)
{
    struct server_thread *thread = arg;
    struct rpc_request *requests[BATCH_MAX];
    bool go_on = true;

    /* The starter holds this until thread->thread is set, which server_thread_is_mine() reads. */
    pthread_mutex_lock(&thread->waker_lock);
    pthread_mutex_unlock(&thread->waker_lock);
    while (go_on) {
        size_t count = receive_batch(thread->server, requests);
        if (count == 0)
            break;
        go_on = take_out_ours(thread, requests, &count);
        handle_batch(thread->server, requests, count);
    }
    return NULL;
}

static int open_waker(struct server_thread *thread, struct endpoint_context *context,
                      struct error *error)
{
    cleanup(mem_freep) char *address = mem_printf("inproc://rpc-server-%p", (void *)thread);

    if (getrandom(thread->secret, SECRET_SIZE, 0) != SECRET_SIZE)
        return error_set(error, "no random bytes");
    /* A routing id that begins with a zero byte is libzmq's own. */
    thread->secret[0] = 'w';
    thread->waker = socket_open(context, ZMQ_DEALER, 0);
    zmq_setsockopt(thread->waker, ZMQ_ROUTING_ID, thread->secret, SECRET_SIZE);
    socket_set(thread->waker, ZMQ_SNDHWM, 0);
    if (zmq_bind(thread->server->router, address) < 0)
        return error_set(error, "cannot bind '%s': %s", address, zmq_strerror(zmq_errno()));
    return socket_connect(context, thread->waker, address, error);
}

/* Signals are the main thread's. */
static int start_thread(struct server_thread *thread, struct error *error)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&thread->waker_lock);
    int err = pthread_create(&thread->thread, NULL, run, thread);
    pthread_mutex_unlock(&thread->waker_lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err)
        return error_set(error, "cannot start a thread: error %d", err);
    pthread_setname_np(thread->thread, "rpc-server");
    return 0;
}

static void free_thread(struct server_thread *thread)
{
    socket_close(thread->waker);
    reply_slabs_done(&thread->slabs);
    pthread_mutex_destroy(&thread->waker_lock);
    mem_free(thread);
}

int rpc_server_open_threaded(struct rpc_server **ret, const struct rpc_server_options *options,
                             struct error *error)
{
    struct rpc_server *server;

    if (server_new(&server, options, error) < 0)
        return -1;
    struct server_thread *thread = mem_alloc_zero(sizeof(*thread));
    pthread_mutex_init(&thread->waker_lock, NULL);
    thread->server = server;
    server->thread = thread;
    if (open_waker(thread, options->context, error) < 0 || start_thread(thread, error) < 0) {
        free_thread(thread);
        server_free(server);
        return -1;
    }
    *ret = server;
    return 0;
}

void server_close_threaded(struct rpc_server *server)
{
    struct server_thread *thread = server->thread;

    pthread_mutex_lock(&thread->waker_lock);
    zmq_send(thread->waker, "", 0, 0);
    pthread_mutex_unlock(&thread->waker_lock);
    pthread_join(thread->thread, NULL);
    /* From here on the router is this thread's. */
    server->thread = NULL;
    server_fail_parked(server);
    free_thread(thread);
    server_free(server);
}
