/* Where each service is, and for which region it is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/environment/url.h"
#include "tests/support/aws_settings_fixture.h"

static void assert_endpoint(struct fixture *fixture, enum aws_service service, const char *url,
                            const char *region)
{
    assert_string_equal(fixture->aws->endpoints.of[service].url, url);
    assert_string_equal(fixture->aws->endpoints.of[service].region, region);
}

/* botocore's endpoint rule tests. */
static void every_partition_has_its_hosts(void **state)
{
    struct fixture *fixture = *state;

    open_plain(fixture);
    assert_endpoint(fixture, AWS_METERING, "https://metering.marketplace.us-east-1.amazonaws.com/",
                    "us-east-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT,
                    "https://entitlement.marketplace.us-east-1.amazonaws.com/", "us-east-1");
    assert_endpoint(fixture, AWS_SQS, "https://sqs.us-east-1.amazonaws.com/", "us-east-1");
    assert_endpoint(fixture, AWS_STS, "https://sts.us-east-1.amazonaws.com/", "us-east-1");

    setenv("AWS_DEFAULT_REGION", "ap-south-1", 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    open_plain(fixture);
    assert_endpoint(fixture, AWS_METERING,
                    "https://metering.marketplace.eu-central-1.amazonaws.com/", "eu-central-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT,
                    "https://entitlement.marketplace.us-east-1.amazonaws.com/", "us-east-1");
    assert_endpoint(fixture, AWS_SQS, "https://sqs.eu-central-1.amazonaws.com/", "eu-central-1");

    setenv("AWS_REGION", "cn-northwest-1", 1);
    open_plain(fixture);
    assert_endpoint(fixture, AWS_METERING,
                    "https://metering.marketplace.cn-northwest-1.amazonaws.com.cn/",
                    "cn-northwest-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT,
                    "https://entitlement-marketplace.cn-northwest-1.amazonaws.com.cn/",
                    "cn-northwest-1");

    assert_int_equal(open_aws(fixture, &(struct aws_options){.region = "eusc-de-east-1"}), 0);
    assert_endpoint(fixture, AWS_METERING,
                    "https://metering-marketplace.eusc-de-east-1.amazonaws.eu/", "eusc-de-east-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT,
                    "https://entitlement-marketplace.eusc-de-east-1.amazonaws.eu/",
                    "eusc-de-east-1");
}

static void the_first_configured_endpoint_wins(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options options = {.endpoint[AWS_SQS] = "http://[::1]:1/"};

    aws_environment_write(&fixture->environment, "config",
                          STR("[default]\nservices = local\nendpoint_url = https://profile/\n"
                              "[services local]\nsqs =\n  endpoint_url = http://127.0.0.1:9324\n"
                              "marketplace_entitlement_service =\n  other = x\n"
                              "  endpoint_url = http://127.0.0.1:9401\n"));
    open_plain(fixture);
    assert_endpoint(fixture, AWS_SQS, "http://127.0.0.1:9324", "us-east-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT, "http://127.0.0.1:9401", "us-east-1");
    assert_endpoint(fixture, AWS_METERING, "https://profile/", "us-east-1");

    setenv("AWS_ENDPOINT_URL", "https://all/", 1);
    setenv("AWS_ENDPOINT_URL_MARKETPLACE_METERING", "https://metering/", 1);
    open_plain(fixture);
    assert_endpoint(fixture, AWS_SQS, "https://all/", "us-east-1");
    assert_endpoint(fixture, AWS_METERING, "https://metering/", "us-east-1");

    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True", 1);
    assert_int_equal(open_aws(fixture, &options), 0);
    assert_endpoint(fixture, AWS_SQS, "http://[::1]:1/", "us-east-1");
    assert_endpoint(fixture, AWS_METERING, "https://metering.marketplace.us-east-1.amazonaws.com/",
                    "us-east-1");
}

static void dual_stack_hosts_are_used_where_they_are_known(void **state)
{
    struct fixture *fixture = *state;

    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.example/", 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    assert_warned(fixture, "");
    assert_endpoint(fixture, AWS_METERING, "https://metering-marketplace.eu-central-1.api.aws/",
                    "eu-central-1");
    assert_endpoint(fixture, AWS_ENTITLEMENT, "https://entitlement-marketplace.us-east-1.api.aws/",
                    "us-east-1");
    assert_endpoint(fixture, AWS_SQS, "https://sqs.example/", "eu-central-1");
    assert_endpoint(fixture, AWS_STS, "https://sts.eu-central-1.api.aws/", "eu-central-1");
    unsetenv("AWS_ENDPOINT_URL_SQS");
    open_plain(fixture);
    assert_endpoint(fixture, AWS_SQS, "https://sqs.eu-central-1.api.aws/", "eu-central-1");

    setenv("AWS_REGION", "cn-northwest-1", 1);
    struct aws_options registrar = {.services = AWS_CALLS(AWS_METERING)};
    assert_int_equal(open_aws(fixture, &registrar), 0);
    assert_endpoint(fixture, AWS_METERING,
                    "https://metering.marketplace.cn-northwest-1.amazonaws.com.cn/",
                    "cn-northwest-1");
    assert_non_null(strstr(fixture->warnings.data, "no dual-stack endpoint of metering is known"));
    assert_null(strstr(fixture->warnings.data, "sqs"));
}

static void fips_hosts_are_used_and_none_is_guessed(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options poller = {.services = AWS_CALLS(AWS_SQS), .region = "us-west-2"};

    aws_environment_write(&fixture->environment, "config",
                          STR("[default]\nuse_fips_endpoint = true\n"));
    assert_refused(fixture, &(struct aws_options){0}, "no FIPS endpoint of metering is known");
    assert_non_null(strstr(fixture->error.text, "name one by AWS_ENDPOINT_URL_MARKETPLACE_METER"));
    assert_int_equal(open_aws(fixture, &poller), 0);
    assert_endpoint(fixture, AWS_SQS, "https://sqs-fips.us-west-2.amazonaws.com/", "us-west-2");
    assert_endpoint(fixture, AWS_STS, "https://sts-fips.us-west-2.amazonaws.com/", "us-west-2");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    assert_int_equal(open_aws(fixture, &poller), 0);
    assert_endpoint(fixture, AWS_SQS, "https://sqs-fips.us-west-2.api.aws/", "us-west-2");
    unsetenv("AWS_USE_DUALSTACK_ENDPOINT");
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    open_plain(fixture);
    unsetenv("AWS_USE_FIPS_ENDPOINT");
    setenv("AWS_ENDPOINT_URL", "https://fips.example/", 1);
    open_plain(fixture);
    assert_endpoint(fixture, AWS_STS, "https://fips.example/", "us-east-1");
}

static void endpoints_of_services_that_are_not_called_may_be_wrong(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options checker = {.services = AWS_CALLS(AWS_ENTITLEMENT)};

    setenv("AWS_ENDPOINT_URL_SQS", "http://queue.example/", 1);
    assert_refused(fixture, &(struct aws_options){0},
                   "the endpoint of sqs: 'http://queue.example/'");
    assert_int_equal(open_aws(fixture, &checker), 0);
    assert_endpoint(fixture, AWS_SQS, "https://sqs.us-east-1.amazonaws.com/", "us-east-1");
}

static void a_region_may_be_written_in_capitals(void **state)
{
    struct fixture *fixture = *state;

    setenv("AWS_REGION", " EU-West-1 ", 1);
    open_plain(fixture);
    assert_endpoint(fixture, AWS_SQS, "https://sqs.eu-west-1.amazonaws.com/", "eu-west-1");
}

static void signed_requests_leave_the_machine_encrypted_only(void **state)
{
    static const struct {
        const char *url;
        bool allowed;
    } cases[] = {
        {"https://sqs.example/", true},
        {"http://127.0.0.1:9000", true},
        {"http://localhost:9000/x", true},
        {"HTTP://LOCALHOST", true},
        {"http://[::1]:9000", true},
        {"http://127.8.9.10", true},
        {"http://sqs.example/", false},
        {"http://127.0.0.1.example/", false},
        {"http://localhost.example/", false},
        {"http://127.0.0.1@example/", false},
        {"https://user@example/", false},
        {"ftp://127.0.0.1/", false},
        {"https://", false},
        {"127.0.0.1", false},
        {"http://[::2]/", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {""};
        if ((url_check_endpoint(cases[i].url, &error) == 0) != cases[i].allowed)
            fail_msg("%s: %s", cases[i].url, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTINGS_TEST(every_partition_has_its_hosts),
        SETTINGS_TEST(the_first_configured_endpoint_wins),
        SETTINGS_TEST(dual_stack_hosts_are_used_where_they_are_known),
        SETTINGS_TEST(fips_hosts_are_used_and_none_is_guessed),
        SETTINGS_TEST(endpoints_of_services_that_are_not_called_may_be_wrong),
        SETTINGS_TEST(a_region_may_be_written_in_capitals),
        cmocka_unit_test(signed_requests_leave_the_machine_encrypted_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
