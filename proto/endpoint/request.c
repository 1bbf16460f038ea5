/* The life of a request: received, decoded, handed to its handler, perhaps parked, answered. */
#include <stdarg.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/endpoint/server_core.h"

enum { TIMEOUT_DEFAULT_MS = 30000 };

static void count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

struct rpc_request *request_receive(struct rpc_server *server, int flags)
{
    struct rpc_request *request = mem_alloc(sizeof(*request));

    if (!envelope_receive(server->router, flags, &request->envelope)) {
        mem_free(request);
        return NULL;
    }
    request->server = server;
    request->arena = ARENA_INIT;
    request->frame = (struct frame){0};
    request->route = NULL;
    request->params = NULL;
    request->deadline_mono_ms = clock_mono_ms();
    request->parked = false;
    request->deadline.place = 0;
    return request;
}

void request_free(struct rpc_request *request)
{
    envelope_done(&request->envelope);
    arena_done(&request->arena);
    mem_free(request);
}

static bool owns_router(const struct rpc_server *server)
{
    return !server->thread || server_thread_is_mine(server->thread);
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
    request->parked = false;
}

/* The end of the request. -1: its peer is gone or does not read. */
static int answer(struct rpc_request *request, struct str payload)
{
    struct rpc_server *server = request->server;
    int err = 0;

    unpark(request);
    if (!owns_router(server))
        server_thread_send(server->thread, &request->envelope, payload);
    else
        err = envelope_reply(server->router, &request->envelope, payload);
    if (err < 0)
        count(&server->counters.undeliverable);
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

static void reply_error(struct rpc_request *request, enum rpc_error code, const char *format,
                        va_list args)
{
    char sentence[1000];
    cleanup(buf_done) struct buf own = BUF_INIT;
    struct buf *out = reply_buffer(request->server, &own);

    vsnprintf(sentence, sizeof(sentence), format, args);
    make_text(sentence);
    count(&request->server->counters.failed);
    if (code == ERROR_TIMEOUT)
        count(&request->server->counters.expired);
    codec_write_error(out, request->frame.msgid, code, str_of(sentence));
    answer(request, buf_str(out));
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
    return answer(request, buf_str(out));
}

void rpc_fail(struct rpc_request *request, enum rpc_error code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reply_error(request, code, format, args);
    va_end(args);
}

/* Not a request at all. It is answered if it says no more than that it is none. */
static void refuse_malformed(struct rpc_request *request, const char *sentence)
{
    count(&request->server->counters.malformed);
    rpc_fail(request, ERROR_BAD_REQUEST, "%s", sentence);
}

static const struct rpc_route *find_route(const struct rpc_server *server, struct str method)
{
    for (const struct rpc_route *route = server->routes; route->handler; route++) {
        if (str_eq_text(method, methods[route->method].name))
            return route;
    }
    return NULL;
}

static void call_handler(struct rpc_request *request)
{
    const struct shape *shape = methods[request->route->method].params;
    const struct call_options *options = &request->frame.options;
    struct error error;

    request->params = arena_alloc(&request->arena, shape->size);
    int err = codec_read_params(&request->frame, shape, &request->arena, request->params, &error);
    request->deadline_mono_ms += options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
    if (err < 0)
        rpc_fail(request, ERROR_BAD_REQUEST, "%s", error.text);
    else if (rpc_request_time_left_ms(request) == 0)
        rpc_fail(request, ERROR_TIMEOUT, "%s", rpc_errors[ERROR_TIMEOUT].sentence);
    else
        request->route->handler(request->server->arg, request);
}

void request_handle(struct rpc_request *request)
{
    struct rpc_server *server = request->server;
    struct frame *frame = &request->frame;
    struct error error;

    count(&server->counters.requests);
    if (!request->envelope.whole) {
        refuse_malformed(request, "one payload frame is expected after the empty frame");
        return;
    }
    if (codec_open_frame(envelope_payload(&request->envelope), frame, &error) < 0) {
        refuse_malformed(request, error.text);
        return;
    }
    if (frame->type != FRAME_REQUEST) {
        /* The msgid of a response or notification is not one that a caller waits for. */
        frame->msgid = 0;
        refuse_malformed(request, "a request is expected: [0, msgid, method, params]");
        return;
    }
    request->route = find_route(server, frame->method);
    if (request->route)
        call_handler(request);
    else
        rpc_fail(request, ERROR_UNKNOWN_METHOD, "there is no method '%.*s' here",
                 (int)(frame->method.len < 64 ? frame->method.len : 64), frame->method.ptr);
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

int64_t rpc_request_time_left_ms(const struct rpc_request *request)
{
    int64_t left = request->deadline_mono_ms - clock_mono_ms();

    return left > 0 ? left : 0;
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
        count(&server->counters.parked);
    }
    if (server->loop)
        deadlines_set(&server->deadlines, &request->deadline, request->deadline_mono_ms);
}
