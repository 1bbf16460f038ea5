/* Where credentials, region and endpoints come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/client/client.h"
#include "common/aws/environment/url.h"
#include "tests/support/aws_environment.h"
#include "tests/support/vectors.h"

struct fixture {
    struct aws_environment environment;
    struct loop *loop;
    struct aws *aws;
    struct error error;
    struct buf warnings; /* of the last opening, one a line */
};

static void on_warning(void *arg, const char *sentence)
{
    buf_printf(arg, "%s\n", sentence);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    aws_environment_open(&fixture->environment);
    fixture->loop = loop_new();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    aws_free(fixture->aws);
    buf_done(&fixture->warnings);
    loop_free(fixture->loop);
    aws_environment_close(&fixture->environment);
    mem_free(fixture);
    return 0;
}

static int open_aws(struct fixture *fixture, const struct aws_options *options)
{
    aws_free(fixture->aws);
    fixture->aws = NULL;
    fixture->error.text[0] = '\0';
    buf_clear(&fixture->warnings);
    struct aws_options watched = *options;
    watched.on_warning = on_warning;
    watched.on_warning_arg = &fixture->warnings;
    return aws_new(&fixture->aws, fixture->loop, &watched, &fixture->error);
}

static void open_plain(struct fixture *fixture)
{
    if (open_aws(fixture, &(struct aws_options){0}) < 0)
        fail_msg("%s", fixture->error.text);
}

static void assert_warned(struct fixture *fixture, const char *what)
{
    open_plain(fixture);
    if (!str_eq_text(buf_str(&fixture->warnings), what))
        fail_msg("expected '%s', not: %s", what,
                 fixture->warnings.len ? fixture->warnings.data : "nothing");
}

static void assert_refused(struct fixture *fixture, const struct aws_options *options,
                           const char *why)
{
    assert_int_equal(open_aws(fixture, options), -1);
    assert_null(fixture->aws);
    if (!strstr(fixture->error.text, why))
        fail_msg("expected '%s' in: %s", why, fixture->error.text);
}

static void assert_keys(const struct fixture *fixture, const char *id, const char *secret,
                        const char *token, const char *source)
{
    const struct keys *have = &fixture->aws->credentials.keys;

    assert_string_equal(have->access_key_id, id);
    assert_string_equal(have->secret_access_key, secret);
    if (token)
        assert_string_equal(have->session_token, token);
    else
        assert_null(have->session_token);
    assert_true(str_eq_text(aws_credentials_source(fixture->aws), source));
}

static void write_vectors(struct fixture *fixture)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");

    aws_environment_write(&fixture->environment, "config",
                          json_str(json_path(vectors, "credentials.config_file_text")));
    aws_environment_write(&fixture->environment, "credentials",
                          json_str(json_path(vectors, "credentials.credentials_file_text")));
}

static void nothing_set_is_no_failure(void **state)
{
    struct fixture *fixture = *state;

    open_plain(fixture);
    assert_null(fixture->aws->credentials.keys.access_key_id);
    assert_true(str_eq_text(aws_credentials_source(fixture->aws), "none"));
    assert_true(str_eq_text(aws_region(fixture->aws), "us-east-1"));
}

static void settings_outrank_the_environment(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options options = {.access_key_id = "AKS", .secret_access_key = "s1"};

    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s2", 1);
    setenv("AWS_SESSION_TOKEN", "t2", 1);
    write_vectors(fixture);
    assert_int_equal(open_aws(fixture, &options), 0);
    assert_keys(fixture, "AKS", "s1", NULL, "settings");
    open_plain(fixture);
    assert_keys(fixture, "AKE", "s2", "t2", "environment");
}

static void profiles_of_the_shared_files_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options options = {.profile = "base"};

    write_vectors(fixture);
    open_plain(fixture);
    assert_keys(fixture, "AKIAFIXTUREEXAMPLE08", "fixture/secret2",
                "FIXTUREfile==", "shared files (profile default)");
    assert_int_equal(open_aws(fixture, &options), 0);
    assert_keys(fixture, "AKIAFIXTUREEXAMPLE07", "fixture/secret", NULL,
                "shared files (profile base)");
    setenv("AWS_DEFAULT_PROFILE", "nobody", 1);
    setenv("AWS_PROFILE", "base", 1);
    open_plain(fixture);
    assert_keys(fixture, "AKIAFIXTUREEXAMPLE07", "fixture/secret", NULL,
                "shared files (profile base)");
}

static void a_profile_named_on_purpose_outranks_the_environment(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options options = {.profile = "base"};

    write_vectors(fixture);
    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s2", 1);
    assert_int_equal(open_aws(fixture, &options), 0);
    assert_keys(fixture, "AKIAFIXTUREEXAMPLE07", "fixture/secret", NULL,
                "shared files (profile base)");
}

static void files_never_mix_their_keys(void **state)
{
    struct fixture *fixture = *state;

    aws_environment_write(&fixture->environment, "config",
                          STR("[profile \"a b\"]\naws_access_key_id = C\n"
                              "aws_secret_access_key = c\naws_session_token = ct\n"
                              "region = eu-west-1\n"));
    setenv("AWS_PROFILE", "a b", 1);
    open_plain(fixture);
    assert_keys(fixture, "C", "c", "ct", "shared files (profile a b)");
    assert_true(str_eq_text(aws_region(fixture->aws), "eu-west-1"));

    aws_environment_write(&fixture->environment, "credentials",
                          STR("[a b]\naws_access_key_id = K\naws_secret_access_key = k\n"));
    open_plain(fixture);
    assert_keys(fixture, "K", "k", NULL, "shared files (profile a b)");
}

static void what_is_set_and_unusable_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct aws_options nobody = {.profile = "nobody"};
    struct aws_options half = {.access_key_id = "AKS"};

    write_vectors(fixture);
    assert_refused(fixture, &nobody, "the AWS profile 'nobody' is in none of the shared files");
    assert_refused(fixture, &half, "from settings: the secret access key is missing");
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    assert_refused(fixture, &(struct aws_options){0},
                   "from environment: the access key id is missing");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    aws_environment_write(&fixture->environment, "credentials",
                          STR("[default]\naws_access_key_id = A\naws_secret_access_key S\n"));
    assert_refused(fixture, &(struct aws_options){0}, "the secret access key is missing");
    setenv("AWS_REGION", "evil.example/", 1);
    aws_environment_write(&fixture->environment, "credentials", STR(""));
    assert_refused(fixture, &(struct aws_options){0}, "'evil.example/' is no AWS region");
}

/* What other tools write, and people. */
static void only_the_profile_in_use_matters(void **state)
{
    struct fixture *fixture = *state;
    static const char *const foreign[] = {
        "[sso-session a-name-of-an-sso-session-that-is-longer-than-forty-nine-characters]\n"
        "sso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n",
        "[profile AdministratorAccess-444455556666-with-a-name-that-aws-configure-sso-proposes]\n"
        "sso_session = x\n",
        "[services [odd]]\ns3 =\n  endpoint_url = https://[::1]:1\n",
        "[profile no end\naws_access_key_id = X\n",
        "[]\naws_access_key_id = X\n",
        "[plugins] text\ncli_legacy_plugin_path = /x\n",
        "[preview]\ncloudfront=true\nnot a pair\n= no name\n<<<<<<< HEAD\n",
        "aws_access_key_id = X\n",
        "[profile nul]\nx = \\\n",
        "[profile other]\nrole_arn = nonsense\nsource_profile = nobody\n",
    };
    cleanup(buf_done) struct buf text = BUF_INIT;

    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        buf_append_text(&text, foreign[i]);
    buf_append_text(&text, "[profile long]\nx = ");
    for (int i = 0; i < 10000; i++)
        buf_append_char(&text, 'x');
    buf_append_text(&text, "\n[profile\tmine]\r\nREGION = eu-west-1\r\nS3 =\r\n\tx = y\r\n"
                           "AWS_Access_Key_ID = A ; of mine\r\n  deeper = than that\r\n"
                           "aws_secret_access_key = s\r\n");
    aws_environment_write(&fixture->environment, "config", buf_str(&text));
    setenv("AWS_PROFILE", "mine", 1);
    open_plain(fixture);
    assert_keys(fixture, "A", "s", NULL, "shared files (profile mine)");
    assert_true(str_eq_text(aws_region(fixture->aws), "eu-west-1"));
    setenv("AWS_PROFILE", "other", 1);
    assert_refused(fixture, &(struct aws_options){0}, "source_profile 'nobody'");
}

static void names_may_be_long_and_hold_brackets(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {
        "AdministratorAccess-444455556666-with-a-name-that-aws-configure-sso-proposes", "a[b]c",
        "a]", "[a]"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup(mem_freep) char *text = mem_printf(
            "[profile %s] # [a comment]\naws_access_key_id = K%zu\naws_secret_access_key = s\n",
            names[i], i);
        cleanup(mem_freep) char *key = mem_printf("K%zu", i);
        cleanup(mem_freep) char *source = mem_printf("shared files (profile %s)", names[i]);
        aws_environment_write(&fixture->environment, "config", str_of(text));
        setenv("AWS_PROFILE", names[i], 1);
        open_plain(fixture);
        assert_keys(fixture, key, "s", NULL, source);
    }
}

static void nobody_waits_for_a_pipe(void **state)
{
    struct fixture *fixture = *state;
    cleanup(mem_freep) char *path = mem_printf("%s/.aws/credentials", fixture->environment.home);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(fixture, &(struct aws_options){0}, "it is a directory, a pipe or a socket");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    open_plain(fixture);
}

/* AWS refuses keys that it has accepted before. */
static enum distrust distrust(struct fixture *fixture)
{
    unsigned generation = fixture->aws->credentials.generation;

    credentials_accepted(&fixture->aws->credentials, generation);
    return credentials_distrust(&fixture->aws->credentials, generation);
}

static void replaced_keys_are_noticed(void **state)
{
    struct fixture *fixture = *state;

    write_vectors(fixture);
    open_plain(fixture);
    assert_int_equal(distrust(fixture), DISTRUST_IN_VAIN);
    aws_environment_write(&fixture->environment, "credentials",
                          STR("[default]\naws_access_key_id=N\naws_secret_access_key=n\n"));
    assert_int_equal(distrust(fixture), DISTRUST_REPLACED);
    assert_keys(fixture, "N", "n", NULL, "shared files (profile default)");
    aws_environment_write(&fixture->environment, "credentials", STR("[default\n"));
    assert_int_equal(distrust(fixture), DISTRUST_IN_VAIN);
    assert_keys(fixture, "N", "n", NULL, "shared files (profile default)");
}

static void distrusted_keys_are_asked_for_once_in_a_while(void **state)
{
    struct fixture *fixture = *state;

    write_vectors(fixture);
    open_plain(fixture);
    assert_int_equal(distrust(fixture), DISTRUST_IN_VAIN);
    aws_environment_write(&fixture->environment, "credentials",
                          STR("[default]\naws_access_key_id=N\naws_secret_access_key=n\n"));
    fixture->aws->credentials.accepted = false;
    assert_int_equal(
        credentials_distrust(&fixture->aws->credentials, fixture->aws->credentials.generation),
        DISTRUST_IN_VAIN);
    fixture->aws->credentials.distrusted_mono_ms -= 10000;
    assert_int_equal(
        credentials_distrust(&fixture->aws->credentials, fixture->aws->credentials.generation),
        DISTRUST_REPLACED);
}

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

static void retries_follow_the_variables_of_aws(void **state)
{
    struct fixture *fixture = *state;

    open_plain(fixture);
    assert_int_equal(fixture->aws->max_attempts, 3);
    setenv("AWS_RETRY_MODE", "Legacy", 1);
    aws_environment_write(&fixture->environment, "config",
                          STR("[default]\nretry_mode = adaptive\nmax_attempts = 7\n"));
    open_plain(fixture);
    assert_int_equal(fixture->aws->max_attempts, 7);
    setenv("AWS_MAX_ATTEMPTS", "5", 1);
    open_plain(fixture);
    assert_int_equal(fixture->aws->max_attempts, 5);
    setenv("AWS_MAX_ATTEMPTS", "0", 1);
    unsetenv("AWS_RETRY_MODE");
    assert_warned(fixture, "AWS_RETRY_MODE 'adaptive' is not known here; taken as standard\n"
                           "AWS_MAX_ATTEMPTS '0' is no number from 1 to 100; taken as 3\n");
    assert_int_equal(fixture->aws->max_attempts, 3);
}

/* What platforms set for everything that runs there ends nobody. */
static void what_only_tunes_is_warned_of(void **state)
{
    static const struct {
        const char *variable, *value, *warning;
    } cases[] = {
        {"AWS_RETRY_MODE", "adaptive", "'adaptive' is not known here; taken as standard"},
        {"AWS_MAX_ATTEMPTS", "many", "'many' is no number from 1 to 100; taken as 3"},
        {"AWS_USE_FIPS_ENDPOINT", "1", "'1' is neither true nor false; taken as false"},
        {"AWS_USE_DUALSTACK_ENDPOINT", "yes", "'yes' is neither true nor false; taken as false"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "on", "'on' is neither true nor false; taken as"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "'IPv5' is neither IPv4 nor IPv6"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "1.5", "'1.5' is no number from 1 to 60; taken as 1"},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0", "'0' is no number from 1 to 20; taken as 1"},
        {"AWS_EC2_METADATA_DISABLED", "yes", "'yes' is neither true nor false; taken as false"},
        {"AWS_STS_REGIONAL_ENDPOINTS", "global", NULL},
        {"AWS_DEFAULTS_MODE", "whatever", NULL},
        {"AWS_NEW_RETRIES_2026", "perhaps", NULL},
        {"AWS_ACCOUNT_ID_ENDPOINT_MODE", "never", NULL},
        {"AWS_REQUEST_CHECKSUM_CALCULATION", "sometimes", NULL},
        {"AWS_ENDPOINT_URL_SNS", "no url", NULL},
    };
    struct fixture *fixture = *state;

    unsetenv("AWS_EC2_METADATA_DISABLED");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv(cases[i].variable, cases[i].value, 1);
        open_plain(fixture);
        const char *said = fixture->warnings.len ? fixture->warnings.data : "";
        if (cases[i].warning ? !strstr(said, cases[i].warning) : said[0] != '\0')
            fail_msg("%s=%s: %s", cases[i].variable, cases[i].value, said);
        unsetenv(cases[i].variable);
    }
}

static void what_tunes_a_role_is_warned_of(void **state)
{
    struct fixture *fixture = *state;

    aws_environment_write(&fixture->environment, "config",
                          STR("[default]\nrole_arn = arn:aws:iam::444455556666:role/r\n"
                              "source_profile = q\nduration_seconds = 60\n"
                              "role_session_name = my app\nendpoint_url = https://127.0.0.1:1\n"
                              "use_fips_endpoint = perhaps\nmax_attempts = -1\n"
                              "[profile q]\naws_access_key_id = A\naws_secret_access_key = s\n"));
    assert_warned(fixture,
                  "AWS_USE_FIPS_ENDPOINT 'perhaps' is neither true nor false; taken as false\n"
                  "AWS_MAX_ATTEMPTS '-1' is no number from 1 to 100; taken as 3\n"
                  "duration_seconds '60' is not from 900 to 43200; left out\n"
                  "the role session name 'my app' is not 2 to 64 of [\\w+=,.@-]; left out\n");
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

static void environment_keys_may_say_when_they_expire(void **state)
{
    struct fixture *fixture = *state;

    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    setenv("AWS_CREDENTIAL_EXPIRATION", "2100-01-01T00:00:00+00:00", 1);
    open_plain(fixture);
    assert_int_equal(fixture->aws->credentials.keys.expires_at_s, INT64_C(4102444800));
    setenv("AWS_CREDENTIAL_EXPIRATION", "soon", 1);
    assert_warned(fixture,
                  "AWS_CREDENTIAL_EXPIRATION: 'soon' is no time to expire at; the keys are "
                  "used until AWS refuses them\n");
    assert_int_equal(fixture->aws->credentials.keys.expires_at_s, 0);
    /* Over already: nothing is signed with them. */
    setenv("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z", 1);
    open_plain(fixture);
    assert_false(credentials_usable(&fixture->aws->credentials));
    assert_non_null(strstr(fixture->aws->credentials.error.text,
                           "environment: what it gives expired at 2001-01-01"));
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

#define SETTINGS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTINGS_TEST(nothing_set_is_no_failure),
        SETTINGS_TEST(settings_outrank_the_environment),
        SETTINGS_TEST(profiles_of_the_shared_files_are_read),
        SETTINGS_TEST(a_profile_named_on_purpose_outranks_the_environment),
        SETTINGS_TEST(files_never_mix_their_keys),
        SETTINGS_TEST(what_is_set_and_unusable_is_refused),
        SETTINGS_TEST(only_the_profile_in_use_matters),
        SETTINGS_TEST(names_may_be_long_and_hold_brackets),
        SETTINGS_TEST(nobody_waits_for_a_pipe),
        SETTINGS_TEST(replaced_keys_are_noticed),
        SETTINGS_TEST(distrusted_keys_are_asked_for_once_in_a_while),
        SETTINGS_TEST(every_partition_has_its_hosts),
        SETTINGS_TEST(the_first_configured_endpoint_wins),
        SETTINGS_TEST(dual_stack_hosts_are_used_where_they_are_known),
        SETTINGS_TEST(fips_hosts_are_used_and_none_is_guessed),
        SETTINGS_TEST(what_only_tunes_is_warned_of),
        SETTINGS_TEST(what_tunes_a_role_is_warned_of),
        SETTINGS_TEST(endpoints_of_services_that_are_not_called_may_be_wrong),
        SETTINGS_TEST(a_region_may_be_written_in_capitals),
        SETTINGS_TEST(retries_follow_the_variables_of_aws),
        SETTINGS_TEST(environment_keys_may_say_when_they_expire),
        cmocka_unit_test(signed_requests_leave_the_machine_encrypted_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
