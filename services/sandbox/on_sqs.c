/* Amazon SQS: the operations on messages that were received, and on queues. */
#include <ctype.h>

#include "common/crypto/crypto.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/sqs.h"

bool sqs_no_such_queue(struct call *call)
{
    return answer_error(&call->answer, "QueueDoesNotExist", "The specified queue does not exist.");
}

/* The last two parts of a queue's URL are its account and its name, whatever host it names. */
struct queue *sqs_queue(struct call *call)
{
    struct str url = json_get_str(call->request, "QueueUrl"), account = STR_NONE, name = STR_NONE;

    while (!str_is_empty(url)) {
        account = name;
        name = str_split(&url, '/');
    }
    struct queue *queue = queues_find(&call->sandbox->queues, account, name);
    if (!queue || !str_eq(queue->account, call->caller.account)) {
        sqs_no_such_queue(call);
        return NULL;
    }
    return queue;
}

bool sqs_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t *value)
{
    const struct json *member = json_get(call->request, name);

    if (json_kind(member) <= JSON_KIND_NULL)
        return true;
    if (json_int(member, value) && *value >= min && *value <= max)
        return true;
    return !answer_error(&call->answer, SQS_INVALID_VALUE,
                         "Value for parameter %s is invalid. Reason: Must be between %lld and "
                         "%lld, if provided.",
                         name, (long long)min, (long long)max);
}

void sqs_set_md5(struct json *object, const char *name, struct str bytes)
{
    unsigned char digest[CRYPTO_MD5_SIZE];
    struct buf hex = BUF_INIT;

    crypto_md5(bytes, digest);
    crypto_hex(&hex, digest, sizeof(digest));
    json_set_str(object, name, buf_str(&hex));
    buf_done(&hex);
}

bool sqs_asks_for(const struct call *call, const char *list, const char *name)
{
    const struct json *names = json_get(call->request, list);

    for (size_t i = 0; i < json_count(names); i++) {
        struct str wanted = json_str(json_at(names, i));
        if (str_eq_text(wanted, name) || str_eq(wanted, STR("All")))
            return true;
    }
    return false;
}

static bool is_one_of(const char *const *known, struct str name)
{
    for (; *known; known++) {
        if (str_eq_text(name, *known))
            return true;
    }
    return false;
}

bool sqs_names_are_known(struct call *call, const char *list, const char *const *known)
{
    const struct json *names = json_get(call->request, list);

    for (size_t i = 0; i < json_count(names); i++) {
        struct str name = json_str(json_at(names, i));
        if (!str_eq(name, STR("All")) && !is_one_of(known, name))
            return !answer_error(&call->answer, "InvalidAttributeName",
                                 "Unknown Attribute " STR_FMT ".", STR_ARG(name));
    }
    return true;
}

static struct sqs_result no_receipt(void)
{
    return (struct sqs_result){SQS_MISSING,
                               "The request must contain the parameter ReceiptHandle."};
}

static struct sqs_result delete_entry(struct call *call, struct queue *queue,
                                      const struct json *entry, struct json *item)
{
    struct message *message;
    (void)call;
    (void)item;

    if (str_is_empty(json_get_str(entry, "ReceiptHandle")))
        return no_receipt();
    switch (queue_find_receipt(queue, json_get_str(entry, "ReceiptHandle"), &message)) {
    case RECEIPT_CURRENT:
        queue_delete(queue, message);
        break;
    case RECEIPT_STALE:
        break; /* succeeds and deletes nothing */
    case RECEIPT_INVALID:
        return (struct sqs_result){"ReceiptHandleIsInvalid",
                                   "The input receipt handle is invalid."};
    }
    return (struct sqs_result){0};
}

static struct sqs_result change_entry(struct call *call, struct queue *queue,
                                      const struct json *entry, struct json *item)
{
    struct message *message;
    int64_t timeout_s;
    (void)call;
    (void)item;

    if (str_is_empty(json_get_str(entry, "ReceiptHandle")))
        return no_receipt();
    if (!json_int(json_get(entry, "VisibilityTimeout"), &timeout_s) || timeout_s < 0 ||
        timeout_s > QUEUE_VISIBILITY_MAX_S)
        return (struct sqs_result){SQS_INVALID_VALUE,
                                   "Value for parameter VisibilityTimeout is invalid. "
                                   "Reason: Must be between 0 and 43200."};
    switch (queue_find_receipt(queue, json_get_str(entry, "ReceiptHandle"), &message)) {
    case RECEIPT_CURRENT:
        break;
    case RECEIPT_STALE:
        return (struct sqs_result){"MessageNotInflight",
                                   "The message referred to is not in flight."};
    case RECEIPT_INVALID:
        return (struct sqs_result){"ReceiptHandleIsInvalid",
                                   "The input receipt handle is invalid."};
    }
    if (!message_in_flight(message))
        return (struct sqs_result){"MessageNotInflight",
                                   "The message referred to is not in flight."};
    if (queue_change_visibility(queue, message, timeout_s * 1000) < 0)
        return (struct sqs_result){SQS_INVALID_VALUE,
                                   "Total VisibilityTimeout for the message is beyond "
                                   "the limit [43200 seconds]"};
    return (struct sqs_result){0};
}

bool sqs_do_one(struct call *call, sqs_entry_fn *fn)
{
    struct queue *queue = sqs_queue(call);
    struct json *body;

    if (!queue)
        return true;
    body = json_new_object();
    struct sqs_result result = fn(call, queue, call->request, body);
    if (!result.code && json_count(body) > 0)
        return answer_ok(&call->answer, body);
    json_free(body);
    return result.code ? answer_error(&call->answer, result.code, "%s", result.message)
                       : answer_ok(&call->answer, NULL);
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

bool sqs_do_batch(struct call *call, sqs_entry_fn *fn)
{
    const struct json *entries = json_get(call->request, "Entries");
    struct queue *queue = sqs_queue(call);

    if (!queue || refuse_batch(call, entries))
        return true;

    struct json *body = json_new_object();
    struct json *successful = json_new_array(), *failed = json_new_array();
    for (size_t i = 0; i < json_count(entries); i++) {
        const struct json *entry = json_at(entries, i);
        struct json *item = json_new_object();
        json_set_str(item, "Id", json_get_str(entry, "Id"));
        struct sqs_result result = fn(call, queue, entry, item);
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
    return sqs_do_one(call, delete_entry);
}

static bool delete_message_batch(struct call *call)
{
    return sqs_do_batch(call, delete_entry);
}

static bool change_visibility(struct call *call)
{
    return sqs_do_one(call, change_entry);
}

static bool change_visibility_batch(struct call *call)
{
    return sqs_do_batch(call, change_entry);
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
        return sqs_no_such_queue(call);
    body = json_new_object();
    json_set_str(body, "QueueUrl",
                 arena_printf(&call->arena, STR_FMT "/" STR_FMT "/" STR_FMT,
                              STR_ARG(sandbox->world.base_url), STR_ARG(queue->account),
                              STR_ARG(queue->name)));
    return answer_ok(&call->answer, body);
}

const struct operation sqs_operations[] = {
    {SERVICE_SQS, "ReceiveMessage", sqs_receive_message, false},
    {SERVICE_SQS, "DeleteMessage", delete_message, false},
    {SERVICE_SQS, "DeleteMessageBatch", delete_message_batch, false},
    {SERVICE_SQS, "ChangeMessageVisibility", change_visibility, false},
    {SERVICE_SQS, "ChangeMessageVisibilityBatch", change_visibility_batch, false},
    {SERVICE_SQS, "GetQueueUrl", get_queue_url, false},
    {SERVICE_SQS, "GetQueueAttributes", sqs_get_queue_attributes, false},
    {SERVICE_SQS, "SendMessage", sqs_send_message, false},
    {SERVICE_SQS, "SendMessageBatch", sqs_send_message_batch, false},
    {0},
};
