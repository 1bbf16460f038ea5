/* Amazon SQS over AWS JSON 1.0 (Amazon SQS API reference). The queues' rules are queue.c's. */
#include <ctype.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/sandbox.h"

#define INVALID_VALUE "InvalidParameterValueException"

static bool no_such_queue(struct call *call)
{
    return answer_error(&call->answer, "QueueDoesNotExist", "The specified queue does not exist.");
}

/* The last two parts of a queue's URL are its account and its name, whatever host it names. */
static struct queue *find_queue(struct call *call)
{
    struct str url = json_get_str(call->request, "QueueUrl"), account = STR_NONE, name = STR_NONE;

    while (!str_is_empty(url)) {
        account = name;
        name = str_split(&url, '/');
    }
    struct queue *queue = queues_find(&call->sandbox->queues, account, name);
    if (!queue || !str_eq(queue->account, call->caller.account)) {
        no_such_queue(call);
        return NULL;
    }
    return queue;
}

/* An optional whole number within bounds. */
static bool read_number(struct call *call, const struct json *object, const char *name, int64_t min,
                        int64_t max, int64_t *value)
{
    const struct json *member = json_get(object, name);

    if (json_kind(member) <= JSON_KIND_NULL)
        return true;
    if (json_int(member, value) && *value >= min && *value <= max)
        return true;
    return !answer_error(&call->answer, INVALID_VALUE,
                         "Value for parameter %s is invalid. Reason: Must be between %lld and "
                         "%lld, if provided.",
                         name, (long long)min, (long long)max);
}

struct receive {
    struct call *call;
    struct queue *queue;
    int64_t max, wait_s, visibility_s;
};

static bool wants_attribute(const struct call *call, const char *name)
{
    static const char *const members[] = {"MessageSystemAttributeNames", "AttributeNames"};

    for (size_t m = 0; m < 2; m++) {
        const struct json *list = json_get(call->request, members[m]);
        for (size_t i = 0; i < json_count(list); i++) {
            struct str wanted = json_str(json_at(list, i));
            if (str_eq_text(wanted, name) || str_eq(wanted, STR("All")))
                return true;
        }
    }
    return false;
}

static void set_attribute(const struct call *call, struct json *attributes, const char *name,
                          struct str value)
{
    if (wants_attribute(call, name))
        json_set_str(attributes, name, value);
}

static void set_number(struct call *call, struct json *attributes, const char *name, int64_t value)
{
    set_attribute(call, attributes, name, arena_printf(&call->arena, "%lld", (long long)value));
}

static void set_attributes(struct call *call, const struct message *message, struct json *item)
{
    struct json *attributes = json_new_object();

    set_attribute(call, attributes, "SenderId", str_of(message->sender));
    set_number(call, attributes, "SentTimestamp", message->sent_wall_ms);
    set_number(call, attributes, "ApproximateReceiveCount", message->receive_count);
    set_number(call, attributes, "ApproximateFirstReceiveTimestamp",
               message->first_received_wall_ms);
    if (!str_is_empty(message->dead_letter_source))
        set_attribute(call, attributes, "DeadLetterQueueSourceArn", message->dead_letter_source);
    if (json_count(attributes) > 0)
        json_set(item, "Attributes", attributes);
    else
        json_free(attributes);
}

static void set_md5(struct json *object, const char *name, struct str text)
{
    unsigned char digest[CRYPTO_MD5_SIZE];
    struct buf hex = BUF_INIT;

    crypto_md5(text, digest);
    crypto_hex(&hex, digest, sizeof(digest));
    json_set_str(object, name, buf_str(&hex));
    buf_done(&hex);
}

static struct json *message_json(struct call *call, const struct message *message)
{
    struct json *item = json_new_object();

    json_set_str(item, "MessageId", str_of(message->id));
    json_set_str(item, "ReceiptHandle", str_of(message->receipt));
    set_md5(item, "MD5OfBody", message->body);
    json_set_str(item, "Body", message->body);
    set_attributes(call, message, item);
    return item;
}

/* True if something was received and stands in the answer. */
static bool receive_now(struct receive *receive)
{
    struct call *call = receive->call;
    struct message *messages[QUEUE_RECEIVE_MAX];
    size_t count =
        queue_receive(receive->queue, (size_t)receive->max, receive->visibility_s * 1000, messages);
    struct json *body, *list;

    if (count == 0)
        return false;
    body = json_new_object();
    list = json_new_array();
    for (size_t i = 0; i < count; i++) {
        json_add(list, message_json(call, messages[i]));
        /* Delivered twice: the next receive sees it again, whatever becomes of this one. */
        if (call->fault.kind == FAULT_DUPLICATE)
            queue_show(receive->queue, messages[i]);
    }
    json_set(body, "Messages", list);
    answer_ok(&call->answer, body);
    return true;
}

static void stop_waiting(struct call *call)
{
    queue_unwait(&call->waiter);
    loop_cancel(call->timer);
    call->timer = NULL;
}

static void on_message(void *arg)
{
    struct receive *receive = arg;

    if (!receive_now(receive))
        return;
    stop_waiting(receive->call);
    receive->call->finish(receive->call);
}

static void on_wait_over(void *arg)
{
    struct call *call = arg;

    call->timer = NULL;
    stop_waiting(call);
    answer_ok(&call->answer, json_new_object());
    call->finish(call);
}

static bool receive_message(struct call *call)
{
    struct receive *receive = arena_alloc(&call->arena, sizeof(*receive));
    struct queue *queue = find_queue(call);

    if (!queue)
        return true;
    *receive = (struct receive){call, queue, 1, 0, queue->visibility_timeout_s};
    if (!read_number(call, call->request, "MaxNumberOfMessages", 1, QUEUE_RECEIVE_MAX,
                     &receive->max) ||
        !read_number(call, call->request, "WaitTimeSeconds", 0, QUEUE_WAIT_MAX_S,
                     &receive->wait_s) ||
        !read_number(call, call->request, "VisibilityTimeout", 0, QUEUE_VISIBILITY_MAX_S,
                     &receive->visibility_s))
        return true;
    size_t limit = (size_t)queue->in_flight_limit;

    if (queue->count >= limit && queue_depth(queue).in_flight >= limit) {
        /* "Quotas related to messages": a short poll is refused, a long one gets nothing. */
        if (receive->wait_s == 0)
            return answer_error(&call->answer, "OverLimit", "Too many messages in flight.");
    } else if (receive_now(receive)) {
        return true;
    }
    if (receive->wait_s == 0)
        return answer_ok(&call->answer, json_new_object());
    call->cancel = stop_waiting;
    call->timer = loop_after(call->sandbox->loop, receive->wait_s * 1000, on_wait_over, call);
    call->waiter = (struct queue_waiter){.fn = on_message, .arg = receive};
    queue_wait(queue, &call->waiter);
    return false;
}

/* What one entry of a batch, or a call for one message, came to: an error's code, or NULL. */
struct result {
    const char *code, *message;
};

typedef struct result entry_fn(struct queue *queue, const struct json *entry);

static struct result delete_entry(struct queue *queue, const struct json *entry)
{
    struct message *message;

    switch (queue_find_receipt(queue, json_get_str(entry, "ReceiptHandle"), &message)) {
    case RECEIPT_CURRENT:
        queue_delete(queue, message);
        break;
    case RECEIPT_STALE:
        break; /* succeeds and deletes nothing */
    case RECEIPT_INVALID:
        return (struct result){"ReceiptHandleIsInvalid", "The input receipt handle is invalid."};
    }
    return (struct result){0};
}

static struct result change_entry(struct queue *queue, const struct json *entry)
{
    struct message *message;
    int64_t timeout_s;

    if (!json_int(json_get(entry, "VisibilityTimeout"), &timeout_s) || timeout_s < 0 ||
        timeout_s > QUEUE_VISIBILITY_MAX_S)
        return (struct result){INVALID_VALUE, "Value for parameter VisibilityTimeout is invalid. "
                                              "Reason: Must be between 0 and 43200."};
    switch (queue_find_receipt(queue, json_get_str(entry, "ReceiptHandle"), &message)) {
    case RECEIPT_CURRENT:
        break;
    case RECEIPT_STALE:
        return (struct result){"MessageNotInflight", "The message referred to is not in flight."};
    case RECEIPT_INVALID:
        return (struct result){"ReceiptHandleIsInvalid", "The input receipt handle is invalid."};
    }
    if (!message_in_flight(message))
        return (struct result){"MessageNotInflight", "The message referred to is not in flight."};
    if (queue_change_visibility(queue, message, timeout_s * 1000) < 0)
        return (struct result){INVALID_VALUE, "Total VisibilityTimeout for the message is beyond "
                                              "the limit [43200 seconds]"};
    return (struct result){0};
}

static bool do_one(struct call *call, entry_fn *fn)
{
    struct queue *queue = find_queue(call);

    if (!queue)
        return true;
    if (str_is_empty(json_get_str(call->request, "ReceiptHandle")))
        return answer_error(&call->answer, "MissingRequiredParameterException",
                            "The request must contain the parameter ReceiptHandle.");
    struct result result = fn(queue, call->request);
    if (result.code)
        return answer_error(&call->answer, result.code, "%s", result.message);
    return answer_ok(&call->answer, NULL);
}

static bool is_entry_id(struct str id)
{
    enum { ID_MAX = 80 };

    for (size_t i = 0; i < id.len; i++) {
        if (!isalnum((unsigned char)id.ptr[i]) && id.ptr[i] != '-' && id.ptr[i] != '_')
            return false;
    }
    return id.len > 0 && id.len <= ID_MAX;
}

static bool id_is_repeated(const struct json *entries, size_t index)
{
    struct str id = json_get_str(json_at(entries, index), "Id");

    for (size_t i = 0; i < index; i++) {
        if (str_eq(json_get_str(json_at(entries, i), "Id"), id))
            return true;
    }
    return false;
}

/* A batch that is wrong as a whole is refused as a whole. */
static bool refuse_batch(struct call *call, const struct json *entries)
{
    size_t count = json_count(entries);

    if (json_kind(entries) != JSON_KIND_ARRAY || count == 0)
        return answer_error(&call->answer, "EmptyBatchRequest",
                            "There should be at least one entry in the request.");
    if (count > QUEUE_RECEIVE_MAX)
        return answer_error(&call->answer, "TooManyEntriesInBatchRequest",
                            "Maximum number of entries per request are 10.");
    for (size_t i = 0; i < count; i++) {
        if (!is_entry_id(json_get_str(json_at(entries, i), "Id")))
            return answer_error(&call->answer, "InvalidBatchEntryId",
                                "A batch entry id can only contain alphanumeric characters, "
                                "hyphens and underscores.");
        if (id_is_repeated(entries, i))
            return answer_error(&call->answer, "BatchEntryIdsNotDistinct",
                                "Two or more batch entries have the same Id.");
    }
    return false;
}

static bool do_batch(struct call *call, entry_fn *fn)
{
    const struct json *entries = json_get(call->request, "Entries");
    struct queue *queue = find_queue(call);

    if (!queue || refuse_batch(call, entries))
        return true;

    struct json *body = json_new_object();
    struct json *successful = json_new_array(), *failed = json_new_array();
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);
        struct result result = fn(queue, entry);
        struct json *item = json_new_object();
        json_set_str(item, "Id", json_get_str(entry, "Id"));
        if (result.code) {
            json_set_bool(item, "SenderFault", true);
            json_set_str(item, "Code", str_of(result.code));
            json_set_str(item, "Message", str_of(result.message));
        }
        json_add(result.code ? failed : successful, item);
    }
    json_set(body, "Successful", successful);
    json_set(body, "Failed", failed);
    return answer_ok(&call->answer, body);
}

static bool delete_message(struct call *call)
{
    return do_one(call, delete_entry);
}

static bool delete_message_batch(struct call *call)
{
    return do_batch(call, delete_entry);
}

static bool change_visibility(struct call *call)
{
    return do_one(call, change_entry);
}

static bool change_visibility_batch(struct call *call)
{
    return do_batch(call, change_entry);
}

static bool get_queue_url(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str owner = json_get_str(call->request, "QueueOwnerAWSAccountId");
    const struct queue *queue =
        queues_find(&sandbox->queues, str_is_empty(owner) ? call->caller.account : owner,
                    json_get_str(call->request, "QueueName"));
    struct json *body;

    if (!queue || !str_eq(queue->account, call->caller.account))
        return no_such_queue(call);
    body = json_new_object();
    json_set_str(body, "QueueUrl",
                 arena_printf(&call->arena, STR_FMT "/" STR_FMT "/" STR_FMT,
                              STR_ARG(sandbox->world.base_url), STR_ARG(queue->account),
                              STR_ARG(queue->name)));
    return answer_ok(&call->answer, body);
}

static bool asks_for(const struct call *call, const char *name)
{
    const struct json *names = json_get(call->request, "AttributeNames");

    for (size_t i = 0; i < json_count(names); i++) {
        struct str wanted = json_str(json_at(names, i));
        if (str_eq_text(wanted, name) || str_eq(wanted, STR("All")))
            return true;
    }
    return false;
}

static void put_number(struct call *call, struct json *attributes, const char *name, int64_t value)
{
    if (asks_for(call, name))
        json_set_str(attributes, name, arena_printf(&call->arena, "%lld", (long long)value));
}

static void put_redrive_policy(struct call *call, const struct queue *queue,
                               struct json *attributes)
{
    const struct queue *dead = queues_find(queue->queues, queue->account, queue->dead_letter);
    struct json *policy;
    struct buf text = BUF_INIT;

    if (!dead || !asks_for(call, "RedrivePolicy"))
        return;
    policy = json_new_object();
    json_set_str(policy, "deadLetterTargetArn", queue_arn(dead, &call->arena));
    json_set_integer(policy, "maxReceiveCount", queue->max_receive_count);
    json_write(policy, &text);
    json_set_str(attributes, "RedrivePolicy", buf_str(&text));
    json_free(policy);
    buf_done(&text);
}

static bool get_queue_attributes(struct call *call)
{
    struct queue *queue = find_queue(call);
    struct json *body, *attributes;

    if (!queue)
        return true;
    struct queue_depth depth = queue_depth(queue);
    attributes = json_new_object();
    put_number(call, attributes, "ApproximateNumberOfMessages", (int64_t)depth.visible);
    put_number(call, attributes, "ApproximateNumberOfMessagesNotVisible", (int64_t)depth.in_flight);
    put_number(call, attributes, "ApproximateNumberOfMessagesDelayed", (int64_t)depth.delayed);
    put_number(call, attributes, "VisibilityTimeout", queue->visibility_timeout_s);
    put_number(call, attributes, "MessageRetentionPeriod", queue->retention_s);
    put_number(call, attributes, "MaximumMessageSize", QUEUE_BODY_MAX);
    put_number(call, attributes, "ReceiveMessageWaitTimeSeconds", 0);
    if (asks_for(call, "QueueArn"))
        json_set_str(attributes, "QueueArn", queue_arn(queue, &call->arena));
    if (!str_is_empty(queue->policy) && asks_for(call, "Policy"))
        json_set_str(attributes, "Policy", queue->policy);
    if (!str_is_empty(queue->kms_key) && asks_for(call, "KmsMasterKeyId"))
        json_set_str(attributes, "KmsMasterKeyId", queue->kms_key);
    put_redrive_policy(call, queue, attributes);
    body = json_new_object();
    if (json_count(attributes) > 0)
        json_set(body, "Attributes", attributes);
    else
        json_free(attributes);
    return answer_ok(&call->answer, body);
}

static bool send_message(struct call *call)
{
    enum { DELAY_MAX_S = 900 };
    struct queue *queue = find_queue(call);
    struct str text = json_get_str(call->request, "MessageBody");
    int64_t delay_s = 0;

    if (!queue || !read_number(call, call->request, "DelaySeconds", 0, DELAY_MAX_S, &delay_s))
        return true;
    if (str_is_empty(text))
        return answer_error(&call->answer, "MissingRequiredParameterException",
                            "The request must contain the parameter MessageBody.");
    if (text.len > QUEUE_BODY_MAX)
        return answer_error(&call->answer, INVALID_VALUE,
                            "One or more parameters are invalid. Reason: Message must be shorter "
                            "than 1048576 bytes.");

    struct json *body = json_new_object();
    set_md5(body, "MD5OfMessageBody", text);
    struct message *message =
        queue_send(queue, text, call->caller.key ? call->caller.key->id : STR_NONE, delay_s * 1000);
    json_set_str(body, "MessageId", str_of(message->id));
    return answer_ok(&call->answer, body);
}

const struct operation sqs_operations[] = {
    {SERVICE_SQS, "ReceiveMessage", receive_message, false},
    {SERVICE_SQS, "DeleteMessage", delete_message, false},
    {SERVICE_SQS, "DeleteMessageBatch", delete_message_batch, false},
    {SERVICE_SQS, "ChangeMessageVisibility", change_visibility, false},
    {SERVICE_SQS, "ChangeMessageVisibilityBatch", change_visibility_batch, false},
    {SERVICE_SQS, "GetQueueUrl", get_queue_url, false},
    {SERVICE_SQS, "GetQueueAttributes", get_queue_attributes, false},
    {SERVICE_SQS, "SendMessage", send_message, false},
    {0},
};
