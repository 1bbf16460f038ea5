#include "proto/endpoint/server.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/endpoint/server_core.h"

/* Last replies still go out when a server closes. */
enum { REPLY_LINGER_MS = 200 };

static void do_nothing(void *arg)
{
    (void)arg;
}

static void ignore_request(void *arg, struct rpc_request *request)
{
    (void)arg;
    (void)request;
}

static const struct rpc_batching no_batching = {
    do_nothing, {ignore_request, ignore_request}, do_nothing};

int server_new(struct rpc_server **ret, const struct rpc_server_options *options,
               struct error *error)
{
    struct rpc_server *server = mem_alloc_zero(sizeof(*server));

    server->routes = options->routes;
    server->arg = options->arg;
    server->batching = options->batching ? options->batching : &no_batching;
    LIST_INIT(&server->parked);
    LIST_INIT(&server->spare);
    pthread_mutex_init(&server->parked_lock, NULL);
    server->burdens = burdens_new((struct burden_limits){
        .peer_bytes = options->peer_bytes ? options->peer_bytes : RPC_PEER_BYTES,
        .all_bytes = options->all_bytes ? options->all_bytes : RPC_ALL_BYTES,
    });
    server->router = socket_open(options->context, ZMQ_ROUTER, REPLY_LINGER_MS);
    socket_set(server->router, ZMQ_RCVHWM, SERVER_QUEUE_REQUESTS);
    if (options->request_bytes > 0)
        zmq_setsockopt(server->router, ZMQ_MAXMSGSIZE, &options->request_bytes,
                       sizeof(options->request_bytes));
    socket_set(server->router, ZMQ_ROUTER_MANDATORY, 1);
    if (socket_bind(&server->binding, options->context, server->router, &options->binding, error) <
        0) {
        server_free(server);
        return -1;
    }
    *ret = server;
    return 0;
}

void server_fail_parked(struct rpc_server *server)
{
    struct rpc_request *request;

    while ((request = LIST_FIRST(&server->parked)))
        rpc_fail(request, ERROR_UNAVAILABLE, "the daemon is stopping");
}

void server_free(struct rpc_server *server)
{
    socket_unbind(server->binding);
    socket_close(server->router);
    pthread_mutex_destroy(&server->parked_lock);
    requests_free_spare(server);
    buf_done(&server->reply);
    reply_slabs_done(&server->slabs);
    burdens_leave(server->burdens);
    mem_free(server);
}

void server_reply_message(struct rpc_server *server, struct reply_slabs *slabs,
                          struct envelope *envelope, struct str payload, zmq_msg_t *ret_message)
{
    if (!reply_slabs_message(slabs, payload, ret_message))
        burden_message(server->burdens, envelope_peer(envelope), payload, ret_message);
}

/* Bounded, so that one busy socket leaves the loop's other work its turn. */
static void on_readable(void *arg, void *socket)
{
    enum { REQUESTS_PER_TURN = 256 };
    struct rpc_server *server = arg;
    struct rpc_request *request;
    (void)socket;

    for (int i = 0; i < REQUESTS_PER_TURN; i++) {
        request = request_receive(server, ZMQ_DONTWAIT);
        if (!request)
            return;
        server_count(&server->counters.requests, 1);
        if (request_open(request, clock_mono_ms()))
            requests_handle(server, &request, 1);
    }
}

static struct rpc_request *request_of(struct deadline *deadline)
{
    return (struct rpc_request *)((char *)deadline - offsetof(struct rpc_request, deadline));
}

static void on_deadline(void *arg, struct deadline *deadline)
{
    struct rpc_request *request = request_of(deadline);
    (void)arg;

    if (request->on_expired)
        request->on_expired(request->on_expired_arg, request);
    rpc_fail(request, ERROR_TIMEOUT, "%s", rpc_errors[ERROR_TIMEOUT].sentence);
}

int rpc_server_open(struct rpc_server **ret, struct loop *loop,
                    const struct rpc_server_options *options, struct error *error)
{
    struct rpc_server *server;

    if (server_new(&server, options, error) < 0)
        return -1;
    server->loop = loop;
    deadlines_init(&server->deadlines, loop, on_deadline, server);
    socket_watch(loop, server->router, LOOP_READ, on_readable, server);
    *ret = server;
    return 0;
}

static void close_on_loop(struct rpc_server *server)
{
    socket_unwatch(server->loop, server->router);
    server_fail_parked(server);
    deadlines_done(&server->deadlines);
    server_free(server);
}

void rpc_server_close(struct rpc_server *server)
{
    if (!server)
        return;
    if (server->thread)
        server_close_threaded(server);
    else
        close_on_loop(server);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter);

void server_tell_dropped(struct rpc_server *server)
{
    uint64_t dropped =
        read_counter(&server->counters.refused) + read_counter(&server->counters.undeliverable);
    uint64_t since_last;

    if (!once_a_minute(&server->dropped_line, clock_mono_ms(), dropped, &since_last))
        return;
    log_warning(
        "peers send more requests than they read replies: requests are refused or replies dropped",
        LOG_INT("since_last_line", since_last),
        LOG_INT("waiting_bytes", burdens_bytes(server->burdens)));
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void rpc_server_stats(const struct rpc_server *server, struct rpc_server_stats *ret_stats)
{
    const struct server_counters *counters = &server->counters;

    *ret_stats = (struct rpc_server_stats){
        .requests = read_counter(&counters->requests),
        .malformed = read_counter(&counters->malformed),
        .failed = read_counter(&counters->failed),
        .declined = read_counter(&counters->declined),
        .expired = read_counter(&counters->expired),
        .idle = read_counter(&counters->idle),
        .undeliverable = read_counter(&counters->undeliverable),
        .refused = read_counter(&counters->refused),
        .parked = read_counter(&counters->parked),
        .waiting_bytes = burdens_bytes(server->burdens),
    };
}
