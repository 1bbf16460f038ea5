/* The life of a request: received, decoded, handed to its handler, perhaps parked, answered. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/endpoint/server_core.h"

enum { TIMEOUT_DEFAULT_MS = 30000, RPC_SMALL_REPLY_BYTES = 4096 };

/* Requests that are kept for the next ones, and how much memory each of them keeps. */
enum { SPARE_MAX = 32, SPARE_ARENA_BYTES = 64 * 1024 };

static bool owns_router(const struct rpc_server *server)
{
    return !server->thread || server_thread_is_mine(server->thread);
}

static struct rpc_request *take_spare(struct rpc_server *server)
{
    struct rpc_request *request = LIST_FIRST(&server->spare);

    if (!request) {
        request = mem_alloc(sizeof(*request));
        request->server = server;
        request->arena = ARENA_INIT;
        return request;
    }
    LIST_REMOVE(request, entry);
    server->spare_count--;
    return request;
}

static void put_spare(struct rpc_request *request)
{
    struct rpc_server *server = request->server;

    arena_clear(&request->arena);
    LIST_INSERT_HEAD(&server->spare, request, entry);
    server->spare_count++;
}

static void free_memory(struct rpc_request *request)
{
    arena_done(&request->arena);
    mem_free(request);
}

struct rpc_request *request_receive(struct rpc_server *server, int flags)
{
    struct rpc_request *request = take_spare(server);

    if (!envelope_receive(server->router, flags, &request->envelope)) {
        put_spare(request);
        return NULL;
    }
    request->frame = (struct frame){0};
    request->route = NULL;
    request->params = NULL;
    request->kept = NULL;
    request->parked = false;
    request->burden = NULL;
    request->may_be_idle = false;
    request->deadline.place = 0;
    return request;
}

void request_free(struct rpc_request *request)
{
    const struct rpc_server *server = request->server;

    envelope_done(&request->envelope);
    if (owns_router(server) && server->spare_count < SPARE_MAX &&
        arena_size(&request->arena) <= SPARE_ARENA_BYTES)
        put_spare(request);
    else
        free_memory(request);
}

void requests_free_spare(struct rpc_server *server)
{
    while (!LIST_EMPTY(&server->spare))
        free_memory(take_spare(server));
}

static void unpark(struct rpc_request *request)
{
    struct rpc_server *server = request->server;

    if (!request->parked)
        return;
    pthread_mutex_lock(&server->parked_lock);
    LIST_REMOVE(request, entry);
    pthread_mutex_unlock(&server->parked_lock);
    if (server->loop)
        deadlines_unset(&server->deadlines, &request->deadline);
    atomic_fetch_sub_explicit(&server->counters.parked, 1, memory_order_relaxed);
    burden_end(take(request->burden), request->burden_bytes);
    request->parked = false;
}

static int send_reply(struct rpc_request *request, struct str payload)
{
    struct rpc_server *server = request->server;
    zmq_msg_t body;

    if (!owns_router(server)) {
        server_thread_send(server->thread, &request->envelope, payload);
        return 0;
    }
    server_reply_message(server, &server->slabs, &request->envelope, payload, &body);
    return envelope_reply(server->router, &request->envelope, &body);
}

void server_count_undeliverable(struct rpc_server *server)
{
    server_count(&server->counters.undeliverable, 1);
    server_tell_dropped(server);
}

/* The end of the request. -1: its peer is gone or does not read. */
static int answer(struct rpc_request *request, struct str payload)
{
    unpark(request);
    int err = send_reply(request, payload);
    if (err < 0)
        server_count_undeliverable(request->server);
    request_free(request);
    return err;
}

/* Where a reply is encoded: the server's own buffer belongs to the router's thread. */
static struct buf *reply_buffer(struct rpc_server *server, struct buf *own)
{
    struct buf *out = owns_router(server) ? &server->reply : own;

    buf_clear(out);
    return out;
}

/* A sentence may quote what a peer sent, cut anywhere; on the wire it is UTF-8. */
static void make_text(char *sentence)
{
    if (str_is_utf8(str_of(sentence)))
        return;
    for (char *c = sentence; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
}

static void count_error(struct rpc_request *request, enum rpc_error code)
{
    struct server_counters *counters = &request->server->counters;

    switch (code) {
    case ERROR_TIMEOUT:
        server_count(request->may_be_idle ? &counters->idle : &counters->expired, 1);
        break;
    case ERROR_BAD_REQUEST:
    case ERROR_UNKNOWN_METHOD:
    case ERROR_NOT_FOUND:
    case ERROR_CONFLICT:
    case ERROR_NOT_READY:
    case ERROR_THROTTLED:
        server_count(&counters->declined, 1);
        break;
    default:
        server_count(&counters->failed, 1);
    }
}

static void reply_error(struct rpc_request *request, enum rpc_error code, const char *format,
                        va_list args)
{
    char sentence[1000];
    cleanup(buf_done) struct buf own = BUF_INIT;
    struct buf *out = reply_buffer(request->server, &own);

    vsnprintf(sentence, sizeof(sentence), format, args);
    make_text(sentence);
    count_error(request, code);
    codec_write_error(out, request->frame.msgid, code, str_of(sentence));
    answer(request, buf_str(out));
}

/* True: too much of this peer's is kept already. */
static bool refuse_burden(struct rpc_request *request)
{
    struct rpc_server *server = request->server;

    if (!burdens_may_refuse(server->burdens) ||
        !burdens_refuse(server->burdens, envelope_peer(&request->envelope)))
        return false;
    server_count(&server->counters.refused, 1);
    server_tell_dropped(server);
    rpc_fail(request, ERROR_THROTTLED,
             "too many of this connection's requests and replies are waiting");
    return true;
}

int rpc_reply(struct rpc_request *request, const void *result)
{
    cleanup(buf_done) struct buf own = BUF_INIT;
    struct buf *out = reply_buffer(request->server, &own);

    codec_write_response(out, request->frame.msgid, methods[request->route->method].result, result);
    if (out->len > FRAME_LIMIT_BYTES) {
        rpc_fail(request, ERROR_INTERNAL, "the answer is larger than the %d bytes of a message",
                 FRAME_LIMIT_BYTES);
        return -1;
    }
    /* A large one is kept until the peer has read it, and others may wait already that were not
     * there when it was asked for. */
    if (out->len > RPC_SMALL_REPLY_BYTES && refuse_burden(request))
        return -1;
    return answer(request, buf_str(out));
}

void rpc_fail(struct rpc_request *request, enum rpc_error code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reply_error(request, code, format, args);
    va_end(args);
}

/* Not a request at all. It is answered only to say that it is not a request. */
static void refuse_malformed(struct rpc_request *request, const char *sentence)
{
    server_count(&request->server->counters.malformed, 1);
    rpc_fail(request, ERROR_BAD_REQUEST, "%s", sentence);
}

static const struct rpc_route *find_route(const struct rpc_server *server, struct str method)
{
    for (const struct rpc_route *route = server->routes; route->handler; route++) {
        const struct method *known = &methods[route->method];
        if (method.len == known->name_len && memcmp(method.ptr, known->name, method.len) == 0)
            return route;
    }
    return NULL;
}

static int read_params(struct rpc_request *request, int64_t now_mono_ms, struct error *error)
{
    const struct shape *shape = methods[request->route->method].params;
    const struct call_options *options = &request->frame.options;

    request->params = arena_alloc(&request->arena, shape->size);
    int err = codec_read_params(&request->frame, shape, &request->arena, request->params, error);
    request->deadline_mono_ms =
        now_mono_ms + (options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS);
    return err;
}

bool request_open(struct rpc_request *request, int64_t now_mono_ms)
{
    struct frame *frame = &request->frame;
    struct error error;

    if (!request->envelope.whole) {
        refuse_malformed(request, "one payload frame is expected after the empty frame");
        return false;
    }
    if (codec_open_frame(envelope_payload(&request->envelope), frame, &error) < 0) {
        refuse_malformed(request, error.text);
        return false;
    }
    if (frame->type != FRAME_REQUEST) {
        /* The msgid of a response or notification is not one that a caller waits for. */
        frame->msgid = 0;
        refuse_malformed(request, "a request is expected: [0, msgid, method, params]");
        return false;
    }
    if (refuse_burden(request))
        return false;
    request->route = find_route(request->server, frame->method);
    if (!request->route) {
        rpc_fail(request, ERROR_UNKNOWN_METHOD, "there is no method '%.*s' here",
                 (int)(frame->method.len < 64 ? frame->method.len : 64), frame->method.ptr);
        return false;
    }
    if (read_params(request, now_mono_ms, &error) < 0) {
        rpc_fail(request, ERROR_BAD_REQUEST, "%s", error.text);
        return false;
    }
    return true;
}

/* The default is far longer than requests that have come together take: no clock is read for it. */
static void call_handler(struct rpc_request *request)
{
    if (request->frame.options.timeout_ms > 0 && rpc_request_time_left_ms(request) == 0)
        rpc_fail(request, ERROR_TIMEOUT, "%s", rpc_errors[ERROR_TIMEOUT].sentence);
    else
        request->route->handler(request->server->arg, request);
}

void requests_handle(struct rpc_server *server, struct rpc_request *const *requests, size_t count)
{
    const struct rpc_batching *batching = server->batching;

    batching->begin(server->arg);
    for (size_t stage = 0; stage < RPC_STAGES; stage++) {
        for (size_t i = 0; i < count; i++)
            batching->stages[stage](server->arg, requests[i]);
    }
    for (size_t i = 0; i < count; i++)
        call_handler(requests[i]);
    batching->end(server->arg);
}

const void *rpc_request_params(const struct rpc_request *request)
{
    return request->params;
}

enum method_id rpc_request_method(const struct rpc_request *request)
{
    return request->route->method;
}

struct str rpc_request_trace(const struct rpc_request *request)
{
    return request->frame.options.trace;
}

struct arena *rpc_request_arena(struct rpc_request *request)
{
    return &request->arena;
}

struct str rpc_request_peer(struct rpc_request *request)
{
    return envelope_peer(&request->envelope);
}

size_t rpc_request_peer_waiting(struct rpc_request *request)
{
    return burdens_parts(request->server->burdens, envelope_peer(&request->envelope));
}

void rpc_request_keep(struct rpc_request *request, void *kept)
{
    request->kept = kept;
}

void *rpc_request_kept(const struct rpc_request *request)
{
    return request->kept;
}

int64_t rpc_request_time_left_ms(const struct rpc_request *request)
{
    int64_t left = request->deadline_mono_ms - clock_mono_ms();

    return left > 0 ? left : 0;
}

void rpc_may_be_idle(struct rpc_request *request)
{
    request->may_be_idle = true;
}

void rpc_park(struct rpc_request *request,
              void (*on_expired)(void *arg, struct rpc_request *request), void *arg)
{
    struct rpc_server *server = request->server;

    request->on_expired = on_expired;
    request->on_expired_arg = arg;
    if (!request->parked) {
        request->parked = true;
        pthread_mutex_lock(&server->parked_lock);
        LIST_INSERT_HEAD(&server->parked, request, entry);
        pthread_mutex_unlock(&server->parked_lock);
        request->burden_bytes = sizeof(*request) + arena_size(&request->arena) +
                                envelope_payload(&request->envelope).len;
        request->burden =
            burden_begin(server->burdens, envelope_peer(&request->envelope), request->burden_bytes);
        server_count(&server->counters.parked, 1);
    }
    if (server->loop)
        deadlines_set(&server->deadlines, &request->deadline, request->deadline_mono_ms);
}
