/* GetQueueAttributes. */
#include "services/sandbox/sandbox.h"
#include "services/sandbox/sqs.h"

/* "GetQueueAttributes". All values are texts; what a queue does not have is left out. */
static const char *const names[] = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
    NULL,
};

struct listing {
    struct call *call;
    const struct queue *queue;
    struct json *attributes;
};

static void put(struct listing *listing, const char *name, struct str value)
{
    if (!str_is_empty(value) && sqs_asks_for(listing->call, "AttributeNames", name))
        json_set_str(listing->attributes, name, value);
}

static void put_number(struct listing *listing, const char *name, int64_t value)
{
    put(listing, name, arena_printf(&listing->call->arena, "%lld", (long long)value));
}

static void put_truth(struct listing *listing, const char *name, bool value)
{
    put(listing, name, value ? STR("true") : STR("false"));
}

static void put_redrive_policy(struct listing *listing)
{
    const struct queue *queue = listing->queue;
    const struct queue *dead = queues_find(queue->queues, queue->account, queue->dead_letter);
    struct json *policy;
    struct buf text = BUF_INIT;

    if (!dead)
        return;
    policy = json_new_object();
    json_set_str(policy, "deadLetterTargetArn", queue_arn(dead, &listing->call->arena));
    json_set_integer(policy, "maxReceiveCount", queue->max_receive_count);
    json_write(policy, &text);
    put(listing, "RedrivePolicy", buf_str(&text));
    json_free(policy);
    buf_done(&text);
}

static void put_counts(struct listing *listing)
{
    struct queue_depth depth = queue_depth(listing->queue);

    put_number(listing, "ApproximateNumberOfMessages", (int64_t)depth.visible);
    put_number(listing, "ApproximateNumberOfMessagesNotVisible", (int64_t)depth.in_flight);
    put_number(listing, "ApproximateNumberOfMessagesDelayed", (int64_t)depth.delayed);
}

/* SSE-SQS is what a new queue has; a key of KMS takes its place. */
static void put_encryption(struct listing *listing)
{
    enum { REUSE_S = 300 };
    bool kms = !str_is_empty(listing->queue->kms_key);

    put(listing, "KmsMasterKeyId", listing->queue->kms_key);
    if (kms)
        put_number(listing, "KmsDataKeyReusePeriodSeconds", REUSE_S);
    put_truth(listing, "SqsManagedSseEnabled", !kms);
}

static void put_order(struct listing *listing)
{
    if (!queue_is_fifo(listing->queue))
        return;
    put_truth(listing, "FifoQueue", true);
    put_truth(listing, "ContentBasedDeduplication", listing->queue->content_based_deduplication);
    put(listing, "DeduplicationScope", STR("queue"));
    put(listing, "FifoThroughputLimit", STR("perQueue"));
}

bool sqs_get_queue_attributes(struct call *call)
{
    const struct queue *queue = sqs_queue(call);
    struct listing listing = {call, queue, NULL};

    if (!queue || !sqs_names_are_known(call, "AttributeNames", names))
        return true;
    listing.attributes = json_new_object();
    put_counts(&listing);
    put_number(&listing, "VisibilityTimeout", queue->visibility_timeout_s);
    put_number(&listing, "MessageRetentionPeriod", queue->retention_s);
    put_number(&listing, "MaximumMessageSize", QUEUE_BODY_MAX);
    put_number(&listing, "DelaySeconds", queue->delay_s);
    put_number(&listing, "ReceiveMessageWaitTimeSeconds", 0);
    put_number(&listing, "CreatedTimestamp", queue->created_at);
    put_number(&listing, "LastModifiedTimestamp", queue->modified_at);
    put(&listing, "QueueArn", queue_arn(queue, &call->arena));
    put(&listing, "Policy", queue->policy);
    put_redrive_policy(&listing);
    put_encryption(&listing);
    put_order(&listing);

    struct json *body = json_new_object();
    if (json_count(listing.attributes) > 0)
        json_set(body, "Attributes", listing.attributes);
    else
        json_free(listing.attributes);
    return answer_ok(&call->answer, body);
}
