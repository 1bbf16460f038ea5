/* A client of AWS that is opened with settings, variables and files, and asked what came of them.
 */
#ifndef TESTS_SUPPORT_AWS_SETTINGS_FIXTURE_H
#define TESTS_SUPPORT_AWS_SETTINGS_FIXTURE_H

#include "common/aws/client/client.h"
#include "tests/support/aws_environment.h"
#include "tests/support/vectors.h"

struct fixture {
    struct aws_environment environment;
    struct loop *loop;
    struct aws *aws;
    struct error error;
    struct buf warnings; /* of the last opening, one a line */
};

static inline void on_warning(void *arg, const char *sentence)
{
    buf_printf(arg, "%s\n", sentence);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));

    aws_environment_open(&fixture->environment);
    fixture->loop = loop_new();
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    aws_free(fixture->aws);
    buf_done(&fixture->warnings);
    loop_free(fixture->loop);
    aws_environment_close(&fixture->environment);
    mem_free(fixture);
    return 0;
}

static inline int open_aws(struct fixture *fixture, const struct aws_options *options)
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

static inline void open_plain(struct fixture *fixture)
{
    if (open_aws(fixture, &(struct aws_options){0}) < 0)
        fail_msg("%s", fixture->error.text);
}

static inline void assert_warned(struct fixture *fixture, const char *what)
{
    open_plain(fixture);
    if (!str_eq_text(buf_str(&fixture->warnings), what))
        fail_msg("expected '%s', not: %s", what,
                 fixture->warnings.len ? fixture->warnings.data : "nothing");
}

static inline void assert_refused(struct fixture *fixture, const struct aws_options *options,
                                  const char *why)
{
    assert_int_equal(open_aws(fixture, options), -1);
    assert_null(fixture->aws);
    if (!strstr(fixture->error.text, why))
        fail_msg("expected '%s' in: %s", why, fixture->error.text);
}

static inline void assert_keys(const struct fixture *fixture, const char *id, const char *secret,
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

static inline void write_vectors(struct fixture *fixture)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");

    aws_environment_write(&fixture->environment, "config",
                          json_str(json_path(vectors, "credentials.config_file_text")));
    aws_environment_write(&fixture->environment, "credentials",
                          json_str(json_path(vectors, "credentials.credentials_file_text")));
}

#define SETTINGS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
