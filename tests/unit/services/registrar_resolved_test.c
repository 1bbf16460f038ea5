/* What ResolveCustomer answers, and which page each failure has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/registrar/resolved.h"
#include "tests/support/vectors.h"

/* Any mixture of absent, null and empty identifiers (ResolveCustomer API reference). */
static void every_answer_is_read(void **state)
{
    (void)state;
    static const char *const names[] = {
        "response_new_listing",
        "response_new_listing_empty_identifier",
        "response_new_listing_null_identifier",
        "response_legacy_listing",
        "response_legacy_listing_with_license",
        "response_unknown_member",
    };
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct arena arena = ARENA_INIT;
        struct resolved resolved;
        const struct json *body = json_get(
            json_get(json_path(vectors, "metering_service.resolve_customer"), names[i]), "body");
        assert_int_equal(resolved_read(body, &arena, &resolved, NULL), 0);
        assert_true(str_eq(resolved.product_code, STR("4exampleproductcode0000001")));
        assert_true(str_eq(resolved.account_id, STR("111122223333")));
        assert_true(
            str_eq(resolved.customer_identifier, i == 3 || i == 4 ? STR("ExCustId0001") : STR("")));
        assert_int_equal(resolved.license_arn.len > 0, i != 3);
        arena_done(&arena);
    }
}

static void what_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"{}", "ProductCode is missing"},
        {"{\"ProductCode\":5,\"LicenseArn\":\"x\"}", "ProductCode is missing"},
        {"{\"ProductCode\":\"p\",\"CustomerIdentifier\":\"\",\"LicenseArn\":null}",
         "it names no account, customer or licence"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = ARENA_INIT;
        struct error error = {""};
        struct resolved resolved;
        cleanup(json_freep) struct json *body = NULL;
        assert_int_equal(json_parse(&body, str_of(cases[i].text), NULL), 0);
        assert_int_equal(resolved_read(body, &arena, &resolved, &error), -1);
        assert_string_equal(error.text, cases[i].problem);
        arena_done(&arena);
    }
}

static void a_text_beyond_its_limit_is_refused(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct error error = {""};
    struct resolved resolved;
    cleanup(buf_done) struct buf arn = BUF_INIT;
    cleanup(json_freep) struct json *body = json_new_object();

    while (arn.len <= 1200)
        buf_append_char(&arn, 'x');
    json_set_str(body, "ProductCode", STR("p"));
    json_set_str(body, "LicenseArn", buf_str(&arn));
    assert_int_equal(resolved_read(body, &arena, &resolved, &error), -1);
    assert_string_equal(error.text, "LicenseArn is longer than 1200 bytes");
    arena_done(&arena);
}

static void every_failure_has_its_page(void **state)
{
    (void)state;
    static const struct {
        struct aws_response response;
        enum page page;
    } cases[] = {
        {{.outcome = AWS_ERROR, .http_status = 400, .code = STR_INIT("InvalidTokenException")},
         PAGE_TOKEN_UNKNOWN},
        {{.outcome = AWS_ERROR, .http_status = 400, .code = STR_INIT("ExpiredTokenException")},
         PAGE_TOKEN_DEAD},
        {{.outcome = AWS_CREDENTIALS,
          .http_status = 400,
          .code = STR_INIT("ExpiredTokenException")},
         PAGE_AWS_REFUSED},
        {{.outcome = AWS_ERROR, .http_status = 400, .code = STR_INIT("DisabledApiException")},
         PAGE_AWS_REFUSED},
        {{.outcome = AWS_ERROR, .http_status = 500, .code = STR_INIT("InternalFailure")},
         PAGE_AWS_AWAY},
        {{.outcome = AWS_ERROR, .http_status = 400, .retryable = true}, PAGE_AWS_AWAY},
        {{.outcome = AWS_THROTTLED, .http_status = 400}, PAGE_AWS_AWAY},
        {{.outcome = AWS_UNREACHABLE}, PAGE_AWS_AWAY},
        {{.outcome = AWS_CREDENTIALS, .retryable = true}, PAGE_AWS_AWAY},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(resolved_failure_page(&cases[i].response), cases[i].page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_read),
        cmocka_unit_test(what_cannot_be_kept_is_refused),
        cmocka_unit_test(a_text_beyond_its_limit_is_refused),
        cmocka_unit_test(every_failure_has_its_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
