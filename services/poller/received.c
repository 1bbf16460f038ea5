#include "services/poller/received.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"

static int64_t number_of(const struct json *message, const char *path)
{
    int64_t number = 0;

    return str_to_i64(json_str(json_path(message, path)), &number) && number > 0 ? number : 0;
}

/* Message, SQS API reference: MD5OfBody is the hex MD5 of the body. */
static bool is_intact(struct str body, struct str md5)
{
    cleanup(buf_done) struct buf hex = BUF_INIT;
    unsigned char digest[CRYPTO_MD5_SIZE];

    crypto_md5(body, digest);
    crypto_hex(&hex, digest, sizeof(digest));
    return str_eq_nocase(buf_str(&hex), md5);
}

static void read_message(const struct json *message, struct received *ret)
{
    int64_t count = number_of(message, "Attributes.ApproximateReceiveCount");

    ret->message_id = json_get_str(message, "MessageId");
    ret->receipt_handle = json_get_str(message, "ReceiptHandle");
    ret->body = json_get_str(message, "Body");
    ret->receive_count = count > 0 ? count : 1;
    ret->sent_at_s = number_of(message, "Attributes.SentTimestamp") / 1000;
    ret->dead_letter_source = json_str(json_path(message, "Attributes.DeadLetterQueueSourceArn"));
    ret->intact = is_intact(ret->body, json_get_str(message, "MD5OfBody"));
}

void received_read(const struct json *response, struct arena *arena, struct received_list *ret)
{
    const struct json *messages = json_get(response, "Messages");
    size_t count = json_count(messages);

    *ret = (struct received_list){.items = NULL};
    if (json_kind(messages) != JSON_KIND_ARRAY || count == 0)
        return;
    ret->items = arena_alloc_array(arena, count, sizeof(*ret->items));
    for (size_t i = 0; i < count; i++) {
        struct received *item = &ret->items[ret->count];
        read_message(json_at(messages, i), item);
        if (str_is_empty(item->receipt_handle))
            ret->unusable++;
        else
            ret->count++;
    }
}
