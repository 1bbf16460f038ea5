#include "services/sandbox/queue.h"

#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/world.h"

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
    mem_free(message->trace_header);
    mem_free(message->group);
    mem_free(message->deduplication);
    json_free(message->attributes);
    mem_free(message->receipt);
    mem_free(message);
}

static void forget(struct queue *queue, struct queue_memory *memory)
{
    TAILQ_REMOVE(&queue->taken, memory, link);
    mem_free(memory->deduplication);
    mem_free(memory->id);
    mem_free(memory);
}

static void remove_message(struct queue *queue, struct message *message)
{
    TAILQ_REMOVE(&queue->messages, message, link);
    queue->count--;
    free_message(message);
}

void queues_done(struct queues *queues)
{
    struct queue *queue;

    STAILQ_FOREACH (queue, &queues->list, link) {
        loop_cancel(queue->timer);
        while (!TAILQ_EMPTY(&queue->messages))
            remove_message(queue, TAILQ_FIRST(&queue->messages));
        while (!TAILQ_EMPTY(&queue->taken))
            forget(queue, TAILQ_FIRST(&queue->taken));
    }
    STAILQ_INIT(&queues->list);
    arena_done(&queues->arena);
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

/* Of a FIFO queue: while a message is in flight or delayed, the later ones of its group wait. */
static bool is_held_back(const struct queue *queue, const struct message *message, int64_t now_ms)
{
    const struct message *earlier;

    if (!queue_is_fifo(queue))
        return false;
    TAILQ_FOREACH (earlier, &queue->messages, link) {
        if (earlier == message)
            return false;
        if (!is_visible(earlier, now_ms) && str_eq(str_of(earlier->group), str_of(message->group)))
            return true;
    }
    return false;
}

/* -1: nothing will become visible. */
static int64_t next_visible_ms(const struct queue *queue)
{
    const struct message *message;
    int64_t next = -1, now_ms = clock_mono_ms();

    TAILQ_FOREACH (message, &queue->messages, link) {
        if ((next < 0 || message->visible_at_ms < next) && !is_held_back(queue, message, now_ms))
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

bool queue_is_fifo(const struct queue *queue)
{
    return str_ends_with(queue->name, STR(".fifo"));
}

static char *dup_if_any(struct str text)
{
    return str_is_empty(text) ? NULL : str_dup(text);
}

struct message *queue_put(struct queue *queue, const struct outgoing *outgoing)
{
    struct message *message = mem_alloc_zero(sizeof(*message));

    message->serial = ++queue->queues->serial;
    message->id = new_message_id();
    message->sender = str_dup(outgoing->sender);
    message->trace_header = dup_if_any(outgoing->trace_header);
    message->group = dup_if_any(outgoing->group);
    message->deduplication = dup_if_any(outgoing->deduplication);
    message->attributes = outgoing->attributes ? json_clone(outgoing->attributes) : NULL;
    message->body = (struct str){str_dup(outgoing->body), outgoing->body.len};
    message->sent_wall_ms = clock_wall_ms();
    message->visible_at_ms = clock_mono_ms() + outgoing->delay_ms;
    TAILQ_INSERT_TAIL(&queue->messages, message, link);
    queue->count++;
    return message;
}

struct message *queue_send(struct queue *queue, struct str body, struct str sender,
                           int64_t delay_ms)
{
    struct message *message =
        queue_put(queue, &(struct outgoing){.body = body,
                                            .sender = sender,
                                            .delay_ms = delay_ms,
                                            .group = queue_is_fifo(queue) ? STR("aws") : STR_NONE});

    serve_waiters(queue);
    return message;
}

/* What was taken before under that id; NULL: nothing, or too long ago. */
static const struct queue_memory *find_taken(struct queue *queue, struct str deduplication)
{
    struct queue_memory *memory;

    while ((memory = TAILQ_FIRST(&queue->taken)) && memory->forget_at_ms <= clock_mono_ms())
        forget(queue, memory);
    TAILQ_FOREACH (memory, &queue->taken, link) {
        if (str_eq(str_of(memory->deduplication), deduplication))
            return memory;
    }
    return NULL;
}

/* "Exactly-once processing in Amazon SQS": five minutes, whether or not the first one was deleted.
 */
static void remember(struct queue *queue, const struct message *message)
{
    enum { DEDUPLICATION_MS = 5 * 60 * 1000 };
    struct queue_memory *memory = mem_alloc_zero(sizeof(*memory));

    memory->deduplication = str_dup(str_of(message->deduplication));
    memory->id = str_dup(str_of(message->id));
    memory->serial = message->serial;
    memory->forget_at_ms = clock_mono_ms() + DEDUPLICATION_MS;
    TAILQ_INSERT_TAIL(&queue->taken, memory, link);
}

struct queue_sent queue_post(struct queue *queue, const struct outgoing *outgoing)
{
    bool deduplicates = queue_is_fifo(queue) && !str_is_empty(outgoing->deduplication);
    const struct queue_memory *before =
        deduplicates ? find_taken(queue, outgoing->deduplication) : NULL;

    if (before)
        return (struct queue_sent){str_of(before->id), before->serial};
    const struct message *message = queue_put(queue, outgoing);
    struct queue_sent sent = {arena_str(&queue->queues->arena, str_of(message->id)),
                              message->serial};
    if (deduplicates)
        remember(queue, message);
    serve_waiters(queue);
    return sent;
}

struct str queue_sequence(uint64_t serial, struct arena *arena)
{
    /* The first numbers that AWS gives are as long as the last. */
    return arena_printf(arena, "188%017llu", (unsigned long long)serial);
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

/* Those of one group are given out together, so none is taken before all are chosen. */
size_t queue_receive(struct queue *queue, size_t max, int64_t visibility_ms, struct message **out)
{
    int64_t now_ms = clock_mono_ms(), wall_ms = clock_wall_ms();
    struct message *message = TAILQ_FIRST(&queue->messages);
    size_t count = 0;

    while (message && count < max) {
        struct message *next = TAILQ_NEXT(message, link);
        if (is_visible(message, now_ms) && !is_held_back(queue, message, now_ms)) {
            if (wall_ms - message->sent_wall_ms > queue->retention_s * 1000)
                remove_message(queue, message);
            else if (!move_if_spent(queue, message))
                out[count++] = message;
        }
        message = next;
    }
    for (size_t i = 0; i < count; i++)
        take_message(queue, out[i], visibility_ms);
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

/* What it held back may be received now. */
void queue_delete(struct queue *queue, struct message *message)
{
    remove_message(queue, message);
    if (queue_is_fifo(queue))
        serve_waiters(queue);
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
        struct arn arn;
        arn_split(message->dead_letter_source, &arn);
        struct queue *source = queues_find(dead_letter->queues, dead_letter->account, arn.resource);
        if (source) {
            redrive_to(dead_letter, source, message, STR_NONE);
            serve_waiters(source);
            count++;
        }
        message = next;
    }
    return count;
}
