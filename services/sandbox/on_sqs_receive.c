/* ReceiveMessage: at once, or when something comes. */
#include "common/base/clock.h"
#include "services/sandbox/message_attributes.h"
#include "services/sandbox/sandbox.h"

struct receive {
    struct call *call;
    struct queue *queue;
    int64_t max, wait_s, visibility_s;
};

/* "ReceiveMessage". AttributeNames is the older spelling of the list. */
static const char *const system_names[] = {
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
    NULL,
};

static void set_attribute(const struct call *call, struct json *attributes, const char *name,
                          struct str value)
{
    if (!str_is_empty(value) && (sqs_asks_for(call, "MessageSystemAttributeNames", name) ||
                                 sqs_asks_for(call, "AttributeNames", name)))
        json_set_str(attributes, name, value);
}

static void set_number(struct call *call, struct json *attributes, const char *name, int64_t value)
{
    set_attribute(call, attributes, name, arena_printf(&call->arena, "%lld", (long long)value));
}

static void set_system_attributes(struct receive *receive, const struct message *message,
                                  struct json *item)
{
    struct call *call = receive->call;
    struct json *attributes = json_new_object();

    set_attribute(call, attributes, "SenderId", str_of(message->sender));
    set_number(call, attributes, "SentTimestamp", message->sent_wall_ms);
    set_number(call, attributes, "ApproximateReceiveCount", message->receive_count);
    set_number(call, attributes, "ApproximateFirstReceiveTimestamp",
               message->first_received_wall_ms);
    set_attribute(call, attributes, "DeadLetterQueueSourceArn", message->dead_letter_source);
    set_attribute(call, attributes, "AWSTraceHeader", str_of(message->trace_header));
    set_attribute(call, attributes, "MessageGroupId", str_of(message->group));
    set_attribute(call, attributes, "MessageDeduplicationId", str_of(message->deduplication));
    if (queue_is_fifo(receive->queue))
        set_attribute(call, attributes, "SequenceNumber",
                      queue_sequence(message->serial, &call->arena));
    if (json_count(attributes) > 0)
        json_set(item, "Attributes", attributes);
    else
        json_free(attributes);
}

struct selection {
    const struct json *names;
    struct json *chosen;
};

static void select_attribute(void *arg, struct str name, const struct json *value)
{
    struct selection *selection = arg;

    if (message_attribute_is_wanted(selection->names, name))
        json_set(selection->chosen, name.ptr, json_clone(value));
}

/* The digest is that of what is given back. */
static void set_message_attributes(struct call *call, const struct message *message,
                                   struct json *item)
{
    struct selection selection = {json_get(call->request, "MessageAttributeNames"),
                                  json_new_object()};
    struct message_attributes read;

    json_each(message->attributes, select_attribute, &selection);
    message_attributes_read(selection.chosen, &call->arena, &read);
    message_attributes_set_md5(&read, item, "MD5OfMessageAttributes");
    if (read.count > 0)
        json_set(item, "MessageAttributes", selection.chosen);
    else
        json_free(selection.chosen);
}

static struct json *message_json(struct receive *receive, const struct message *message)
{
    struct json *item = json_new_object();

    json_set_str(item, "MessageId", str_of(message->id));
    json_set_str(item, "ReceiptHandle", str_of(message->receipt));
    sqs_set_md5(item, "MD5OfBody", message->body);
    json_set_str(item, "Body", message->body);
    set_system_attributes(receive, message, item);
    set_message_attributes(receive->call, message, item);
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
        json_add(list, message_json(receive, messages[i]));
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

bool sqs_receive_message(struct call *call)
{
    struct receive *receive = arena_alloc(&call->arena, sizeof(*receive));
    struct queue *queue = sqs_queue(call);

    if (!queue)
        return true;
    *receive = (struct receive){call, queue, 1, 0, queue->visibility_timeout_s};
    if (!sqs_names_are_known(call, "MessageSystemAttributeNames", system_names) ||
        !sqs_names_are_known(call, "AttributeNames", system_names) ||
        !sqs_number(call, "MaxNumberOfMessages", 1, QUEUE_RECEIVE_MAX, &receive->max) ||
        !sqs_number(call, "WaitTimeSeconds", 0, QUEUE_WAIT_MAX_S, &receive->wait_s) ||
        !sqs_number(call, "VisibilityTimeout", 0, QUEUE_VISIBILITY_MAX_S, &receive->visibility_s))
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
