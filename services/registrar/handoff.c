#include "services/registrar/handoff.h"

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/json/json.h"

enum { TOKEN_LIMIT = 8192, TENANT_LIMIT = 255, JTI_SIZE = 16 };

static void append_json(struct buf *out, const struct json *value)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    json_write(value, &text);
    crypto_base64url(out, buf_str(&text));
}

static void append_signature(struct buf *out, const struct handoff_key *key, struct str input)
{
    unsigned char mac[CRYPTO_SHA256_SIZE];

    crypto_hmac_sha256(key->secret, input, mac);
    crypto_base64url(out, str_from(mac, sizeof(mac)));
}

static struct json *make_header(const struct handoff_key *key)
{
    struct json *header = json_new_object();

    json_set_str(header, "alg", STR("HS256"));
    json_set_str(header, "typ", STR("JWT"));
    json_set_str(header, "kid", key->id);
    return header;
}

static void set_known(struct json *object, const char *name, struct str text)
{
    if (text.len > 0)
        json_set_str(object, name, text);
}

static struct json *make_claims(const struct handoff *handoff)
{
    const struct subscription *subscription = handoff->subscription;
    struct json *claims = json_new_object();
    cleanup(buf_done) struct buf id = BUF_INIT;
    unsigned char random[JTI_SIZE];

    crypto_random(random, sizeof(random));
    crypto_hex(&id, random, sizeof(random));
    json_set_str(claims, "iss", handoff->issuer);
    json_set_str(claims, "aud", handoff->audience);
    json_set_str(claims, "sub", subscription->id);
    json_set_integer(claims, "iat", handoff->now_s);
    json_set_integer(claims, "exp", handoff->now_s + HANDOFF_LIFETIME_S);
    json_set_str(claims, "jti", buf_str(&id));
    json_set_str(claims, "return_url", handoff->return_url);
    json_set_str(claims, "product_code", subscription->product_code);
    set_known(claims, "account_id", subscription->account_id);
    set_known(claims, "customer_identifier", subscription->customer_identifier);
    set_known(claims, "license_arn", subscription->license_arn);
    set_known(claims, "tenant", subscription->tenant);
    json_set_bool(claims, "free_trial", subscription->free_trial);
    json_set_str(claims, "state", str_of(choice_text(&enumeration_state, (int)handoff->state)));
    return claims;
}

void handoff_sign(struct buf *out, const struct handoff_key *key, const struct handoff *handoff)
{
    cleanup(json_freep) struct json *header = make_header(key);
    cleanup(json_freep) struct json *claims = make_claims(handoff);
    cleanup(buf_done) struct buf input = BUF_INIT;

    append_json(&input, header);
    buf_append_char(&input, '.');
    append_json(&input, claims);
    buf_append_str(out, buf_str(&input));
    buf_append_char(out, '.');
    append_signature(out, key, buf_str(&input));
}

static int decode_json(struct str part, struct json **ret)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    if (crypto_base64url_decode(&text, part) != 0 || json_parse(ret, buf_str(&text), NULL) != 0)
        return -1;
    return json_kind(*ret) == JSON_KIND_OBJECT ? 0 : -1;
}

/* RFC 7515, section 4.1.11: an extension marked critical that is not understood is a refusal. */
static int check_header(struct str part, const struct handoff_key *key, struct error *error)
{
    cleanup(json_freep) struct json *header = NULL;

    if (decode_json(part, &header) != 0)
        return error_set(error, "its header is not JSON in base64url");
    if (!str_eq(json_get_str(header, "alg"), STR("HS256")))
        return error_set(error, "its algorithm is not HS256");
    if (!str_eq(json_get_str(header, "kid"), key->id))
        return error_set(error, "its key id is not the one of sign_up_key_id");
    if (json_get(header, "crit"))
        return error_set(error, "it demands an extension (crit)");
    return 0;
}

static int check_signature(const struct handoff_key *key, struct str input, struct str signature,
                           struct error *error)
{
    cleanup(buf_done) struct buf want = BUF_INIT;

    append_signature(&want, key, input);
    return crypto_equal(buf_str(&want), signature)
               ? 0
               : error_set(error, "its signature was not made with sign_up_secret");
}

/* RFC 7519, section 4.1.3: one audience, or a list of them. */
static bool is_for(const struct json *claims, struct str audience)
{
    const struct json *aud = json_get(claims, "aud");

    if (json_kind(aud) == JSON_KIND_STRING)
        return str_eq(json_str(aud), audience);
    for (size_t i = 0; i < json_count(aud); i++) {
        if (str_eq(json_str(json_at(aud, i)), audience))
            return true;
    }
    return false;
}

static int check_times(const struct json *claims, int64_t now_s, struct error *error)
{
    double issued = 0, expires = 0, now = (double)now_s;

    if (!json_number(json_get(claims, "iat"), &issued) ||
        !json_number(json_get(claims, "exp"), &expires))
        return error_set(error, "it needs the times iat and exp");
    if (expires <= now)
        return error_set(error, "it has expired");
    if (issued > now + HANDOFF_SKEW_S)
        return error_set(error, "it was issued in the future; one of the clocks is wrong");
    if (expires > now + HANDOFF_LIFETIME_S + HANDOFF_SKEW_S)
        return error_set(error, "it is valid for more than %d seconds", HANDOFF_LIFETIME_S);
    return 0;
}

static int read_claims(const struct json *claims, struct str audience, int64_t now_s,
                       struct handoff_return *ret, struct error *error)
{
    if (!is_for(claims, audience))
        return error_set(error, "its audience is not public_url");
    if (check_times(claims, now_s, error) != 0)
        return -1;
    ret->subscription = json_get_str(claims, "sub");
    ret->tenant = json_get_str(claims, "tenant");
    if (ret->subscription.len == 0)
        return error_set(error, "it names no subscription (sub)");
    if (ret->tenant.len == 0 || ret->tenant.len > TENANT_LIMIT)
        return error_set(error, "it names no tenant of 1 to %d bytes", TENANT_LIMIT);
    return 0;
}

int handoff_return_verify(const struct handoff_key *key, struct str token, struct str audience,
                          int64_t now_s, struct arena *arena, struct handoff_return *ret,
                          struct error *error)
{
    cleanup(json_freep) struct json *claims = NULL;
    struct str rest = token;
    struct str header = str_split(&rest, '.');
    struct str payload = str_split(&rest, '.');
    struct str input = str_from(token.ptr, header.len + 1 + payload.len);
    struct handoff_return found = {0};

    if (token.len > TOKEN_LIMIT || header.len == 0 || payload.len == 0 || rest.len == 0)
        return error_set(error, "it is not a signed token of three parts");
    if (key->secret.len == 0)
        return error_set(error, "no sign_up_secret is set");
    if (check_header(header, key, error) != 0 || check_signature(key, input, rest, error) != 0)
        return -1;
    if (decode_json(payload, &claims) != 0)
        return error_set(error, "its claims are not JSON in base64url");
    if (read_claims(claims, audience, now_s, &found, error) != 0)
        return -1;
    ret->subscription = arena_str(arena, found.subscription);
    ret->tenant = arena_str(arena, found.tenant);
    return 0;
}
