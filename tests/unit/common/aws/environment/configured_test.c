/* AWS's variables and files: what is refused, and what is warned of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/aws_settings_fixture.h"

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
    assert_refused(fixture, &(struct aws_options){0}, "'evil.example/' is not an AWS region");
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
    assert_warned(fixture, "AWS_RETRY_MODE 'adaptive' is not known here; standard is used\n"
                           "AWS_MAX_ATTEMPTS '0' is not a number from 1 to 100; 3 is used\n");
    assert_int_equal(fixture->aws->max_attempts, 3);
}

/* What platforms set for everything that runs there ends nobody. */
static void what_only_tunes_is_warned_of(void **state)
{
    static const struct {
        const char *variable, *value, *warning;
    } cases[] = {
        {"AWS_RETRY_MODE", "adaptive", "'adaptive' is not known here; standard is used"},
        {"AWS_MAX_ATTEMPTS", "many", "'many' is not a number from 1 to 100; 3 is used"},
        {"AWS_USE_FIPS_ENDPOINT", "1", "'1' is neither true nor false; false is used"},
        {"AWS_USE_DUALSTACK_ENDPOINT", "yes", "'yes' is neither true nor false; false is used"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "on", "'on' is neither true nor false"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "'IPv5' is neither IPv4 nor IPv6"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "1.5", "'1.5' is not a number from 1 to 60; 1 is used"},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0", "'0' is not a number from 1 to 20; 1 is used"},
        {"AWS_EC2_METADATA_DISABLED", "yes", "'yes' is neither true nor false; false is used"},
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
                  "AWS_USE_FIPS_ENDPOINT 'perhaps' is neither true nor false; false is used\n"
                  "AWS_MAX_ATTEMPTS '-1' is not a number from 1 to 100; 3 is used\n"
                  "duration_seconds '60' is not from 900 to 43200; left out\n"
                  "the role session name 'my app' is not 2 to 64 of [\\w+=,.@-]; left out\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTINGS_TEST(what_is_set_and_unusable_is_refused),
        SETTINGS_TEST(only_the_profile_in_use_matters),
        SETTINGS_TEST(names_may_be_long_and_hold_brackets),
        SETTINGS_TEST(nobody_waits_for_a_pipe),
        SETTINGS_TEST(what_only_tunes_is_warned_of),
        SETTINGS_TEST(what_tunes_a_role_is_warned_of),
        SETTINGS_TEST(retries_follow_the_variables_of_aws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
