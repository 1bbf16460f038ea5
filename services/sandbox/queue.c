#include "services/sandbox/queue.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/fields.h"
#include "services/sandbox/world.h"

#define QUEUE(member, kind, required)                                                              \
    {                                                                                              \
#member, kind, offsetof(struct queue, member), required                                    \
    }
#define QUEUE_SETTINGS                                                                             \
    QUEUE(dead_letter, FIELD_STR, false), QUEUE(policy, FIELD_STR, false),                         \
        QUEUE(kms_key, FIELD_STR, false), QUEUE(visibility_timeout_s, FIELD_INTEGER, false),       \
        QUEUE(retention_s, FIELD_INTEGER, false), QUEUE(max_receive_count, FIELD_INTEGER, false),  \
        QUEUE(in_flight_limit, FIELD_INTEGER, false)

static const struct field queue_fields[] = {
    QUEUE(name, FIELD_STR, true),
    QUEUE(account, FIELD_STR, true),
    QUEUE_SETTINGS,
    FIELD_END,
};

static const struct field queue_setting_fields[] = {
    QUEUE_SETTINGS,
    FIELD_END,
};

struct message_file {
    struct str body, sender;
};

static const struct field message_fields[] = {
    {"body", FIELD_STR, offsetof(struct message_file, body), true},
    {"sender", FIELD_STR, offsetof(struct message_file, sender), false},
    FIELD_END,
};

void queues_init(struct queues *queues, struct loop *loop, struct str region)
{
    *queues = (struct queues){.loop = loop};
    queues->region = arena_str(&queues->arena, region);
    STAILQ_INIT(&queues->list);
}

static void free_message(struct message *message)
{
    mem_free((void *)(uintptr_t)message->body.ptr);
    mem_free(message->id);
    mem_free(message->sender);
    mem_free(message->receipt);
    mem_free(message);
}

void queues_done(struct queues *queues)
{
    struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        loop_cancel(queue->timer);
        while (!TAILQ_EMPTY(&queue->messages))
            queue_delete(queue, TAILQ_FIRST(&queue->messages));
    }
    STAILQ_INIT(&queues->list);
    arena_done(&queues->arena);
}

static int load_messages(struct queue *queue, const struct json *list, struct error *error)
{
    for (size_t i = 0; i < json_count(list); i++) {
        struct message_file file = {0};
        if (fields_load(&queue->queues->arena, message_fields, &file, json_at(list, i), error) < 0)
            return error_prefix(error, "messages[%zu]", i);
        queue_send(queue, file.body, file.sender, 0);
    }
    return 0;
}

static int load_queue(struct queues *queues, const struct json *object, struct error *error)
{
    enum { VISIBILITY_S = 30, RETENTION_S = 4 * 24 * 3600, IN_FLIGHT = 120000 };
    struct queue *queue = arena_alloc(&queues->arena, sizeof(*queue));
    struct json *settings = json_clone(object);

    json_remove(settings, "messages");
    /* SQS's own defaults ("Amazon SQS queue parameters", developer guide). */
    *queue = (struct queue){.queues = queues,
                            .visibility_timeout_s = VISIBILITY_S,
                            .retention_s = RETENTION_S,
                            .in_flight_limit = IN_FLIGHT};
    TAILQ_INIT(&queue->messages);
    TAILQ_INIT(&queue->waiters);
    int result = fields_load(&queues->arena, queue_fields, queue, settings, error);
    json_free(settings);
    if (result < 0)
        return -1;
    STAILQ_INSERT_TAIL(&queues->list, queue, link);
    return load_messages(queue, json_get(object, "messages"), error);
}

static int check_dead_letters(const struct queues *queues, struct error *error)
{
    const struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        if (!str_is_empty(queue->dead_letter) &&
            !queues_find(queues, queue->account, queue->dead_letter))
            return error_set(error, "queue " STR_FMT " names a dead-letter queue that is not there",
                             STR_ARG(queue->name));
    }
    return 0;
}

int queues_load(struct queues *queues, const struct json *list, struct error *error)
{
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *object = json_at(list, i);
        if (json_kind(object) != JSON_KIND_OBJECT)
            return error_set(error, "queues[%zu]: a JSON object is expected", i);
        if (load_queue(queues, object, error) < 0)
            return error_prefix(error, "queues[%zu]", i);
    }
    return check_dead_letters(queues, error);
}

int queue_configure(struct queue *queue, const struct json *object, struct error *error)
{
    struct queue changed = *queue;

    if (fields_load(&queue->queues->arena, queue_setting_fields, &changed, object, error) < 0)
        return -1;
    queue->dead_letter = changed.dead_letter;
    queue->policy = changed.policy;
    queue->kms_key = changed.kms_key;
    queue->visibility_timeout_s = changed.visibility_timeout_s;
    queue->retention_s = changed.retention_s;
    queue->max_receive_count = changed.max_receive_count;
    queue->in_flight_limit = changed.in_flight_limit;
    return check_dead_letters(queue->queues, error);
}

static struct json *save_messages(const struct queue *queue)
{
    struct json *list = json_new_array();
    const struct message *message;

    TAILQ_FOREACH (message, &queue->messages, link) {
        struct json *item = json_new_object();
        json_set_str(item, "body", message->body);
        json_set_str(item, "sender", str_of(message->sender));
        json_add(list, item);
    }
    return list;
}

struct json *queues_save(const struct queues *queues)
{
    struct json *list = json_new_array();
    const struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        struct json *item = json_new_object();
        fields_save(queue_fields, queue, item);
        json_set(item, "messages", save_messages(queue));
        json_add(list, item);
    }
    return list;
}

struct queue *queues_find(const struct queues *queues, struct str account, struct str name)
{
    struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        if (str_eq(queue->name, name) && str_eq(queue->account, account))
            return queue;
    }
    return NULL;
}

struct queue *queues_find_by_name(const struct queues *queues, struct str name)
{
    struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        if (str_eq(queue->name, name))
            return queue;
    }
    return NULL;
}

static bool is_visible(const struct message *message, int64_t now_ms)
{
    return message->visible_at_ms <= now_ms;
}

bool message_in_flight(const struct message *message)
{
    return message->receipt && !is_visible(message, clock_mono_ms());
}

/* -1: nothing will become visible. */
static int64_t next_visible_ms(const struct queue *queue)
{
    const struct message *message;
    int64_t next = -1;

    TAILQ_FOREACH (message, &queue->messages, link) {
        if (next < 0 || message->visible_at_ms < next)
            next = message->visible_at_ms;
    }
    return next;
}

static void serve_waiters(struct queue *queue);

static void on_visible(void *arg)
{
    struct queue *queue = arg;

    queue->timer = NULL;
    serve_waiters(queue);
}

/* Receivers are served in the order in which they came. */
static void serve_waiters(struct queue *queue)
{
    int64_t next = next_visible_ms(queue);

    if (queue->serving)
        return;
    queue->serving = true;
    while (!TAILQ_EMPTY(&queue->waiters) && next >= 0 && next <= clock_mono_ms()) {
        struct queue_waiter *waiter = TAILQ_FIRST(&queue->waiters);
        waiter->fn(waiter->arg);
        if (waiter == TAILQ_FIRST(&queue->waiters))
            break;
        next = next_visible_ms(queue);
    }
    queue->serving = false;
    loop_cancel(queue->timer);
    queue->timer = NULL;
    if (next >= 0 && !TAILQ_EMPTY(&queue->waiters)) {
        int64_t delay = next - clock_mono_ms();
        queue->timer = loop_after(queue->queues->loop, delay > 0 ? delay : 1, on_visible, queue);
    }
}

void queue_wait(struct queue *queue, struct queue_waiter *waiter)
{
    waiter->queue = queue;
    TAILQ_INSERT_TAIL(&queue->waiters, waiter, link);
    serve_waiters(queue);
}

void queue_unwait(struct queue_waiter *waiter)
{
    if (waiter->queue)
        TAILQ_REMOVE(&waiter->queue->waiters, waiter, link);
    waiter->queue = NULL;
}

static char *new_message_id(void)
{
    struct arena arena = ARENA_INIT;
    char *id = str_dup(world_new_uuid(&arena));

    arena_done(&arena);
    return id;
}

struct message *queue_send(struct queue *queue, struct str body, struct str sender,
                           int64_t delay_ms)
{
    struct message *message = mem_alloc_zero(sizeof(*message));

    message->serial = ++queue->queues->serial;
    message->id = new_message_id();
    message->sender = str_dup(sender);
    message->body = (struct str){str_dup(body), body.len};
    message->sent_wall_ms = clock_wall_ms();
    message->visible_at_ms = clock_mono_ms() + delay_ms;
    TAILQ_INSERT_TAIL(&queue->messages, message, link);
    queue->count++;
    serve_waiters(queue);
    return message;
}

void queue_show(struct queue *queue, struct message *message)
{
    message->visible_at_ms = 0;
    serve_waiters(queue);
}

static char *new_receipt(const struct queue *queue, const struct message *message)
{
    struct buf plain = BUF_INIT, text = BUF_INIT;
    unsigned char noise[24];

    crypto_random(noise, sizeof(noise));
    buf_printf(&plain, STR_FMT "/%llu/%u/", STR_ARG(queue->name),
               (unsigned long long)message->serial, message->receive_count);
    crypto_hex(&plain, noise, sizeof(noise));
    buf_append_text(&text, "AQEB");
    crypto_base64(&text, buf_str(&plain));
    buf_done(&plain);
    return buf_take(&text);
}

static void redrive_to(struct queue *from, struct queue *to, struct message *message,
                       struct str source)
{
    TAILQ_REMOVE(&from->messages, message, link);
    from->count--;
    message->visible_at_ms = 0;
    message->receive_count = 0;
    message->dead_letter_source = source;
    mem_free(message->receipt);
    message->receipt = NULL;
    TAILQ_INSERT_TAIL(&to->messages, message, link);
    to->count++;
}

/* A message that was received max_receive_count times in vain goes to the dead-letter queue when it
 * would be received once more. */
static bool move_if_spent(struct queue *queue, struct message *message)
{
    struct queue *dead = queues_find(queue->queues, queue->account, queue->dead_letter);

    if (!dead || queue->max_receive_count <= 0 ||
        message->receive_count < (uint64_t)queue->max_receive_count)
        return false;
    redrive_to(queue, dead, message, queue_arn(queue, &queue->queues->arena));
    serve_waiters(dead);
    return true;
}

static void take_message(struct queue *queue, struct message *message, int64_t visibility_ms)
{
    int64_t now_ms = clock_mono_ms();

    message->receive_count++;
    if (message->first_received_wall_ms == 0)
        message->first_received_wall_ms = clock_wall_ms();
    message->received_at_ms = now_ms;
    message->visible_at_ms = now_ms + visibility_ms;
    mem_free(message->receipt);
    message->receipt = new_receipt(queue, message);
}

size_t queue_receive(struct queue *queue, size_t max, int64_t visibility_ms, struct message **out)
{
    int64_t now_ms = clock_mono_ms(), wall_ms = clock_wall_ms();
    struct message *message = TAILQ_FIRST(&queue->messages);
    size_t count = 0;

    while (message && count < max) {
        struct message *next = TAILQ_NEXT(message, link);
        if (is_visible(message, now_ms)) {
            if (wall_ms - message->sent_wall_ms > queue->retention_s * 1000) {
                queue_delete(queue, message);
            } else if (!move_if_spent(queue, message)) {
                take_message(queue, message, visibility_ms);
                out[count++] = message;
            }
        }
        message = next;
    }
    return count;
}

/* Whether this text is a handle that this queue gave out, and for which message. */
static bool parse_receipt(const struct queue *queue, struct str handle, int64_t *ret_serial)
{
    struct buf plain = BUF_INIT;
    bool valid = false;

    if (str_starts_with(handle, STR("AQEB")) &&
        crypto_base64_decode(&plain, str_from(handle.ptr + 4, handle.len - 4)) == 0) {
        struct str rest = buf_str(&plain);
        valid = str_eq(str_split(&rest, '/'), queue->name) &&
                str_to_i64(str_split(&rest, '/'), ret_serial);
    }
    buf_done(&plain);
    return valid;
}

enum receipt queue_find_receipt(const struct queue *queue, struct str handle,
                                struct message **ret_message)
{
    struct message *message;
    int64_t serial;

    if (!parse_receipt(queue, handle, &serial))
        return RECEIPT_INVALID;
    TAILQ_FOREACH (message, &queue->messages, link) {
        if (message->serial != (uint64_t)serial || !str_eq(str_of(message->receipt), handle))
            continue;
        *ret_message = message;
        return RECEIPT_CURRENT;
    }
    return RECEIPT_STALE;
}

void queue_delete(struct queue *queue, struct message *message)
{
    TAILQ_REMOVE(&queue->messages, message, link);
    queue->count--;
    free_message(message);
}

int queue_change_visibility(struct queue *queue, struct message *message, int64_t visibility_ms)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms - message->received_at_ms + visibility_ms > QUEUE_VISIBILITY_MAX_S * INT64_C(1000))
        return -1;
    message->visible_at_ms = now_ms + visibility_ms;
    serve_waiters(queue);
    return 0;
}

struct queue_depth queue_depth(const struct queue *queue)
{
    struct queue_depth depth = {0};
    int64_t now_ms = clock_mono_ms();
    const struct message *message;

    TAILQ_FOREACH (message, &queue->messages, link) {
        if (is_visible(message, now_ms))
            depth.visible++;
        else if (message->receipt)
            depth.in_flight++;
        else
            depth.delayed++;
    }
    return depth;
}

struct str queue_arn(const struct queue *queue, struct arena *arena)
{
    return arena_printf(arena, "arn:aws:sqs:" STR_FMT ":" STR_FMT ":" STR_FMT,
                        STR_ARG(queue->queues->region), STR_ARG(queue->account),
                        STR_ARG(queue->name));
}

size_t queue_redrive(struct queue *dead_letter)
{
    struct message *message = TAILQ_FIRST(&dead_letter->messages);
    size_t count = 0;

    while (message) {
        struct message *next = TAILQ_NEXT(message, link);
        struct str arn = message->dead_letter_source;
        struct queue *source = NULL;
        for (size_t i = arn.len; i > 0 && !source; i--) {
            if (arn.ptr[i - 1] == ':')
                source = queues_find(dead_letter->queues, dead_letter->account,
                                     str_from(arn.ptr + i, arn.len - i));
        }
        if (source) {
            redrive_to(dead_letter, source, message, STR_NONE);
            serve_waiters(source);
            count++;
        }
        message = next;
    }
    return count;
}
