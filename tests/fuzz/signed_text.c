/* What a browser brings back: references, words of a form, and the vendor's signed return. */
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "services/registrar/handoff.h"
#include "services/registrar/reference.h"
#include "tests/fuzz/fuzz.h"

enum { NOW_S = 1800000000, ID_LIMIT = 64 /* of a subscription's id */ };

static struct signing_key key_items[] = {
    {.id = STR_INIT("k2"), .secret = STR_INIT("22222222222222222222222222222222")},
    {.id = STR_INIT("k1"), .secret = STR_INIT("11111111111111111111111111111111")},
};
static const struct signing_key_list keys = {key_items, 2};
static const struct handoff_key handoff_key = {STR_INIT("vendor"), STR_INIT("a shared secret")};

static bool is_ours(struct str text, struct arena *arena)
{
    struct reference reference = {0};

    return reference_verify(&keys, REFERENCE_PAGE, text, NOW_S, arena, &reference) ==
           REFERENCE_GOOD;
}

static bool verify_return(struct str token, struct arena *arena)
{
    struct handoff_return found = {0};
    struct error error = {""};

    if (handoff_return_verify(&handoff_key, token, STR("https://us.example/"), NOW_S, arena, &found,
                              &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return false;
    }
    FUZZ_HOLDS(found.subscription.len > 0 && found.tenant.len > 0 && found.tenant.len <= 255);
    return true;
}

/* The input as header and claims that the vendor has really signed. */
static void read_signed(struct str input, struct arena *arena)
{
    cleanup(buf_done) struct buf token = BUF_INIT;
    unsigned char mac[CRYPTO_SHA256_SIZE];
    struct str header = str_split(&input, '\n');

    crypto_base64url(&token, header);
    buf_append_char(&token, '.');
    crypto_base64url(&token, input);
    crypto_hmac_sha256(handoff_key.secret, buf_str(&token), mac);
    buf_append_char(&token, '.');
    crypto_base64url(&token, str_from(mac, sizeof(mac)));
    verify_return(buf_str(&token), arena);
}

void fuzz_one(struct str input)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf reference = BUF_INIT, word = BUF_INIT;

    is_ours(input, &arena);
    verify_return(input, &arena);
    read_signed(input, &arena);
    reference_form_word_holds(&keys, STR("session"), input);
    reference_form_word(&word, &keys, input);
    FUZZ_HOLDS(reference_form_word_holds(&keys, input, buf_str(&word)));
    reference_sign(&reference, &keys, REFERENCE_PAGE, input, NOW_S + 300);
    FUZZ_HOLDS(input.len == 0 || input.len > ID_LIMIT || is_ours(buf_str(&reference), &arena));
}
