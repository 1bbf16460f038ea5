#include "services/sandbox/sns.h"

#include "common/base/clock.h"
#include "common/crypto/crypto.h"

/* The account that owns AWS Marketplace's topics, as AWS's serverless sample names it. */
#define TOPIC_OWNER "287250355862"

void sns_init(struct sns *sns)
{
    struct arena arena = ARENA_INIT;
    unsigned char serial[16];

    *sns = (struct sns){.key = crypto_key_new_rsa()};
    crypto_key_self_signed_pem(sns->key, "sns.amazonaws.com", &sns->certificate);
    crypto_random(serial, sizeof(serial));
    buf_append_text(&sns->path, "/SimpleNotificationService-");
    crypto_hex(&sns->path, serial, sizeof(serial));
    buf_append_text(&sns->path, ".pem");
    arena_done(&arena);
}

void sns_done(struct sns *sns)
{
    crypto_key_free(sns->key);
    buf_done(&sns->certificate);
    buf_done(&sns->path);
}

/* "Verifying the signatures of Amazon SNS messages": name and value of these members in this order,
 * each followed by a line end. */
static void append_signed_text(struct buf *out, const struct json *envelope)
{
    static const char *const members[] = {"Message",   "MessageId", "Subject",
                                          "Timestamp", "TopicArn",  "Type"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (!json_get(envelope, members[i]))
            continue;
        buf_printf(out, "%s\n", members[i]);
        buf_append_str(out, json_get_str(envelope, members[i]));
        buf_append_char(out, '\n');
    }
}

static void sign(const struct sns *sns, int64_t version, struct json *envelope)
{
    struct buf text = BUF_INIT, signature = BUF_INIT, encoded = BUF_INIT;

    append_signed_text(&text, envelope);
    crypto_key_sign(sns->key, version == 2 ? CRYPTO_DIGEST_SHA256 : CRYPTO_DIGEST_SHA1,
                    buf_str(&text), &signature);
    crypto_base64(&encoded, buf_str(&signature));
    json_set_str(envelope, "Signature", buf_str(&encoded));
    buf_done(&text);
    buf_done(&signature);
    buf_done(&encoded);
}

void sns_envelope(const struct sns *sns, const struct world *world, const struct product *product,
                  const char *topic, struct str message, struct buf *out)
{
    struct json *envelope = json_new_object();
    struct arena arena = ARENA_INIT;
    char now[CLOCK_TEXT_SIZE];
    struct str arn = arena_printf(
        &arena, "arn:aws:sns:" STR_FMT ":" TOPIC_OWNER ":aws-mp-%s-notification-" STR_FMT,
        STR_ARG(world->region), topic, STR_ARG(product->code));

    json_set_str(envelope, "Type", STR("Notification"));
    json_set_str(envelope, "MessageId", world_new_uuid(&arena));
    json_set_str(envelope, "TopicArn", arn);
    json_set_str(envelope, "Message", message);
    json_set_str(envelope, "Timestamp", str_of(clock_format_ms(clock_wall_ms(), now)));
    json_set_str(envelope, "SignatureVersion",
                 product->signature_version == 2 ? STR("2") : STR("1"));
    sign(sns, product->signature_version, envelope);
    json_set_str(envelope, "SigningCertURL",
                 arena_printf(&arena, STR_FMT STR_FMT, STR_ARG(world->base_url),
                              STR_ARG(buf_str(&sns->path))));
    json_set_str(envelope, "UnsubscribeURL",
                 arena_printf(&arena, STR_FMT "/?Action=Unsubscribe&SubscriptionArn=" STR_FMT,
                              STR_ARG(world->base_url), STR_ARG(arn)));
    json_write_pretty(envelope, out);
    json_free(envelope);
    arena_done(&arena);
}
