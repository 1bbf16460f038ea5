#include "services/sandbox/waits.h"

#include "common/base/mem.h"
#include "services/sandbox/verbs.h"

struct wait {
    TAILQ_ENTRY(wait) link;
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    struct loop_timer *timer;
    struct arena arena;
    struct str operation, queue;
    int64_t count, timeout_ms;
};

static const struct field wait_fields[] = {
    {"operation", FIELD_STR, offsetof(struct wait, operation), false},
    {"queue", FIELD_STR, offsetof(struct wait, queue), false},
    {"count", FIELD_INTEGER, offsetof(struct wait, count), false},
    {"timeout_ms", FIELD_INTEGER, offsetof(struct wait, timeout_ms), false},
    FIELD_END,
};

static bool holds(const struct wait *wait)
{
    const struct sandbox *sandbox = wait->sandbox;

    if (!str_is_empty(wait->operation) &&
        call_log_count(&sandbox->log, wait->operation) < wait->count)
        return false;
    const struct queue *queue = queues_find_by_name(&sandbox->queues, wait->queue);
    return !queue || queue->count == 0;
}

static void free_wait(struct wait *wait)
{
    TAILQ_REMOVE(&wait->sandbox->waits, wait, link);
    loop_cancel(wait->timer);
    arena_done(&wait->arena);
    mem_free(wait);
}

static void end_wait(struct wait *wait, bool happened)
{
    struct http_exchange *exchange = wait->exchange;
    struct json *reply = json_new_object();

    json_set_bool(reply, "happened", happened);
    http_exchange_on_abandoned(exchange, NULL, NULL);
    free_wait(wait);
    verbs_reply(exchange, 200, reply);
}

static void on_timeout(void *arg)
{
    struct wait *wait = arg;

    wait->timer = NULL;
    end_wait(wait, false);
}

static void on_abandoned(void *arg)
{
    free_wait(arg);
}

void waits_check(struct sandbox *sandbox)
{
    struct wait *wait = TAILQ_FIRST(&sandbox->waits);

    while (wait) {
        struct wait *next = TAILQ_NEXT(wait, link);
        if (holds(wait))
            end_wait(wait, true);
        wait = next;
    }
}

void waits_drop_all(struct sandbox *sandbox)
{
    while (!TAILQ_EMPTY(&sandbox->waits))
        end_wait(TAILQ_FIRST(&sandbox->waits), false);
}

static int check_wait(const struct wait *wait, struct error *error)
{
    if (str_is_empty(wait->operation) == str_is_empty(wait->queue))
        return error_set(error, "either 'operation' or 'queue' is needed");
    if (!str_is_empty(wait->queue) && !queues_find_by_name(&wait->sandbox->queues, wait->queue))
        return error_set(error, "no queue is called " STR_FMT, STR_ARG(wait->queue));
    return 0;
}

void waits_handle(struct sandbox *sandbox, struct http_exchange *exchange, const struct json *ask)
{
    enum { TIMEOUT_MS = 30000 };
    struct wait *wait = mem_alloc_zero(sizeof(*wait));
    struct error error = {{0}};

    *wait = (struct wait){.sandbox = sandbox, .exchange = exchange, .count = 1};
    wait->timeout_ms = TIMEOUT_MS;
    TAILQ_INSERT_TAIL(&sandbox->waits, wait, link);
    if (fields_load(&wait->arena, wait_fields, wait, ask, &error) < 0 ||
        check_wait(wait, &error) < 0) {
        free_wait(wait);
        verbs_reply_error(exchange, 400, error.text);
        return;
    }
    wait->timer = loop_after(sandbox->loop, wait->timeout_ms, on_timeout, wait);
    http_exchange_on_abandoned(exchange, on_abandoned, wait);
    waits_check(sandbox);
}
