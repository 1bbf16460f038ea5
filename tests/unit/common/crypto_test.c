/* Digests, signatures and certificates, against their standards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/crypto.h"
#include "tests/support/certificates.h"
#include "tests/support/vectors.h"

static void assert_hex(const void *bytes, size_t len, const char *want)
{
    cleanup(buf_done) struct buf hex = BUF_INIT;

    crypto_hex(&hex, bytes, len);
    assert_string_equal(hex.data, want);
}

/* FIPS 180-4 and RFC 1321 examples. */
static void digests_match_their_standards(void **state)
{
    (void)state;
    unsigned char sha256[CRYPTO_SHA256_SIZE], md5[CRYPTO_MD5_SIZE];

    crypto_sha256(STR("abc"), sha256);
    assert_hex(sha256, sizeof(sha256),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(STR_NONE, sha256);
    assert_hex(sha256, sizeof(sha256),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_md5(STR("message digest"), md5);
    assert_hex(md5, sizeof(md5), "f96b697d7cb7938d525a2f31aaf161d0");
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block). */
static void hmac_matches_its_standard(void **state)
{
    (void)state;
    unsigned char mac[CRYPTO_SHA256_SIZE];
    char long_key[131];

    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    assert_hex(mac, sizeof(mac),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof(long_key));
    crypto_hmac_sha256(str_from(long_key, sizeof(long_key)),
                       STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
    assert_hex(mac, sizeof(mac),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256(STR_NONE, STR_NONE, mac);
    assert_hex(mac, sizeof(mac),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void equality_compares_everything(void **state)
{
    (void)state;

    assert_true(crypto_equal(STR("abc"), STR("abc")));
    assert_false(crypto_equal(STR("abc"), STR("abd")));
    assert_false(crypto_equal(STR("abc"), STR("ab")));
    assert_true(crypto_equal(STR_NONE, STR("")));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    char a[32] = {0}, b[32] = {0};

    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

/* RFC 4648, section 10. */
static void base64_matches_its_standard(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *encoded, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+", "-__-"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(buf_done) struct buf encoded = BUF_INIT, url = BUF_INIT, plain = BUF_INIT;
        crypto_base64(&encoded, str_of(cases[i].plain));
        crypto_base64url(&url, str_of(cases[i].plain));
        assert_true(str_eq_text(buf_str(&encoded), cases[i].encoded));
        assert_true(str_eq_text(buf_str(&url), cases[i].url));
        assert_int_equal(crypto_base64_decode(&plain, buf_str(&encoded)), 0);
        assert_int_equal(crypto_base64url_decode(&plain, buf_str(&url)), 0);
        assert_int_equal(plain.len, 2 * strlen(cases[i].plain));
        assert_true(str_starts_with(buf_str(&plain), str_of(cases[i].plain)));
    }
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",      "Zh==", "Zg==\n", "Z g=",     "Zg===",
        "=Zg=", "====", "Zm9v====", "-__-", "Zm9=v",  "Zm9vYg=v", "\xff\xff\xff\xff"};
    static const char *const bad_url[] = {"Z", "Zh", "Zg==", "+//+", "Zm 9"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cleanup(buf_done) struct buf out = BUF_INIT;
        assert_int_equal(crypto_base64_decode(&out, str_of(bad[i])), -1);
    }
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
        cleanup(buf_done) struct buf out = BUF_INIT;
        assert_int_equal(crypto_base64url_decode(&out, str_of(bad_url[i])), -1);
    }
}

/* "Verifying the signatures of Amazon SNS messages": version 1 is SHA1withRSA, 2 SHA256withRSA. */
static bool sns_signature_holds(const struct crypto_certificate *certificate,
                                const struct json *test_case)
{
    struct str version = json_str(json_path(test_case, "envelope.SignatureVersion"));
    cleanup(buf_done) struct buf signature = BUF_INIT;

    assert_int_equal(
        crypto_base64_decode(&signature, json_str(json_path(test_case, "envelope.Signature"))), 0);
    if (!str_eq_text(version, "1") && !str_eq_text(version, "2"))
        return false;
    return crypto_certificate_verify(
        certificate, str_eq_text(version, "1") ? CRYPTO_DIGEST_SHA1 : CRYPTO_DIGEST_SHA256,
        json_get_str(test_case, "canonical_string"), buf_str(&signature));
}

static void sns_signatures_verify(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "sns.cases");
    struct crypto_certificate *certificate = NULL;

    assert_int_equal(crypto_certificate_parse(
                         &certificate, json_str(json_path(vectors, "sns.signing_cert_pem")), NULL),
                     0);
    assert_true(json_count(cases) >= 12);
    for (size_t i = 0; i < json_count(cases); i++) {
        bool want = false;
        assert_true(json_bool(json_get(json_at(cases, i), "expect_valid"), &want));
        assert_int_equal(sns_signature_holds(certificate, json_at(cases, i)), want);
    }
    crypto_certificate_free(certificate);
}

static void refuses_what_is_no_certificate(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "<html>not found</html>",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct crypto_certificate *certificate = NULL;
        struct error error = {""};
        assert_int_equal(crypto_certificate_parse(&certificate, str_of(bad[i]), &error), -1);
        assert_string_equal(error.text, "not a certificate in PEM form");
        assert_null(certificate);
    }
    crypto_certificate_free(NULL);
    crypto_key_free(NULL);
}

static void own_signatures_verify(void **state)
{
    (void)state;
    struct crypto_key *key = crypto_key_new_rsa();
    struct crypto_certificate *certificate = NULL;
    cleanup(buf_done) struct buf pem = BUF_INIT;

    crypto_key_self_signed_pem(key, "sns.amazonaws.com", &pem);
    assert_int_equal(crypto_certificate_parse(&certificate, buf_str(&pem), NULL), 0);
    for (int digest = CRYPTO_DIGEST_SHA1; digest <= CRYPTO_DIGEST_SHA256; digest++) {
        cleanup(buf_done) struct buf signature = BUF_INIT;
        crypto_key_sign(key, (enum crypto_digest)digest, STR("data"), &signature);
        assert_true(crypto_certificate_verify(certificate, (enum crypto_digest)digest, STR("data"),
                                              buf_str(&signature)));
        assert_false(crypto_certificate_verify(certificate, (enum crypto_digest)digest, STR("Data"),
                                               buf_str(&signature)));
        assert_false(crypto_certificate_verify(certificate, (enum crypto_digest) !digest,
                                               STR("data"), buf_str(&signature)));
        assert_false(crypto_certificate_verify(certificate, (enum crypto_digest)digest, STR("data"),
                                               STR_NONE));
    }
    crypto_certificate_free(certificate);
    crypto_key_free(key);
}

static struct crypto_certificate *parsed(struct str pem)
{
    struct crypto_certificate *certificate = NULL;
    struct error error;

    if (crypto_certificate_parse(&certificate, pem, &error) < 0)
        fail_msg("%s", error.text);
    return certificate;
}

static struct crypto_certificate *certificate_of(const char *name)
{
    cleanup(buf_done) struct buf pem = BUF_INIT;

    certificate_pem(name, &pem);
    return parsed(buf_str(&pem));
}

static struct crypto_trust *trust_in(const char *ca_file)
{
    struct crypto_trust *trust = NULL;
    struct error error;

    if (crypto_trust_new(&trust, ca_file, &error) < 0)
        fail_msg("%s", error.text);
    return trust;
}

static void a_certificate_is_believed_through_its_chain(void **state)
{
    (void)state;
    struct crypto_trust *trust = trust_in(CERTIFICATE_FILE("root"));
    struct crypto_trust *strangers = trust_in(CERTIFICATE_FILE("rogue"));
    struct crypto_trust *system = trust_in(NULL);
    struct crypto_certificate *leaf = certificate_of("leaf");
    cleanup(buf_done) struct buf issuer = BUF_INIT;
    struct error error = {""};

    assert_int_equal(crypto_certificate_check_chain(leaf, trust, CERTIFICATES_NOW, &error),
                     CRYPTO_CHAIN_ISSUER_MISSING);
    assert_non_null(strstr(error.text, "unable to get local issuer certificate"));
    certificate_der("intermediate", &issuer);
    assert_int_equal(crypto_certificate_add_issuer(leaf, buf_str(&issuer), &error), 0);
    assert_int_equal(crypto_certificate_check_chain(leaf, trust, CERTIFICATES_NOW, &error),
                     CRYPTO_CHAIN_GOOD);
    assert_int_not_equal(crypto_certificate_check_chain(leaf, strangers, CERTIFICATES_NOW, &error),
                         CRYPTO_CHAIN_GOOD);
    assert_int_equal(crypto_certificate_check_chain(leaf, system, CERTIFICATES_NOW, &error),
                     CRYPTO_CHAIN_ISSUER_MISSING);
    crypto_certificate_free(leaf);
    crypto_trust_free(trust);
    crypto_trust_free(strangers);
    crypto_trust_free(system);
    crypto_trust_free(NULL);
}

static void a_chain_may_come_with_the_certificate(void **state)
{
    (void)state;
    struct crypto_trust *trust = trust_in(CERTIFICATE_FILE("root"));
    cleanup(buf_done) struct buf pem = BUF_INIT;
    struct error error = {""};

    certificate_pem("regional", &pem);
    certificate_pem("intermediate", &pem);
    struct crypto_certificate *regional = parsed(buf_str(&pem));
    assert_int_equal(crypto_certificate_check_chain(regional, trust, CERTIFICATES_NOW, &error),
                     CRYPTO_CHAIN_GOOD);
    crypto_certificate_free(regional);
    crypto_trust_free(trust);
}

static void a_certificate_counts_within_its_dates_only(void **state)
{
    (void)state;
    static const int64_t out_of_date[] = {CERTIFICATES_BEFORE, CERTIFICATES_AFTER};
    struct crypto_trust *trust = trust_in(CERTIFICATE_FILE("root"));
    cleanup(buf_done) struct buf pem = BUF_INIT;

    certificate_pem("leaf", &pem);
    certificate_pem("intermediate", &pem);
    struct crypto_certificate *leaf = parsed(buf_str(&pem));
    assert_true(crypto_certificate_is_valid_at(leaf, CERTIFICATES_NOW));
    for (size_t i = 0; i < 2; i++) {
        struct error error = {""};
        assert_false(crypto_certificate_is_valid_at(leaf, out_of_date[i]));
        assert_int_equal(crypto_certificate_check_chain(leaf, trust, out_of_date[i], &error),
                         CRYPTO_CHAIN_BAD);
        assert_string_not_equal(error.text, "");
    }
    crypto_certificate_free(leaf);
    crypto_trust_free(trust);
}

static void a_self_signed_certificate_is_believed_only_when_trusted(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    struct crypto_certificate *fixture =
        parsed(json_str(json_path(vectors, "sns.signing_cert_pem")));
    struct crypto_trust *trust = trust_in(CERTIFICATE_FILE("root"));
    struct error error = {""};

    assert_int_equal(crypto_certificate_check_chain(fixture, trust, CERTIFICATES_NOW, &error),
                     CRYPTO_CHAIN_BAD);
    assert_non_null(strstr(error.text, "self"));
    assert_true(crypto_certificate_is_for(fixture, STR("sns.amazonaws.com")));
    crypto_certificate_free(fixture);
    crypto_trust_free(trust);
}

static void a_certificate_names_its_holder_and_its_issuer(void **state)
{
    (void)state;
    struct crypto_certificate *leaf = certificate_of("leaf");
    struct crypto_certificate *regional = certificate_of("regional");
    cleanup(buf_done) struct buf url = BUF_INIT;

    assert_true(crypto_certificate_is_for(leaf, STR("sns.amazonaws.com")));
    assert_false(crypto_certificate_is_for(leaf, STR("amazonaws.com")));
    assert_false(crypto_certificate_is_for(leaf, STR("sns.us-east-1.amazonaws.com")));
    assert_true(crypto_certificate_is_for(regional, STR("sns.af-south-1.amazonaws.com")));
    assert_false(crypto_certificate_is_for(regional, STR("sns.amazonaws.com")));
    assert_true(crypto_certificate_issuer_url(leaf, &url));
    assert_string_equal(url.data, "http://crt.r2m01.amazontrust.com/r2m01.cer");
    assert_false(crypto_certificate_issuer_url(regional, &url));
    crypto_certificate_free(leaf);
    crypto_certificate_free(regional);
}

static void refuses_what_is_no_issuer_and_no_authority(void **state)
{
    (void)state;
    struct crypto_certificate *leaf = certificate_of("leaf");
    struct crypto_trust *trust = NULL;
    struct error error = {""};

    assert_int_equal(crypto_certificate_add_issuer(leaf, STR_NONE, &error), -1);
    assert_int_equal(crypto_certificate_add_issuer(leaf, STR("<html>"), &error), -1);
    assert_int_equal(crypto_trust_new(&trust, "/nonexistent.pem", &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent.pem"));
    assert_int_equal(crypto_trust_new(&trust, VECTORS_DIRECTORY "/aws-wire-examples.json", &error),
                     -1);
    assert_null(trust);
    crypto_certificate_free(leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_their_standards),
        cmocka_unit_test(hmac_matches_its_standard),
        cmocka_unit_test(equality_compares_everything),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(base64_matches_its_standard),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(sns_signatures_verify),
        cmocka_unit_test(refuses_what_is_no_certificate),
        cmocka_unit_test(own_signatures_verify),
        cmocka_unit_test(a_certificate_is_believed_through_its_chain),
        cmocka_unit_test(a_chain_may_come_with_the_certificate),
        cmocka_unit_test(a_certificate_counts_within_its_dates_only),
        cmocka_unit_test(a_self_signed_certificate_is_believed_only_when_trusted),
        cmocka_unit_test(a_certificate_names_its_holder_and_its_issuer),
        cmocka_unit_test(refuses_what_is_no_issuer_and_no_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
