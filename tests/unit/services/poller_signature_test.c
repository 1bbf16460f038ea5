/* Which messages SNS signed, and with whose certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/poller/cert_url.h"
#include "services/poller/signature.h"
#include "tests/support/vectors.h"

static void every_example_of_a_certificate_url_is_judged_so(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "sns.cert_url_policy_cases");
    size_t decided = 0;

    assert_true(json_count(cases) >= 14);
    for (size_t i = 0; i < json_count(cases); i++) {
        struct str url = json_get_str(json_at(cases, i), "url");
        enum cert_url kind = cert_url_kind(url);
        bool accept;
        print_message(STR_FMT "\n", STR_ARG(url));
        assert_int_not_equal(kind, CERT_URL_LOCAL);
        /* Null: either is defensible; here the spelling must be SNS's own. */
        if (json_bool(json_get(json_at(cases, i), "accept"), &accept))
            decided++;
        else
            accept = false;
        assert_int_equal(kind, accept ? CERT_URL_SNS : CERT_URL_REFUSED);
    }
    assert_true(decided >= 13);
}

static void more_urls_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum cert_url kind;
    } cases[] = {
        {"", CERT_URL_REFUSED},
        {"https://", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/a.pem#b", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/a.pem#.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/a?b=.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/a%00.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com\\@attacker.example/a.pem", CERT_URL_REFUSED},
        {"https://attacker.example\\.sns.us-east-1.amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"https://user@sns.us-east-1.amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com./a.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com:443/a.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com /a.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/a .pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.com/\r\n.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.amazonaws.org/a.pem", CERT_URL_REFUSED},
        {"https://sns..amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"https://sns.x.amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"https://sns.us-east-1.evil.amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"https://127.0.0.1/a.pem", CERT_URL_REFUSED},
        {"HTTPS://sns.us-east-1.amazonaws.com/a.pem", CERT_URL_REFUSED},
        {"file:///etc/a.pem", CERT_URL_REFUSED},
        {"https://sns.eu-west-1.amazonaws.com/a.pem", CERT_URL_SNS},
        {"http://127.0.0.1:8080/a.pem", CERT_URL_LOCAL},
        {"http://127.12.0.255:8080/a.pem", CERT_URL_LOCAL},
        {"http://[::1]:8080/a.pem", CERT_URL_LOCAL},
        {"http://[::1]/a.pem", CERT_URL_REFUSED},
        {"http://[::1]:0/a.pem", CERT_URL_REFUSED},
        {"http://[::1]:8080@attacker.example/a.pem", CERT_URL_REFUSED},
        {"http://[::2]:8080/a.pem", CERT_URL_REFUSED},
        {"http://0.0.0.0:8080/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.256:8080/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.1.1:8080/a.pem", CERT_URL_REFUSED},
        {"http://127.0.1:8080/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.1/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.1:0/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.1:8080/a.txt", CERT_URL_REFUSED},
        {"http://127.0.0.1:8080@attacker.example/a.pem", CERT_URL_REFUSED},
        {"http://127.0.0.1.attacker.example:80/a.pem", CERT_URL_REFUSED},
        {"http://localhost:8080/a.pem", CERT_URL_REFUSED},
        {"http://169.254.169.254:80/a.pem", CERT_URL_REFUSED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].url);
        assert_int_equal(cert_url_kind(str_of(cases[i].url)), cases[i].kind);
    }
    assert_int_equal(cert_url_kind(STR("https://sns.us-east-1.amazonaws.com/a\0.pem")),
                     CERT_URL_REFUSED);
    assert_true(str_eq_text(cert_url_host(STR("https://sns.eu-west-1.amazonaws.com/a.pem")),
                            "sns.eu-west-1.amazonaws.com"));
}

static void only_amazons_own_authority_is_asked_for_issuers(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "http://amazontrust.com/a.cer",
                                          "http://crt.evilamazontrust.com/a.cer",
                                          "http://crt.amazontrust.com.evil.example/a.cer",
                                          "http://crt.amazontrust.com:80/a.cer",
                                          "http://a@crt.amazontrust.com/a.cer",
                                          "http://crt.amazontrust.com/a.cer?b",
                                          "http://crt.amazontrust.com/a.pem",
                                          "ldap://crt.amazontrust.com/a.cer",
                                          "http://127.0.0.1/a.cer"};

    assert_true(cert_url_is_issuers(STR("http://crt.r2m01.amazontrust.com/r2m01.cer")));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        print_message("%s\n", refused[i]);
        assert_false(cert_url_is_issuers(str_of(refused[i])));
    }
}

static void every_example_of_a_signature_is_judged_so(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "sns.cases");
    struct crypto_certificate *certificate = NULL;
    struct arena arena = ARENA_INIT;

    assert_int_equal(crypto_certificate_parse(
                         &certificate, json_str(json_path(vectors, "sns.signing_cert_pem")), NULL),
                     0);
    assert_int_equal(json_count(cases), 12);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *given = json_at(cases, i);
        struct signature signature;
        struct error error = {""};
        bool want;
        print_message(STR_FMT "\n", STR_ARG(json_get_str(given, "id")));
        assert_true(json_bool(json_get(given, "expect_valid"), &want));
        if (signature_read(json_get_str(given, "sqs_body_raw"), &arena, &signature, &error) < 0) {
            assert_false(want);
            assert_string_equal(error.text, "Its SignatureVersion is neither 1 nor 2.");
            continue;
        }
        assert_int_equal(signature_holds(&signature, certificate), want);
        assert_true(str_eq(signature.text, json_get_str(given, "canonical_string")));
        assert_true(str_eq(signature.certificate_url,
                           json_str(json_path(vectors, "sns.signing_cert_url"))));
    }
    crypto_certificate_free(certificate);
    arena_done(&arena);
}

/* Any part of the envelope that is signed may not be touched, nor taken away. */
static void no_signed_member_can_be_changed(void **state)
{
    (void)state;
    static const char *const members[] = {"Message",   "MessageId", "Subject",
                                          "Timestamp", "TopicArn",  "Type"};
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "sns.cases");
    struct crypto_certificate *certificate = NULL;
    struct arena arena = ARENA_INIT;
    size_t changed = 0;

    assert_int_equal(crypto_certificate_parse(
                         &certificate, json_str(json_path(vectors, "sns.signing_cert_pem")), NULL),
                     0);
    for (size_t i = 0; i < json_count(cases) * 6; i++) {
        const struct json *given = json_at(cases, i / 6);
        cleanup(json_freep) struct json *envelope = json_clone(json_get(given, "envelope"));
        cleanup(buf_done) struct buf body = BUF_INIT;
        struct signature signature;
        struct error error;
        json_set_str(
            envelope, members[i % 6],
            arena_printf(&arena, STR_FMT "x", STR_ARG(json_get_str(envelope, members[i % 6]))));
        json_write(envelope, &body);
        if (signature_read(buf_str(&body), &arena, &signature, &error) == 0) {
            assert_false(signature_holds(&signature, certificate));
            changed++;
        }
    }
    assert_int_equal(changed, 11 * 6);
    crypto_certificate_free(certificate);
    arena_done(&arena);
}

static void what_sns_cannot_have_signed_is_told(void **state)
{
    (void)state;
#define SIGNED "\"Message\":\"m\",\"MessageId\":\"i\",\"Timestamp\":\"t\",\"TopicArn\":\"a\","
    static const struct {
        const char *body;
        const char *why;
    } cases[] = {
        {"{" SIGNED "\"Type\":\"Notification\",\"Signature\":\"AAAA\"}", "SignatureVersion"},
        {"{" SIGNED "\"Type\":\"Notification\",\"Signature\":\"AAAA\",\"SignatureVersion\":1}",
         "SignatureVersion"},
        {"{" SIGNED "\"Type\":\"Notification\",\"SignatureVersion\":\"1\"}", "no Signature"},
        {"{" SIGNED "\"Type\":\"Notification\",\"SignatureVersion\":\"1\",\"Signature\":\"-\"}",
         "base64"},
        {"{" SIGNED "\"SignatureVersion\":\"2\",\"Signature\":\"AAAA\"}", "Its Type"},
        {"{" SIGNED "\"Type\":\"Notification\",\"SignatureVersion\":\"2\",\"Signature\":\"AAAA\","
         "\"Subject\":7}",
         "Its Subject"},
        {"{" SIGNED "\"Type\":\"Notification\",\"SignatureVersion\":\"2\",\"Signature\":\"AAAA\","
         "\"Subject\":null}",
         NULL},
    };
    struct arena arena = ARENA_INIT;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signature signature;
        struct error error = {""};
        int read = signature_read(str_of(cases[i].body), &arena, &signature, &error);
        print_message("%s\n", cases[i].body);
        assert_int_equal(read, cases[i].why ? -1 : 0);
        if (cases[i].why)
            assert_non_null(strstr(error.text, cases[i].why));
        else
            assert_true(str_eq_text(signature.text, "Message\nm\nMessageId\ni\nTimestamp\nt\n"
                                                    "TopicArn\na\nType\nNotification\n"));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_of_a_certificate_url_is_judged_so),
        cmocka_unit_test(more_urls_are_judged),
        cmocka_unit_test(only_amazons_own_authority_is_asked_for_issuers),
        cmocka_unit_test(every_example_of_a_signature_is_judged_so),
        cmocka_unit_test(no_signed_member_can_be_changed),
        cmocka_unit_test(what_sns_cannot_have_signed_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
