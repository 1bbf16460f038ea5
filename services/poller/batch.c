#include "services/poller/batch.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"

/* SQS API reference, DeleteMessageBatch and ChangeMessageVisibilityBatch: up to ten entries. */
enum { BATCH_LIMIT = 10, COLLECT_MS = 100, RETRY_MS = 2000 };

struct entry {
    char *receipt_handle;
    int64_t visibility_s;
    int64_t expires_ms;
    struct entry *next;
};

/* A call in flight and its entries; their ids in the request are their places here. */
struct flight {
    struct batch *batch;
    struct aws_call *call;
    struct entry *entries[BATCH_LIMIT];
    size_t count;
    struct flight *next;
};

struct batch {
    struct batch_options options;
    struct entry *first, **last; /* waiting, the oldest first */
    size_t waiting;
    struct flight *flights;
    struct loop_timer *timer;
    bool finishing;
};

struct batch *batch_new(const struct batch_options *options)
{
    struct batch *batch = mem_alloc_zero(sizeof(*batch));

    batch->options = *options;
    batch->last = &batch->first;
    return batch;
}

static void free_entry(struct entry *entry)
{
    mem_free(entry->receipt_handle);
    mem_free(entry);
}

static void put_last(struct batch *batch, struct entry *entry)
{
    entry->next = NULL;
    *batch->last = entry;
    batch->last = &entry->next;
    batch->waiting++;
}

static struct entry *take_first(struct batch *batch)
{
    struct entry *entry = batch->first;

    if (!entry)
        return NULL;
    batch->first = entry->next;
    if (!batch->first)
        batch->last = &batch->first;
    batch->waiting--;
    return entry;
}

static void forget_flight(struct flight *flight)
{
    struct flight **link = &flight->batch->flights;

    while (*link != flight)
        link = &(*link)->next;
    *link = flight->next;
    mem_free(flight);
}

void batch_free(struct batch *batch)
{
    struct entry *entry;

    if (!batch)
        return;
    loop_cancel(batch->timer);
    while (batch->flights) {
        struct flight *flight = batch->flights;
        aws_call_cancel(flight->call);
        for (size_t i = 0; i < flight->count; i++)
            free_entry(flight->entries[i]);
        forget_flight(flight);
    }
    while ((entry = take_first(batch)))
        free_entry(entry);
    mem_free(batch);
}

static void send_waiting(struct batch *batch);

static void on_timer(void *arg)
{
    struct batch *batch = arg;

    batch->timer = NULL;
    send_waiting(batch);
}

static void send_later(struct batch *batch, int64_t delay_ms)
{
    if (!batch->timer)
        batch->timer = loop_after(batch->options.loop, delay_ms, on_timer, batch);
}

/* An entry AWS has not taken care of: once more, unless that would be too late. */
static bool keep_trying(struct batch *batch, struct entry *entry)
{
    if (batch->finishing || clock_mono_ms() + RETRY_MS >= entry->expires_ms)
        return false;
    put_last(batch, entry);
    send_later(batch, RETRY_MS);
    return true;
}

static void log_refusal(const struct batch *batch, struct str code, struct str message)
{
    log_warning(batch->options.operation == BATCH_DELETE
                    ? "a message could not be deleted; SQS will hand it out again"
                    : "a message could not be handed back; SQS will hand it out again by itself",
                LOG_TEXT("queue", batch->options.label), LOG_STR("code", code),
                LOG_STR("error", message));
}

/* The entry that an item of Successful or Failed is about, which is then no longer the flight's. */
static struct entry *entry_of(struct flight *flight, const struct json *item)
{
    int64_t index = -1;

    if (!str_to_i64(json_get_str(item, "Id"), &index) || index < 0 ||
        (size_t)index >= flight->count)
        return NULL;
    return take(flight->entries[index]);
}

static size_t settle_successful(struct flight *flight, const struct json *successful)
{
    size_t done = 0;

    for (size_t i = 0; i < json_count(successful); i++) {
        struct entry *entry = entry_of(flight, json_at(successful, i));
        if (entry) {
            free_entry(entry);
            done++;
        }
    }
    return done;
}

/* SenderFault: asking again would not help (the handle is stale, say). */
static size_t settle_failed(struct flight *flight, const struct json *failed)
{
    size_t lost = 0;

    for (size_t i = 0; i < json_count(failed); i++) {
        const struct json *item = json_at(failed, i);
        struct entry *entry = entry_of(flight, item);
        bool sender_fault = false;
        if (!entry)
            continue;
        json_bool(json_get(item, "SenderFault"), &sender_fault);
        if (!sender_fault && keep_trying(flight->batch, entry))
            continue;
        log_refusal(flight->batch, json_get_str(item, "Code"), json_get_str(item, "Message"));
        free_entry(entry);
        lost++;
    }
    return lost;
}

/* What the answer does not mention, or all of it if there was none. */
static size_t settle_rest(struct flight *flight, const struct aws_response *response)
{
    bool worth_it = response->outcome != AWS_ERROR || response->retryable;
    size_t lost = 0;

    for (size_t i = 0; i < flight->count; i++) {
        struct entry *entry = take(flight->entries[i]);
        if (!entry || (worth_it && keep_trying(flight->batch, entry)))
            continue;
        log_refusal(flight->batch, response->code, response->message);
        free_entry(entry);
        lost++;
    }
    return lost;
}

static void on_answer(void *arg, const struct aws_response *response)
{
    struct flight *flight = arg;
    struct batch *batch = flight->batch;
    size_t done = 0, lost = 0;

    if (response->outcome == AWS_OK) {
        done = settle_successful(flight, json_get(response->body, "Successful"));
        lost = settle_failed(flight, json_get(response->body, "Failed"));
    }
    lost += settle_rest(flight, response);
    forget_flight(flight);
    batch->options.on_result(batch->options.arg, done, lost);
}

static void write_request(const struct flight *flight, struct buf *out)
{
    const struct batch_options *options = &flight->batch->options;
    cleanup(json_freep) struct json *request = json_new_object();
    struct json *entries = json_new_array();

    for (size_t i = 0; i < flight->count; i++) {
        struct json *item = json_new_object();
        char id[24];
        snprintf(id, sizeof(id), "%zu", i);
        json_set_str(item, "Id", str_of(id));
        json_set_str(item, "ReceiptHandle", str_of(flight->entries[i]->receipt_handle));
        if (options->operation == BATCH_CHANGE_VISIBILITY)
            json_set_integer(item, "VisibilityTimeout", flight->entries[i]->visibility_s);
        json_add(entries, item);
    }
    json_set_str(request, "QueueUrl", str_of(options->url));
    json_set(request, "Entries", entries);
    json_write(request, out);
}

static void send_some(struct batch *batch)
{
    cleanup(buf_done) struct buf body = BUF_INIT;
    struct flight *flight = mem_alloc_zero(sizeof(*flight));
    bool deletes = batch->options.operation == BATCH_DELETE;

    flight->batch = batch;
    while (flight->count < BATCH_LIMIT && batch->first)
        flight->entries[flight->count++] = take_first(batch);
    flight->next = batch->flights;
    batch->flights = flight;
    write_request(flight, &body);
    flight->call =
        aws_call(batch->options.aws,
                 &(struct aws_request){.service = AWS_SQS,
                                       .operation = deletes ? "DeleteMessageBatch"
                                                            : "ChangeMessageVisibilityBatch",
                                       .body = buf_str(&body)},
                 on_answer, flight);
}

static void send_waiting(struct batch *batch)
{
    while (batch->first)
        send_some(batch);
}

void batch_add(struct batch *batch, struct str receipt_handle, int64_t visibility_s,
               int64_t expires_ms)
{
    struct entry *entry = mem_alloc_zero(sizeof(*entry));

    entry->receipt_handle = str_dup(receipt_handle);
    entry->visibility_s = visibility_s;
    entry->expires_ms = expires_ms;
    put_last(batch, entry);
    if (batch->waiting >= BATCH_LIMIT)
        send_some(batch);
    else
        send_later(batch, batch->finishing ? 0 : COLLECT_MS);
}

void batch_finish(struct batch *batch)
{
    batch->finishing = true;
    loop_cancel(take(batch->timer));
    send_waiting(batch);
}

bool batch_is_empty(const struct batch *batch)
{
    return !batch->first && !batch->flights;
}
