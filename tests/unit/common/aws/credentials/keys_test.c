/* Keys of settings, environment and shared files: which are used, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/aws_settings_fixture.h"

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

static void environment_keys_may_say_when_they_expire(void **state)
{
    struct fixture *fixture = *state;

    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    setenv("AWS_CREDENTIAL_EXPIRATION", "2100-01-01T00:00:00+00:00", 1);
    open_plain(fixture);
    assert_int_equal(fixture->aws->credentials.keys.expires_at_s, INT64_C(4102444800));
    setenv("AWS_CREDENTIAL_EXPIRATION", "soon", 1);
    assert_warned(fixture, "AWS_CREDENTIAL_EXPIRATION: 'soon' is not a time of expiry; the keys "
                           "are used until AWS refuses them\n");
    assert_int_equal(fixture->aws->credentials.keys.expires_at_s, 0);
    /* Over already: nothing is signed with them. */
    setenv("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z", 1);
    open_plain(fixture);
    assert_false(credentials_usable(&fixture->aws->credentials));
    assert_non_null(strstr(fixture->aws->credentials.error.text,
                           "environment: what it gives expired at 2001-01-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SETTINGS_TEST(nothing_set_is_no_failure),
        SETTINGS_TEST(settings_outrank_the_environment),
        SETTINGS_TEST(profiles_of_the_shared_files_are_read),
        SETTINGS_TEST(a_profile_named_on_purpose_outranks_the_environment),
        SETTINGS_TEST(files_never_mix_their_keys),
        SETTINGS_TEST(replaced_keys_are_noticed),
        SETTINGS_TEST(distrusted_keys_are_asked_for_once_in_a_while),
        SETTINGS_TEST(environment_keys_may_say_when_they_expire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
