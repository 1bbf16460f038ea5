#include "common/aws/client/sigv4.h"

#include "common/crypto/crypto.h"

static void append_sha256(struct buf *out, struct str data)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(data, digest);
    crypto_hex(out, digest, sizeof(digest));
}

/* Trimmed, inner runs of blanks as one blank. */
static void append_header_value(struct buf *out, struct str value)
{
    bool blank = false;

    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c != ' ' || !blank)
            buf_append_char(out, c);
        blank = c == ' ';
    }
}

void sigv4_canonical_request(struct buf *out, struct str method, struct str path, struct str query,
                             const struct sigv4_header *headers, size_t header_count,
                             struct str body)
{
    buf_printf(out, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n", STR_ARG(method), STR_ARG(path),
               STR_ARG(query));
    for (size_t i = 0; i < header_count; i++) {
        buf_append_str(out, headers[i].name);
        buf_append_char(out, ':');
        append_header_value(out, headers[i].value);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
    for (size_t i = 0; i < header_count; i++) {
        if (i > 0)
            buf_append_char(out, ';');
        buf_append_str(out, headers[i].name);
    }
    buf_append_char(out, '\n');
    append_sha256(out, body);
}

void sigv4_string_to_sign(struct buf *out, struct str amz_date, struct str scope,
                          struct str canonical_request)
{
    buf_printf(out, "AWS4-HMAC-SHA256\n" STR_FMT "\n" STR_FMT "\n", STR_ARG(amz_date),
               STR_ARG(scope));
    append_sha256(out, canonical_request);
}

void sigv4_signature(struct buf *out_hex, struct str secret_key, struct str date, struct str region,
                     struct str service, struct str string_to_sign)
{
    const struct str steps[] = {date, region, service, STR("aws4_request"), string_to_sign};
    unsigned char mac[CRYPTO_SHA256_SIZE];
    struct buf secret = BUF_INIT;

    buf_append_text(&secret, "AWS4");
    buf_append_str(&secret, secret_key);
    crypto_hmac_sha256(buf_str(&secret), steps[0], mac);
    for (size_t i = 1; i < sizeof(steps) / sizeof(steps[0]); i++)
        crypto_hmac_sha256(str_from(mac, sizeof(mac)), steps[i], mac);
    crypto_hex(out_hex, mac, sizeof(mac));
    buf_done(&secret);
}
