#include "services/poller/queue.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"

enum { PAUSE_FIRST_MS = 1000, PAUSE_MOST_MS = 30000, EMPTY_AT_ONCE_MS = 1000 };

/* A place for one receive and its messages. */
struct lane {
    struct queue *queue;
    struct aws_call *call;
    struct loop_timer *timer;
    int64_t began_ms;
    size_t open; /* messages under way, and the receive itself while it is handled */
    bool failed;
};

struct queue {
    struct queue_options options;
    struct queue_figures figures;
    struct batch *deletes;
    struct batch *returns;
    struct deliveries *deliveries;
    struct lane *lanes;
    size_t lane_count;
    struct loop_timer *pause_timer;
    unsigned failures; /* pauses since the last whole success; 0: all is well */
    bool draining, drained;
    struct loop_timer *drain_timer;
};

static void pump(struct queue *queue);

static void check_drained(struct queue *queue)
{
    if (!queue->draining || queue->drained || !deliveries_is_empty(queue->deliveries) ||
        !batch_is_empty(queue->deletes) || !batch_is_empty(queue->returns))
        return;
    queue->drained = true;
    loop_cancel(take(queue->drain_timer));
    queue->options.on_drained(queue->options.arg);
}

static void on_deleted(void *arg, size_t done, size_t failed)
{
    struct queue *queue = arg;

    queue->figures.counts.deleted += (int64_t)done;
    queue->figures.counts.not_deleted += (int64_t)failed;
    check_drained(queue);
}

static void on_handed_back(void *arg, size_t done, size_t failed)
{
    struct queue *queue = arg;
    (void)failed;

    queue->figures.counts.handed_back += (int64_t)done;
    check_drained(queue);
}

static struct batch *new_batch(struct queue *queue, enum batch_operation operation)
{
    return batch_new(&(struct batch_options){
        .loop = queue->options.loop,
        .aws = queue->options.aws,
        .label = queue->options.label,
        .url = queue->options.url,
        .operation = operation,
        .on_result = operation == BATCH_DELETE ? on_deleted : on_handed_back,
        .arg = queue,
    });
}

struct queue *queue_new(const struct queue_options *options)
{
    struct queue *queue = mem_alloc_zero(sizeof(*queue));

    queue->options = *options;
    queue->deletes = new_batch(queue, BATCH_DELETE);
    queue->returns = new_batch(queue, BATCH_CHANGE_VISIBILITY);
    queue->deliveries = deliveries_new(&(struct deliveries_options){
        .store = options->store,
        .deletes = queue->deletes,
        .returns = queue->returns,
        .owner = options->owner,
        .certificates = options->certificates,
        .local_certificates = options->local_certificates,
        .aws = options->aws,
        .label = options->label,
        .visibility_ms = options->visibility_ms,
        .on_refused = options->on_refused,
        .arg = options->arg,
        .counts = &queue->figures.counts,
    });
    queue->lane_count = (size_t)options->receives_in_flight;
    queue->lanes = mem_alloc_array(queue->lane_count, sizeof(*queue->lanes));
    for (size_t i = 0; i < queue->lane_count; i++)
        queue->lanes[i].queue = queue;
    return queue;
}

static void stop_receiving(struct queue *queue)
{
    for (size_t i = 0; i < queue->lane_count; i++) {
        aws_call_cancel(take(queue->lanes[i].call));
        loop_cancel(take(queue->lanes[i].timer));
    }
    loop_cancel(take(queue->pause_timer));
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    stop_receiving(queue);
    loop_cancel(queue->drain_timer);
    deliveries_free(queue->deliveries);
    batch_free(queue->deletes);
    batch_free(queue->returns);
    mem_free(queue->lanes);
    mem_free(queue);
}

static void on_pause_over(void *arg)
{
    struct queue *queue = arg;

    queue->pause_timer = NULL;
    pump(queue);
}

/* Doubles up to the most, the last half of it by chance, so that pollers do not come in step. */
static int64_t widening_pause_ms(unsigned failures)
{
    int64_t delay_ms = PAUSE_FIRST_MS;

    while (--failures > 0 && delay_ms < PAUSE_MOST_MS)
        delay_ms *= 2;
    delay_ms = delay_ms < PAUSE_MOST_MS ? delay_ms : PAUSE_MOST_MS;
    return delay_ms / 2 + clock_mono_us() % (delay_ms / 2 + 1);
}

/* Lanes that fail together make one pause. Returns false if there is one already. */
static bool pause_for(struct queue *queue, int64_t delay_ms)
{
    if (queue->pause_timer || queue->draining)
        return false;
    queue->pause_timer = loop_after(queue->options.loop, delay_ms, on_pause_over, queue);
    return true;
}

static void lane_finish(struct lane *lane)
{
    struct queue *queue = lane->queue;

    if (--lane->open > 0)
        return;
    if (!lane->failed && queue->failures > 0) {
        queue->failures = 0;
        log_info("the queue is read again", LOG_TEXT("queue", queue->options.label));
    }
    pump(queue);
    check_drained(queue);
}

static void on_lane_timer(void *arg)
{
    struct lane *lane = arg;

    lane->timer = NULL;
    lane_finish(lane);
}

static void on_delivered(void *arg, bool store_is_well)
{
    struct lane *lane = arg;
    struct queue *queue = lane->queue;

    if (!store_is_well) {
        lane->failed = true;
        if (!queue->pause_timer)
            pause_for(queue, widening_pause_ms(++queue->failures));
    }
    lane_finish(lane);
}

static void deliver(struct lane *lane, const struct json *body)
{
    struct queue *queue = lane->queue;
    struct arena arena = ARENA_INIT;
    struct received_list list;

    received_read(body, &arena, &list);
    if (list.unusable > 0)
        log_error("SQS sent messages without a receipt handle",
                  LOG_TEXT("queue", queue->options.label), LOG_INT("count", list.unusable));
    lane->open += list.count;
    for (size_t i = 0; i < list.count; i++)
        deliveries_start(queue->deliveries, &list.items[i], on_delivered, lane);
    arena_done(&arena);
    /* SQS developer guide: with too many messages in flight a long poll gets nothing, at once. */
    if (list.count == 0 && clock_mono_ms() - lane->began_ms < EMPTY_AT_ONCE_MS &&
        !queue->draining) {
        lane->open++;
        lane->timer = loop_after(queue->options.loop, EMPTY_AT_ONCE_MS, on_lane_timer, lane);
    }
}

/* Credentials and refusals (no such queue, no permission) are for the operator to mend. */
static void on_receive_failed(struct lane *lane, const struct aws_response *response)
{
    struct queue *queue = lane->queue;
    bool refused = !response->retryable &&
                   (response->outcome == AWS_CREDENTIALS || response->outcome == AWS_ERROR);

    lane->failed = true;
    queue->figures.receives_failed++;
    if (queue->pause_timer)
        return;
    int64_t delay_ms = widening_pause_ms(++queue->failures);
    if (refused)
        delay_ms = queue->options.refused_pause_ms;
    if (!pause_for(queue, delay_ms))
        return;
    LOG_AT(refused ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
           refused ? "AWS refuses the queue; it is asked again after a pause"
                   : "the queue could not be read; it is asked again after a pause",
           LOG_TEXT("queue", queue->options.label), LOG_STR("code", response->code),
           LOG_STR("error", response->message), LOG_STR("request_id", response->request_id),
           LOG_INT("pause_ms", delay_ms));
}

static void on_received(void *arg, const struct aws_response *response)
{
    struct lane *lane = arg;
    struct queue *queue = lane->queue;

    lane->call = NULL;
    if (response->outcome == AWS_OK) {
        queue->figures.receives++;
        queue->figures.last_receive_wall_s = clock_wall_s();
        deliver(lane, response->body);
    } else {
        on_receive_failed(lane, response);
    }
    lane_finish(lane);
}

static void write_request(const struct queue *queue, struct buf *out)
{
    cleanup(json_freep) struct json *request = json_new_object();
    struct json *attributes = json_new_array();

    json_add(attributes, json_new_str(STR("ApproximateReceiveCount")));
    json_add(attributes, json_new_str(STR("SentTimestamp")));
    json_add(attributes, json_new_str(STR("DeadLetterQueueSourceArn")));
    json_set_str(request, "QueueUrl", str_of(queue->options.url));
    json_set_integer(request, "MaxNumberOfMessages",
                     queue->failures > 0 ? 1 : queue->options.batch);
    json_set_integer(request, "WaitTimeSeconds", queue->options.wait_ms / 1000);
    json_set_integer(request, "VisibilityTimeout", queue->options.visibility_ms / 1000);
    json_set(request, "MessageSystemAttributeNames", attributes);
    json_write(request, out);
}

static void receive(struct lane *lane)
{
    struct queue *queue = lane->queue;
    cleanup(buf_done) struct buf body = BUF_INIT;

    write_request(queue, &body);
    lane->open = 1;
    lane->failed = false;
    lane->began_ms = clock_mono_ms();
    lane->call = aws_call(queue->options.aws,
                          &(struct aws_request){.service = AWS_SQS,
                                                .operation = "ReceiveMessage",
                                                .body = buf_str(&body),
                                                .extra_wait_ms = queue->options.wait_ms},
                          on_received, lane);
}

static size_t busy_lanes(const struct queue *queue)
{
    size_t busy = 0;

    for (size_t i = 0; i < queue->lane_count; i++)
        busy += queue->lanes[i].open > 0;
    return busy;
}

/* Lets every free lane receive; only one while the queue is not known to be well. */
static void pump(struct queue *queue)
{
    size_t most = queue->failures > 0 ? 1 : queue->lane_count;
    size_t busy = busy_lanes(queue);

    if (queue->draining || queue->pause_timer || !rpc_client_connected(queue->options.store))
        return;
    for (size_t i = 0; i < queue->lane_count && busy < most; i++) {
        if (queue->lanes[i].open == 0) {
            receive(&queue->lanes[i]);
            busy++;
        }
    }
}

void queue_wake(struct queue *queue)
{
    pump(queue);
}

static void on_drain_limit(void *arg)
{
    struct queue *queue = arg;

    queue->drain_timer = NULL;
    log_warning("the store did not answer in time; its messages are handed back",
                LOG_TEXT("queue", queue->options.label));
    deliveries_abandon(queue->deliveries);
    check_drained(queue);
}

void queue_drain(struct queue *queue)
{
    if (queue->draining)
        return;
    queue->draining = true;
    stop_receiving(queue);
    batch_finish(queue->deletes);
    batch_finish(queue->returns);
    queue->drain_timer =
        loop_after(queue->options.loop, queue->options.drain_limit_ms, on_drain_limit, queue);
    check_drained(queue);
}

bool queue_is_drained(const struct queue *queue)
{
    return queue->drained;
}

struct queue_figures queue_figures(const struct queue *queue)
{
    struct queue_figures figures = queue->figures;

    figures.paused = queue->pause_timer != NULL;
    return figures;
}
