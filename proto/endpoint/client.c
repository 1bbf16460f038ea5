#include "proto/endpoint/client.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/endpoint/call.h"

enum {
    WAITING_MAX = 1024,
    TIMEOUT_DEFAULT_MS = 30000,
    /* The server answers at the deadline; its last word may still come. */
    LAST_WORD_MS = 200,
};

static void queue_init(struct call_queue *queue)
{
    TAILQ_INIT(&queue->calls);
    queue->count = 0;
}

static void leave_queue(struct rpc_call *call)
{
    if (call->queue == &call->client->sent)
        LIST_REMOVE(call, by_msgid);
    TAILQ_REMOVE(&call->queue->calls, call, entry);
    call->queue->count--;
    call->queue = NULL;
}

static void enter_queue(struct rpc_call *call, struct call_queue *queue)
{
    if (call->queue)
        leave_queue(call);
    TAILQ_INSERT_TAIL(&queue->calls, call, entry);
    queue->count++;
    call->queue = queue;
}

static void call_free(struct rpc_call *call)
{
    if (call->queue)
        leave_queue(call);
    deadlines_unset(&call->client->deadlines, &call->deadline);
    arena_done(&call->arena);
    mem_free(call);
}

void rpc_call_cancel(struct rpc_call *call)
{
    if (call)
        call_free(call);
}

/* The call is out of every queue when its owner hears of it: the owner may start the next at once.
 */
static void finish(struct rpc_call *call, const struct rpc_response *response)
{
    leave_queue(call);
    deadlines_unset(&call->client->deadlines, &call->deadline);
    call->done(call->arg, response);
    arena_done(&call->arena);
    mem_free(call);
}

static void fail_failing(void *arg)
{
    struct rpc_client *client = arg;
    struct rpc_call *call;

    client->fail_soon = NULL;
    /* Those that these callbacks start and that fail at once have their turn next time. */
    for (size_t n = client->failing.count; n > 0 && (call = TAILQ_FIRST(&client->failing.calls));
         n--) {
        struct rpc_response response = {.code = call->code, .message = str_of(call->error.text)};
        finish(call, &response);
    }
    if (client->failing.count > 0 && !client->fail_soon)
        client->fail_soon = loop_after(client->loop, 0, fail_failing, client);
}

/* On the next turn: a callback never runs inside the call that causes it. */
static void fail_later(struct rpc_call *call, enum rpc_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail_later(struct rpc_call *call, enum rpc_error code, const char *format, ...)
{
    struct rpc_client *client = call->client;
    va_list args;

    va_start(args, format);
    vsnprintf(call->error.text, sizeof(call->error.text), format, args);
    va_end(args);
    call->code = code;
    deadlines_unset(&client->deadlines, &call->deadline);
    enter_queue(call, &client->failing);
    if (!client->fail_soon)
        client->fail_soon = loop_after(client->loop, 0, fail_failing, client);
}

static bool is_refused(const struct rpc_client *client)
{
    for (size_t i = 0; i < client->link_count; i++) {
        if (link_refused(client->links[i]))
            return true;
    }
    return false;
}

static void on_deadline(void *arg, struct deadline *deadline)
{
    struct rpc_client *client = arg;
    struct rpc_call *call =
        (struct rpc_call *)((char *)deadline - offsetof(struct rpc_call, deadline));

    if (call->queue == &client->waiting && is_refused(client))
        fail_later(call, ERROR_UNAVAILABLE, "'%s' does not allow our key", client->addresses);
    else if (call->queue == &client->waiting)
        fail_later(call, ERROR_UNAVAILABLE, "'%s' cannot be reached", client->addresses);
    else
        fail_later(call, ERROR_TIMEOUT, "'%s' has not answered '%s' in time", client->addresses,
                   methods[call->method].name);
}

/* Round robin over the links that stand. NULL: none takes it now. */
static const struct link *send_somewhere(struct rpc_client *client, struct str payload)
{
    for (size_t i = 0; i < client->link_count; i++) {
        struct link *link = client->links[client->next_link++ % client->link_count];
        if (link_send(link, payload))
            return link;
    }
    return NULL;
}

static uint32_t next_msgid(struct rpc_client *client)
{
    return ++client->last_msgid;
}

static bool encode(struct rpc_call *call, const void *params, struct str trace)
{
    const struct method *method = &methods[call->method];
    struct buf *out = &call->client->out;
    int64_t left = call->due_mono_ms - clock_mono_ms();
    const struct call_options options = {.timeout_ms = left > 0 ? left : 1, .trace = trace};

    buf_clear(out);
    codec_write_request(out, call->msgid, method->name, method->params, params, &options);
    return out->len <= FRAME_LIMIT_BYTES;
}

/* False: it has to wait. */
static bool try_to_send(struct rpc_call *call, const void *params, struct str trace)
{
    struct rpc_client *client = call->client;

    if (!encode(call, params, trace)) {
        fail_later(call, ERROR_BAD_REQUEST, "the request is larger than the %d bytes of a message",
                   FRAME_LIMIT_BYTES);
        return true;
    }
    call->link = send_somewhere(client, buf_str(&client->out));
    if (!call->link)
        return false;
    enter_queue(call, &client->sent);
    LIST_INSERT_HEAD(&client->by_msgid[call->msgid % MSGID_BUCKETS], call, by_msgid);
    deadlines_set(&client->deadlines, &call->deadline, call->due_mono_ms + LAST_WORD_MS);
    return true;
}

static void wait_for_connection(struct rpc_call *call, const void *params, struct str trace)
{
    struct rpc_client *client = call->client;
    const struct shape *shape = methods[call->method].params;

    if (client->waiting.count >= WAITING_MAX) {
        fail_later(call, ERROR_THROTTLED, "%d calls wait for '%s' already", WAITING_MAX,
                   client->addresses);
        return;
    }
    call->params = arena_alloc(&call->arena, shape->size);
    codec_copy(shape, params, &call->arena, call->params);
    call->trace = arena_str(&call->arena, trace);
    enter_queue(call, &client->waiting);
    deadlines_set(&client->deadlines, &call->deadline, call->due_mono_ms);
}

struct rpc_call *rpc_call(struct rpc_client *client, enum method_id method, const void *params,
                          int64_t timeout_ms, struct str trace, rpc_done_fn *done, void *arg)
{
    struct rpc_call *call = mem_alloc_zero(sizeof(*call));

    call->client = client;
    call->method = method;
    call->msgid = next_msgid(client);
    call->due_mono_ms = clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : TIMEOUT_DEFAULT_MS);
    call->done = done;
    call->arg = arg;
    /* Those that wait already go first. */
    if (client->waiting.count > 0 || !try_to_send(call, params, trace))
        wait_for_connection(call, params, trace);
    return call;
}

static void send_waiting(void *arg)
{
    struct rpc_client *client = arg;
    struct rpc_call *call;

    while ((call = TAILQ_FIRST(&client->waiting.calls))) {
        if (!try_to_send(call, call->params, call->trace))
            return;
    }
}

static struct rpc_call *find_sent(struct rpc_client *client, uint32_t msgid)
{
    struct rpc_call *call;

    LIST_FOREACH (call, &client->by_msgid[msgid % MSGID_BUCKETS], by_msgid) {
        if (call->msgid == msgid)
            return call;
    }
    return NULL;
}

static void read_answer(const struct rpc_call *call, const struct frame *frame, struct arena *arena,
                        struct rpc_response *ret_response)
{
    const struct shape *shape = methods[call->method].result;
    struct error error;

    if (!str_is_empty(frame->error_code)) {
        enum rpc_error code = rpc_error_of(frame->error_code);
        ret_response->code = code == ERROR_NONE ? ERROR_INTERNAL : code;
        ret_response->message = frame->error_message;
        return;
    }
    void *result = arena_alloc(arena, shape->size);
    if (codec_read_result(frame, shape, arena, result, &error) < 0) {
        ret_response->code = ERROR_INTERNAL;
        ret_response->message = arena_printf(arena, "the answer to '%s' cannot be read: %s",
                                             methods[call->method].name, error.text);
        return;
    }
    ret_response->result = result;
}

/* An answer that is no longer waited for is no fault: its deadline has passed. */
static void on_message(void *arg, struct str payload)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct rpc_client *client = arg;
    struct rpc_response response = {.code = ERROR_NONE};
    struct rpc_call *call;
    struct frame frame;

    if (codec_open_frame(payload, &frame, NULL) < 0 || frame.type != FRAME_RESPONSE)
        return;
    call = find_sent(client, frame.msgid);
    if (!call)
        return;
    read_answer(call, &frame, &arena, &response);
    finish(call, &response);
}

static void fail_sent_on(struct rpc_client *client, const struct link *link)
{
    struct rpc_call *next;

    for (struct rpc_call *call = TAILQ_FIRST(&client->sent.calls); call; call = next) {
        next = TAILQ_NEXT(call, entry);
        if (call->link == link)
            fail_later(call, ERROR_UNAVAILABLE, "the connection to '%s' was lost",
                       client->addresses);
    }
}

static void on_connection(void *arg, struct link *link, bool connected)
{
    struct rpc_client *client = arg;

    if (connected)
        send_waiting(client);
    else
        fail_sent_on(client, link);
    if (client->connected == rpc_client_connected(client))
        return;
    client->connected = !client->connected;
    if (client->on_connection)
        client->on_connection(client->on_connection_arg, client->connected);
}

static char *join(const struct config_list *addresses)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < addresses->count; i++)
        buf_printf(&text, "%s%s", i > 0 ? " " : "", addresses->items[i]);
    return buf_take(&text);
}

int rpc_client_open(struct rpc_client **ret, struct loop *loop, struct endpoint_context *context,
                    const struct config_list *addresses, struct error *error)
{
    if (addresses->count == 0)
        return error_set(error, "no endpoint to connect to is set");

    struct rpc_client *client = mem_alloc_zero(sizeof(*client));
    client->loop = loop;
    client->addresses = join(addresses);
    client->events = (struct link_events){.on_connection = on_connection,
                                          .on_message = on_message,
                                          .on_writable = send_waiting,
                                          .arg = client};
    queue_init(&client->waiting);
    queue_init(&client->sent);
    queue_init(&client->failing);
    deadlines_init(&client->deadlines, loop, on_deadline, client);
    client->links = mem_alloc_array(addresses->count, sizeof(*client->links));
    for (size_t i = 0; i < addresses->count; i++) {
        if (link_open(&client->links[i], loop, context, addresses->items[i], &client->events,
                      error) < 0) {
            rpc_client_close(client);
            return -1;
        }
        client->link_count++;
    }
    *ret = client;
    return 0;
}

static void cancel_all(struct call_queue *queue)
{
    struct rpc_call *call;

    while ((call = TAILQ_FIRST(&queue->calls)))
        call_free(call);
}

void rpc_client_close(struct rpc_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->link_count; i++)
        link_close(client->links[i]);
    cancel_all(&client->waiting);
    cancel_all(&client->sent);
    cancel_all(&client->failing);
    loop_cancel(client->fail_soon);
    deadlines_done(&client->deadlines);
    buf_done(&client->out);
    mem_free(client->links);
    mem_free(client->addresses);
    mem_free(client);
}

bool rpc_client_connected(const struct rpc_client *client)
{
    for (size_t i = 0; i < client->link_count; i++) {
        if (link_connected(client->links[i]))
            return true;
    }
    return false;
}

void rpc_client_on_connection(struct rpc_client *client, void (*fn)(void *arg, bool connected),
                              void *arg)
{
    client->on_connection = fn;
    client->on_connection_arg = arg;
}
