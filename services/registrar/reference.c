#include "services/registrar/reference.h"

#include "common/base/mem.h"
#include "common/crypto/crypto.h"

/* KEY.SUBSCRIPTION.EXPIRES.NONCE.MAC, the first two and the MAC in base64url, so that neither a
 * key id nor a subscription id can shift the borders between the parts. */
enum { NONCE_SIZE = 12, PART_COUNT = 5, REFERENCE_LIMIT = 512 };

static void append_mac(struct buf *out, struct str secret, const char *purpose, struct str text)
{
    cleanup(buf_done) struct buf signed_text = BUF_INIT;
    unsigned char mac[CRYPTO_SHA256_SIZE];

    buf_printf(&signed_text, "entitled-registrar|%s|" STR_FMT, purpose, STR_ARG(text));
    crypto_hmac_sha256(secret, buf_str(&signed_text), mac);
    crypto_base64url(out, str_from(mac, sizeof(mac)));
}

static bool mac_holds(struct str secret, const char *purpose, struct str text, struct str mac)
{
    cleanup(buf_done) struct buf want = BUF_INIT;

    append_mac(&want, secret, purpose, text);
    return crypto_equal(buf_str(&want), mac);
}

void reference_sign(struct buf *out, const struct signing_key_list *keys, const char *purpose,
                    struct str subscription, int64_t expires_s)
{
    cleanup(buf_done) struct buf text = BUF_INIT;
    unsigned char nonce[NONCE_SIZE];

    crypto_random(nonce, sizeof(nonce));
    crypto_base64url(&text, keys->items[0].id);
    buf_append_char(&text, '.');
    crypto_base64url(&text, subscription);
    buf_printf(&text, ".%lld.", (long long)expires_s);
    crypto_base64url(&text, str_from(nonce, sizeof(nonce)));

    buf_append_str(out, buf_str(&text));
    buf_append_char(out, '.');
    append_mac(out, keys->items[0].secret, purpose, buf_str(&text));
}

static int split(struct str text, struct str parts[PART_COUNT])
{
    if (text.len > REFERENCE_LIMIT)
        return -1;
    for (size_t i = 0; i < PART_COUNT; i++) {
        parts[i] = str_split(&text, '.');
        if (parts[i].len == 0)
            return -1;
    }
    return text.len == 0 ? 0 : -1;
}

static int decode(struct arena *arena, struct str part, struct str *ret)
{
    cleanup(buf_done) struct buf plain = BUF_INIT;

    if (crypto_base64url_decode(&plain, part) != 0)
        return -1;
    *ret = arena_str(arena, buf_str(&plain));
    return 0;
}

static const struct signing_key *find_key(const struct signing_key_list *keys, struct str id)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eq(keys->items[i].id, id))
            return &keys->items[i];
    }
    return NULL;
}

enum reference_verdict reference_verify(const struct signing_key_list *keys, const char *purpose,
                                        struct str text, int64_t now_s, struct arena *arena,
                                        struct reference *ret)
{
    struct str parts[PART_COUNT], key_id;
    struct reference reference = {0};

    if (split(text, parts) != 0 || decode(arena, parts[0], &key_id) != 0 ||
        decode(arena, parts[1], &reference.subscription) != 0 ||
        !str_to_i64(parts[2], &reference.expires_s))
        return REFERENCE_BAD;
    reference.nonce = parts[3];

    const struct signing_key *key = find_key(keys, key_id);
    if (!key)
        return REFERENCE_NO_KEY;
    struct str signed_part = str_from(text.ptr, text.len - parts[4].len - 1);
    if (!mac_holds(key->secret, purpose, signed_part, parts[4]))
        return REFERENCE_BAD;
    if (now_s >= reference.expires_s)
        return REFERENCE_EXPIRED;
    *ret = reference;
    return REFERENCE_GOOD;
}

void reference_form_word(struct buf *out, const struct signing_key_list *keys, struct str session)
{
    append_mac(out, keys->items[0].secret, "form", session);
}

bool reference_form_word_holds(const struct signing_key_list *keys, struct str session,
                               struct str word)
{
    bool holds = false;

    /* All keys: the page may have been given out before the newest key was made. */
    for (size_t i = 0; i < keys->count; i++)
        holds |= mac_holds(keys->items[i].secret, "form", session, word);
    return holds;
}
