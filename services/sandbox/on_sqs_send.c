/* SendMessage and SendMessageBatch. */
#include <ctype.h>
#include <string.h>

#include "common/crypto/crypto.h"
#include "services/sandbox/message_attributes.h"
#include "services/sandbox/sandbox.h"

enum { DELAY_MAX_S = 900, FIFO_ID_MAX = 128 };

#define WRONG_FOR_QUEUE "The request includes a parameter that is not valid for this queue type."

/* A message that is being sent, with what its answer tells. */
struct sending {
    struct outgoing message;
    struct message_attributes attributes, system;
};

static struct sqs_result refuse(const char *code, const char *message)
{
    return (struct sqs_result){code, message};
}

/* Message group and deduplication ids: letters, digits and ASCII punctuation. */
static bool is_fifo_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (!isgraph((unsigned char)id.ptr[i]) || !isascii((unsigned char)id.ptr[i]))
            return false;
    }
    return id.len > 0 && id.len <= FIFO_ID_MAX;
}

static struct str content_digest(struct str body, struct arena *arena)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    struct buf hex = BUF_INIT;

    crypto_sha256(body, digest);
    crypto_hex(&hex, digest, sizeof(digest));
    struct str kept = arena_str(arena, buf_str(&hex));
    buf_done(&hex);
    return kept;
}

/* "SendMessage": a FIFO queue asks for a group, and for an id to deduplicate by unless it makes one
 * of the content; a standard one takes the group only. */
static struct sqs_result read_order(const struct queue *queue, const struct json *from,
                                    struct arena *arena, struct outgoing *ret)
{
    const struct json *group = json_get(from, "MessageGroupId");
    const struct json *id = json_get(from, "MessageDeduplicationId");
    bool fifo = queue_is_fifo(queue), has_id = json_kind(id) > JSON_KIND_NULL;

    ret->group = json_str(group);
    ret->deduplication = json_str(id);
    if (json_kind(group) > JSON_KIND_NULL && !is_fifo_id(ret->group))
        return refuse(SQS_INVALID_VALUE, "The MessageGroupId is not valid.");
    if (has_id && !is_fifo_id(ret->deduplication))
        return refuse(SQS_INVALID_VALUE, "The MessageDeduplicationId is not valid.");
    if (!fifo)
        return has_id ? refuse(SQS_INVALID_VALUE, WRONG_FOR_QUEUE) : refuse(NULL, NULL);
    if (str_is_empty(ret->group))
        return refuse(SQS_MISSING, "The request must contain the parameter MessageGroupId.");
    if (!has_id && !queue->content_based_deduplication)
        return refuse(SQS_INVALID_VALUE, "The queue should either have ContentBasedDeduplication "
                                         "enabled or MessageDeduplicationId provided explicitly");
    if (!has_id)
        ret->deduplication = content_digest(ret->body, arena);
    return refuse(NULL, NULL);
}

static struct sqs_result read_delay(const struct queue *queue, const struct json *from,
                                    struct outgoing *ret)
{
    const struct json *member = json_get(from, "DelaySeconds");
    int64_t delay_s = queue->delay_s;

    if (json_kind(member) > JSON_KIND_NULL) {
        if (!json_int(member, &delay_s) || delay_s < 0 || delay_s > DELAY_MAX_S)
            return refuse(SQS_INVALID_VALUE, "Value for parameter DelaySeconds is invalid. Reason: "
                                             "Must be between 0 and 900, if provided.");
        if (queue_is_fifo(queue) && delay_s != 0)
            return refuse(SQS_INVALID_VALUE, WRONG_FOR_QUEUE);
    }
    ret->delay_ms = delay_s * 1000;
    return refuse(NULL, NULL);
}

static struct sqs_result read_body(const struct json *from, struct outgoing *ret)
{
    ret->body = json_get_str(from, "MessageBody");
    if (str_is_empty(ret->body))
        return refuse(SQS_MISSING, "The request must contain the parameter MessageBody.");
    if (!sqs_text_is_valid(ret->body))
        return refuse("InvalidMessageContents",
                      "The message body has characters that are not allowed. Allowed are #x9, #xA, "
                      "#xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF.");
    return refuse(NULL, NULL);
}

/* The only system attribute that can be sent. */
static struct sqs_result read_system(const struct json *from, struct arena *arena,
                                     struct sending *ret)
{
    struct sqs_result result =
        message_attributes_read(json_get(from, "MessageSystemAttributes"), arena, &ret->system);

    if (result.code || ret->system.count == 0)
        return result;
    if (ret->system.count > 1 || !str_eq(ret->system.list[0].name, STR("AWSTraceHeader")) ||
        !str_eq(ret->system.list[0].type, STR("String")))
        return refuse(SQS_INVALID_VALUE, "The only message system attribute that can be sent is "
                                         "AWSTraceHeader, a String.");
    ret->message.trace_header = ret->system.list[0].value;
    return result;
}

static struct sqs_result read_sending(struct call *call, const struct queue *queue,
                                      const struct json *from, struct sending *ret)
{
    const struct json *attributes = json_get(from, "MessageAttributes");

    *ret = (struct sending){.message.sender = caller_user_id(&call->caller, &call->arena)};
    struct sqs_result result = read_body(from, &ret->message);
    if (!result.code)
        result = read_delay(queue, from, &ret->message);
    if (!result.code)
        result = message_attributes_read(attributes, &call->arena, &ret->attributes);
    if (!result.code)
        result = read_system(from, &call->arena, ret);
    if (!result.code)
        result = read_order(queue, from, &call->arena, &ret->message);
    if (!result.code && ret->message.body.len + ret->attributes.bytes > QUEUE_BODY_MAX)
        result =
            refuse(SQS_INVALID_VALUE, "One or more parameters are invalid. Reason: Message must "
                                      "be shorter than 1048576 bytes.");
    ret->message.attributes = ret->attributes.count > 0 ? attributes : NULL;
    return result;
}

static struct sqs_result send_entry(struct call *call, struct queue *queue,
                                    const struct json *entry, struct json *item)
{
    struct sending sending;
    struct sqs_result result = read_sending(call, queue, entry, &sending);

    if (result.code)
        return result;
    struct queue_sent sent = queue_post(queue, &sending.message);
    json_set_str(item, "MessageId", sent.id);
    sqs_set_md5(item, "MD5OfMessageBody", sending.message.body);
    message_attributes_set_md5(&sending.attributes, item, "MD5OfMessageAttributes");
    message_attributes_set_md5(&sending.system, item, "MD5OfMessageSystemAttributes");
    if (queue_is_fifo(queue))
        json_set_str(item, "SequenceNumber", queue_sequence(sent.serial, &call->arena));
    return result;
}

bool sqs_send_message(struct call *call)
{
    return sqs_do_one(call, send_entry);
}

bool sqs_send_message_batch(struct call *call)
{
    const struct json *entries = json_get(call->request, "Entries");
    size_t bytes = 0;

    for (size_t i = 0; i < json_count(entries); i++) {
        struct message_attributes attributes;
        const struct json *entry = json_at(entries, i);
        message_attributes_read(json_get(entry, "MessageAttributes"), &call->arena, &attributes);
        bytes += json_get_str(entry, "MessageBody").len + attributes.bytes;
    }
    if (bytes > QUEUE_BODY_MAX)
        return answer_error(&call->answer, "BatchRequestTooLong",
                            "Batch requests cannot be longer than 1048576 bytes.");
    return sqs_do_batch(call, send_entry);
}
