/* The signed hand-off to the vendor's sign-up, and its return. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/json/json.h"
#include "services/registrar/handoff.h"

static const struct handoff_key key = {STR_INIT("1"), STR_INIT("0123456789abcdef0123456789abcdef")};

enum { NOW = 1800000000 };

#define AUDIENCE  "https://register.example.com/aws"
#define GOOD_HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"1\"}"

/* Any header and claims, signed as the vendor's sign-up would. */
static void sign(struct buf *out, const char *header, const char *claims, struct str secret)
{
    unsigned char mac[CRYPTO_SHA256_SIZE];

    crypto_base64url(out, str_of(header));
    buf_append_char(out, '.');
    crypto_base64url(out, str_of(claims));
    crypto_hmac_sha256(secret, buf_str(out), mac);
    buf_append_char(out, '.');
    crypto_base64url(out, str_from(mac, sizeof(mac)));
}

static void make_claims(char text[512], const char *audience, int64_t issued, int64_t expires)
{
    snprintf(text, 512,
             "{\"aud\":%s,\"iat\":%lld,\"exp\":%lld,\"sub\":\"sub-1\",\"tenant\":\"acme\"}",
             audience, (long long)issued, (long long)expires);
}

static int verify(struct str token, const struct handoff_key *with, struct error *error)
{
    struct arena arena = ARENA_INIT;
    struct handoff_return found;
    int err = handoff_return_verify(with, token, STR(AUDIENCE), NOW, &arena, &found, error);

    if (err == 0) {
        assert_true(str_eq(found.subscription, STR("sub-1")));
        assert_true(str_eq(found.tenant, STR("acme")));
    }
    arena_done(&arena);
    return err;
}

static void expect(const char *header, const char *claims, const char *problem)
{
    cleanup(buf_done) struct buf token = BUF_INIT;
    struct error error = {""};

    sign(&token, header, claims, key.secret);
    int err = verify(buf_str(&token), &key, &error);
    assert_string_equal(error.text, problem);
    assert_int_equal(err, problem[0] ? -1 : 0);
}

/* RFC 7515, appendix A.1, in the parts that do not depend on the claims. */
static void the_signature_is_that_of_the_standard(void **state)
{
    (void)state;
    static const char input[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcG"
                                "xlLmNvbS9pc19yb290Ijp0cnV"
                                "lfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    cleanup(buf_done) struct buf secret = BUF_INIT;
    struct error error = {""};

    assert_int_equal(
        crypto_base64url_decode(&secret, STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
                                             "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")),
        0);
    /* It has no key id, which stands for the empty one; its signature holds, its audience not. */
    const struct handoff_key theirs = {STR_NONE, buf_str(&secret)};
    assert_int_equal(verify(STR(input), &theirs, &error), -1);
    assert_string_equal(error.text, "its audience is not public_url");
}

static void a_handoff_says_who_arrived(void **state)
{
    (void)state;
    struct subscription subscription = {.id = STR("sub-1"),
                                        .product_code = STR("code"),
                                        .account_id = STR("011122223333"),
                                        .license_arn = STR("arn:aws:l-1"),
                                        .free_trial = true};
    struct handoff handoff = {.subscription = &subscription,
                              .state = STATE_ACTIVE,
                              .issuer = STR(AUDIENCE),
                              .audience = STR("https://app.example.com/sign-up"),
                              .return_url = STR("https://register.example.com/aws/return"),
                              .now_s = NOW};
    cleanup(buf_done) struct buf token = BUF_INIT, text = BUF_INIT, again = BUF_INIT;
    cleanup(json_freep) struct json *claims = NULL;

    handoff_sign(&token, &key, &handoff);
    struct str rest = buf_str(&token);
    crypto_base64url_decode(&again, str_split(&rest, '.'));
    assert_true(str_eq(buf_str(&again), STR(GOOD_HEAD)));
    crypto_base64url_decode(&text, str_split(&rest, '.'));
    assert_int_equal(json_parse(&claims, buf_str(&text), NULL), 0);
    assert_true(str_eq(json_get_str(claims, "account_id"), STR("011122223333")));
    assert_true(str_eq(json_get_str(claims, "sub"), STR("sub-1")));
    assert_true(str_eq(json_get_str(claims, "state"), STR("active")));
    assert_null(json_get(claims, "customer_identifier"));
    int64_t issued = 0, expires = 0;
    assert_true(json_int(json_get(claims, "iat"), &issued));
    assert_true(json_int(json_get(claims, "exp"), &expires));
    assert_int_equal(issued, NOW);
    assert_int_equal(expires, NOW + 300);
    /* It must not come back as if it were the vendor's word. */
    struct error error = {""};
    assert_int_equal(verify(buf_str(&token), &key, &error), -1);
    assert_string_equal(error.text, "its audience is not public_url");
}

static void a_good_return_is_believed(void **state)
{
    (void)state;
    char claims[512];

    make_claims(claims, "\"" AUDIENCE "\"", NOW, NOW + 300);
    expect(GOOD_HEAD, claims, "");
    make_claims(claims, "[\"other\",\"" AUDIENCE "\"]", NOW + 30, NOW + 330);
    expect(GOOD_HEAD, claims, "");
}

static void headers_do_not_choose_how_they_are_verified(void **state)
{
    (void)state;
    char claims[512];

    make_claims(claims, "\"" AUDIENCE "\"", NOW, NOW + 300);
    expect("{\"alg\":\"none\",\"kid\":\"1\"}", claims, "its algorithm is not HS256");
    expect("{\"alg\":\"hs256\",\"kid\":\"1\"}", claims, "its algorithm is not HS256");
    expect("{\"alg\":\"RS256\",\"kid\":\"1\"}", claims, "its algorithm is not HS256");
    expect("{\"kid\":\"1\"}", claims, "its algorithm is not HS256");
    expect("{\"alg\":\"HS256\"}", claims, "its key id is not the one of sign_up_key_id");
    expect("{\"alg\":\"HS256\",\"kid\":\"2\"}", claims,
           "its key id is not the one of sign_up_key_id");
    expect("{\"alg\":\"HS256\",\"kid\":\"1\",\"crit\":[\"x\"]}", claims,
           "it demands an extension (crit)");
    expect("[]", claims, "its header is not JSON in base64url");
    expect("x", claims, "its header is not JSON in base64url");
}

static void an_unsigned_token_is_refused(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf token = BUF_INIT;
    struct error error = {""};
    char claims[512];

    make_claims(claims, "\"" AUDIENCE "\"", NOW, NOW + 300);
    crypto_base64url(&token, STR("{\"alg\":\"none\",\"kid\":\"1\"}"));
    buf_append_char(&token, '.');
    crypto_base64url(&token, str_of(claims));
    buf_append_char(&token, '.');
    assert_int_equal(verify(buf_str(&token), &key, &error), -1);
    assert_string_equal(error.text, "it is not a signed token of three parts");
}

static void another_key_is_refused(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf token = BUF_INIT;
    const struct handoff_key without = {STR_INIT("1"), STR_NONE};
    struct error error = {""};
    char claims[512];

    make_claims(claims, "\"" AUDIENCE "\"", NOW, NOW + 300);
    sign(&token, GOOD_HEAD, claims, STR("another secret of thirty-two by."));
    assert_int_equal(verify(buf_str(&token), &key, &error), -1);
    assert_string_equal(error.text, "its signature was not made with sign_up_secret");
    buf_clear(&token);
    sign(&token, GOOD_HEAD, claims, STR_NONE);
    assert_int_equal(verify(buf_str(&token), &without, &error), -1);
    assert_string_equal(error.text, "no sign_up_secret is set");
}

static void times_are_kept(void **state)
{
    (void)state;
    char claims[512];

    make_claims(claims, "\"" AUDIENCE "\"", NOW - 300, NOW);
    expect(GOOD_HEAD, claims, "it has expired");
    make_claims(claims, "\"" AUDIENCE "\"", NOW + 61, NOW + 300);
    expect(GOOD_HEAD, claims, "it was issued in the future; one of the clocks is wrong");
    make_claims(claims, "\"" AUDIENCE "\"", NOW, NOW + 3600);
    expect(GOOD_HEAD, claims, "it is valid for more than 300 seconds");
    expect(GOOD_HEAD, "{\"aud\":\"" AUDIENCE "\",\"sub\":\"sub-1\",\"tenant\":\"acme\"}",
           "it needs the times iat and exp");
}

static void claims_must_fit(void **state)
{
    (void)state;
    char claims[512];

    make_claims(claims, "\"https://other.example.com\"", NOW, NOW + 300);
    expect(GOOD_HEAD, claims, "its audience is not public_url");
    make_claims(claims, "null", NOW, NOW + 300);
    expect(GOOD_HEAD, claims, "its audience is not public_url");
    snprintf(claims, sizeof(claims),
             "{\"aud\":\"" AUDIENCE "\",\"iat\":%d,\"exp\":%d,\"sub\":\"s\"}", NOW, NOW + 60);
    expect(GOOD_HEAD, claims, "it names no tenant of 1 to 255 bytes");
    snprintf(claims, sizeof(claims),
             "{\"aud\":\"" AUDIENCE "\",\"iat\":%d,\"exp\":%d,\"tenant\":\"s\"}", NOW, NOW + 60);
    expect(GOOD_HEAD, claims, "it names no subscription (sub)");
    expect(GOOD_HEAD, "x", "its claims are not JSON in base64url");
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static const char *const garbage[] = {"", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "é.é.é"};
    struct error error = {""};

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
        assert_int_equal(verify(str_of(garbage[i]), &key, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_that_of_the_standard),
        cmocka_unit_test(a_handoff_says_who_arrived),
        cmocka_unit_test(a_good_return_is_believed),
        cmocka_unit_test(headers_do_not_choose_how_they_are_verified),
        cmocka_unit_test(an_unsigned_token_is_refused),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(times_are_kept),
        cmocka_unit_test(claims_must_fit),
        cmocka_unit_test(garbage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
