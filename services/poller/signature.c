#include "services/poller/signature.h"

#include "common/base/mem.h"
#include "common/json/json.h"

static int read_digest(const struct json *envelope, enum crypto_digest *ret, struct error *error)
{
    struct str version = json_get_str(envelope, "SignatureVersion");

    if (str_eq_text(version, "1"))
        *ret = CRYPTO_DIGEST_SHA1;
    else if (str_eq_text(version, "2"))
        *ret = CRYPTO_DIGEST_SHA256;
    else
        return error_set(error, "Its SignatureVersion is neither 1 nor 2.");
    return 0;
}

/* Those members of a notification that are there, in the order of their names. */
static int append_text(const struct json *envelope, struct buf *out, struct error *error)
{
    static const char *const members[] = {"Message",   "MessageId", "Subject",
                                          "Timestamp", "TopicArn",  "Type"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const struct json *value = json_get(envelope, members[i]);
        bool subject = i == 2;
        if (subject && (!value || json_kind(value) == JSON_KIND_NULL))
            continue;
        if (json_kind(value) != JSON_KIND_STRING)
            return error_set(error, "Its %s, which SNS signs, is not a text.", members[i]);
        buf_printf(out, "%s\n", members[i]);
        buf_append_str(out, json_str(value));
        buf_append_char(out, '\n');
    }
    return 0;
}

static int read_bytes(const struct json *envelope, struct buf *out, struct error *error)
{
    struct str text = json_get_str(envelope, "Signature");

    if (str_is_empty(text))
        return error_set(error, "It has no Signature.");
    if (crypto_base64_decode(out, text) < 0)
        return error_set(error, "Its Signature is not base64.");
    return 0;
}

int signature_read(struct str body, struct arena *arena, struct signature *ret, struct error *error)
{
    cleanup(json_freep) struct json *envelope = NULL;
    cleanup(buf_done) struct buf text = BUF_INIT;
    cleanup(buf_done) struct buf bytes = BUF_INIT;

    if (json_parse(&envelope, body, error) < 0 || read_digest(envelope, &ret->digest, error) < 0 ||
        append_text(envelope, &text, error) < 0 || read_bytes(envelope, &bytes, error) < 0)
        return -1;
    ret->certificate_url = arena_str(arena, json_get_str(envelope, "SigningCertURL"));
    ret->text = arena_str(arena, buf_str(&text));
    ret->bytes = arena_str(arena, buf_str(&bytes));
    return 0;
}

bool signature_holds(const struct signature *signature,
                     const struct crypto_certificate *certificate)
{
    return crypto_certificate_verify(certificate, signature->digest, signature->text,
                                     signature->bytes);
}
