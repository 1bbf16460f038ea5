/* How AWS and its queues are called, as the settings say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/settings/queue_url.h"
#include "proto/settings/settings_aws.h"
#include "tests/support/settings_fixture.h"

static void aws_is_called_as_the_settings_say(void **state)
{
    (void)state;
    struct config *config;
    struct aws_options options = settings_aws_options(
        load_good("[aws]\nregion = eu-west-1\nendpoint_sqs = http://127.0.0.1:4566\n"
                  "attempt_timeout = 3s\n",
                  &config));

    assert_string_equal(options.region, "eu-west-1");
    assert_string_equal(options.endpoint[AWS_SQS], "http://127.0.0.1:4566");
    assert_string_equal(options.endpoint[AWS_ENTITLEMENT], "");
    assert_string_equal(options.secret_access_key, "");
    assert_int_equal(options.attempt_timeout_ms, 3000);
    config_free(config);
}

static void a_daemon_may_have_a_role_of_its_own(void **state)
{
    (void)state;
    struct config *config;
    const struct settings *settings =
        load_good("[aws]\nrole_arn = arn:aws:iam::111122223333:role/all\nexternal_id = x1\n"
                  "role_session_name = n1\n"
                  "[checker]\nrole_arn = arn:aws:iam::111122223333:role/checker\n",
                  &config);
    struct aws_options options = settings_aws_options(settings);

    assert_string_equal(options.external_id, "x1");
    assert_string_equal(options.role_session_name, "n1");
    settings_aws_role(&options, settings->poller.role_arn);
    assert_string_equal(options.role_arn, "arn:aws:iam::111122223333:role/all");
    settings_aws_role(&options, settings->checker.role_arn);
    assert_string_equal(options.role_arn, "arn:aws:iam::111122223333:role/checker");
    config_free(config);
}

static void a_url_tells_region_and_origin(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *region;
        const char *origin;
    } cases[] = {
        {"https://sqs.eu-west-1.amazonaws.com/444455556666/q", "eu-west-1", ""},
        {"https://sqs.cn-north-1.amazonaws.com.cn/444455556666/q", "cn-north-1", ""},
        {"https://eu-west-1.queue.amazonaws.com/444455556666/q", "eu-west-1", ""},
        {"https://queue.amazonaws.com/444455556666/q", "us-east-1", ""},
        {"https://sqs.eu-west-1.amazonaws.com:443/444455556666/q", "eu-west-1", ""},
        {"HTTPS://SQS.EU-WEST-1.AMAZONAWS.COM/444455556666/q", "EU-WEST-1", ""},
        {"https://sqs-fips.us-east-1.amazonaws.com/444455556666/q", "us-east-1",
         "https://sqs-fips.us-east-1.amazonaws.com"},
        {"https://sqs.eu-west-1.api.aws/444455556666/q", "eu-west-1",
         "https://sqs.eu-west-1.api.aws"},
        {"https://sqs-fips.us-east-1.api.aws/444455556666/q", "us-east-1",
         "https://sqs-fips.us-east-1.api.aws"},
        {"https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com/444455556666/q", "us-east-1",
         "https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com"},
        {"https://sqs.eu-west-1.amazonaws.com:8443/q", "",
         "https://sqs.eu-west-1.amazonaws.com:8443"},
        {"https://sqs.a.b.eu-west-1.amazonaws.com/q", "",
         "https://sqs.a.b.eu-west-1.amazonaws.com"},
        {"https://s3.eu-west-1.amazonaws.com/q", "", "https://s3.eu-west-1.amazonaws.com"},
        {"https://queue.api.aws/q", "", "https://queue.api.aws"},
        {"http://127.0.0.1:4566/444455556666/q", "", "http://127.0.0.1:4566"},
        {"https://sqs.amazonaws.com.attacker.example/q", "",
         "https://sqs.amazonaws.com.attacker.example"},
        {"nonsense", "", ""},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str region = queue_url_region(str_of(cases[i].url));
        struct str origin = queue_url_origin(str_of(cases[i].url));
        if (!str_eq_text(region, cases[i].region) || !str_eq_text(origin, cases[i].origin))
            fail_msg("%s: '" STR_FMT "', '" STR_FMT "'", cases[i].url, STR_ARG(region),
                     STR_ARG(origin));
    }
}

/* The most particular word counts: the queue's, its URL's, that of all. */
static void a_queue_is_called_where_it_is(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct config *config;
    const struct settings *s = load_good("[aws]\nregion = us-east-1\nrole_arn = "
                                         "arn:aws:iam::444455556666:role/all\n"
                                         "[poller]\nrole_arn = "
                                         "arn:aws:iam::444455556666:role/poller\n"
                                         "[queue named]\nregion = eu-north-1\n"
                                         "url = https://sqs.eu-west-1.amazonaws.com/1/q\n"
                                         "[queue told]\n"
                                         "url = https://sqs.eu-west-1.amazonaws.com/1/q\n"
                                         "[queue local]\nurl = http://127.0.0.1:4566/1/q\n",
                                         &config);
    static const struct {
        const char *region, *endpoint;
    } wanted[] = {{"eu-north-1", ""}, {"eu-west-1", ""}, {"us-east-1", "http://127.0.0.1:4566"}};

    for (size_t i = 0; i < 3; i++) {
        struct aws_options options = settings_aws_queue(s, settings_queue_at(s, i), &arena);
        assert_string_equal(options.region, wanted[i].region);
        assert_string_equal(options.endpoint[AWS_SQS], wanted[i].endpoint);
        assert_string_equal(options.role_arn, "arn:aws:iam::444455556666:role/poller");
    }
    config_free(config);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_is_called_as_the_settings_say),
        cmocka_unit_test(a_daemon_may_have_a_role_of_its_own),
        cmocka_unit_test(a_url_tells_region_and_origin),
        cmocka_unit_test(a_queue_is_called_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
