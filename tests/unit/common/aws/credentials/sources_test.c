/* Instance metadata and containers, against a peer that answers as the wire examples say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/aws_peer.h"

#define CONTAINER_PATH "/v1/credentials"
#define ROLES          "/latest/meta-data/iam/security-credentials/"

static void answer_metadata(struct peer *peer, struct str credentials)
{
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", peer->url, 1);
    peer_answer(peer, "/latest/api/token", 200, peer_vector(peer, "imds.token_response_raw"));
    peer_answer(peer, ROLES, 200, peer_vector(peer, "imds.role_response_raw"));
    peer_answer(peer, peer_vector(peer, "imds.creds_request_path").ptr, 200, credentials);
    peer_answer(peer, peer_vector(peer, "imds.region_path").ptr, 200, STR("eu-west-1\n"));
}

static void instances_are_asked_by_version_two(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    answer_metadata(peer, peer_vector_json(peer, "imds.creds_response", &text));
    setenv("AWS_REGION", "us-east-1", 1);
    peer_answer_times(peer, 1, "/latest/api/token", PEER_HANGS, STR(""));
    peer_must_open(peer, (struct aws_options){0});
    loop_run(peer->loop);
    assert_string_equal(peer->asked.data, "PUT /latest/api/token\n");
    assert_string_equal(peer->ttl.data, "21600");
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    peer_assert_keys(peer, "ASIAFIXTUREEXAMPLE02", "fixture/secret",
                     "FIXTUREimdssession==", "2026-11-23T17:45:00Z", "instance metadata");
    assert_string_equal(peer->asked.data, "PUT /latest/api/token\n"
                                          "GET " ROLES "\n"
                                          "GET " ROLES "mp-instance-role\n");
    assert_string_equal(peer->token.data, "AQAEFIXTUREimdstoken==");
    assert_true(peer->usable);
}

static void an_instance_knows_its_region(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    answer_metadata(peer, peer_vector_json(peer, "imds.creds_response", &text));
    unsetenv("AWS_ENDPOINT_URL");
    setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.example/", 1);
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    assert_true(str_eq_text(aws_region(peer->aws), "eu-west-1"));
    assert_true(
        str_eq_text(aws_endpoint(peer->aws, AWS_STS), "https://sts.eu-west-1.amazonaws.com/"));
    assert_true(str_eq_text(aws_endpoint(peer->aws, AWS_ENTITLEMENT),
                            "https://entitlement.marketplace.us-east-1.amazonaws.com/"));
    assert_true(str_eq_text(aws_endpoint(peer->aws, AWS_SQS), "https://sqs.example/"));
    assert_string_equal(peer->aws->endpoints.of[AWS_SQS].region, "eu-west-1");

    /* Named by somebody, it is not asked for; without an answer the default stays. */
    setenv("AWS_DEFAULT_REGION", "us-west-2", 1);
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    assert_true(str_eq_text(aws_region(peer->aws), "us-west-2"));
    assert_null(strstr(peer->asked.data, "placement"));
    unsetenv("AWS_DEFAULT_REGION");
    peer_answer(peer, peer_vector(peer, "imds.region_path").ptr, 200, STR("evil.example/"));
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    assert_non_null(strstr(peer->asked.data, "placement"));
    assert_true(str_eq_text(aws_region(peer->aws), "us-east-1"));
    assert_true(peer->usable);
}

static void what_an_instance_cannot_give_is_said(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf refusal = BUF_INIT;
    const char *path = peer_vector(peer, "imds.creds_request_path").ptr;

    answer_metadata(peer, peer_vector_json(peer, "imds.creds_response_error_with_200", &refusal));
    setenv("AWS_REGION", "us-east-1", 1);
    peer_assert_fails(peer, "instance metadata: AssumeRoleUnauthorizedAccess: fixture: EC2 cannot");
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_CREDENTIALS);
    assert_non_null(strstr(peer->message.data, "there are no AWS credentials: instance metadata"));

    peer_answer_times(peer, 1, path, 200, STR("<html>"));
    peer_assert_fails(peer, "instance metadata: ");
    peer_answer_times(peer, 1, path, 200, STR("{\"Code\":\"Success\",\"AccessKeyId\":\"A\"}"));
    peer_assert_fails(peer, "the answer lacks SecretAccessKey");
    peer_answer_times(peer, 1, path, 500, STR(""));
    peer_assert_fails(peer, "the role's credentials: HTTP status 500");
    peer_answer_times(peer, 1, ROLES, 404, STR(""));
    peer_assert_fails(peer, "this instance has no role");
    peer_answer_times(peer, 1, ROLES, 200, STR("../../x"));
    peer_assert_fails(peer, "the list of roles is empty");
    peer_answer_times(peer, 1, "/latest/api/token", 200, STR("a\nb"));
    peer_assert_fails(peer, "no token for version 2");
}

static void version_one_is_never_asked(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    answer_metadata(peer, peer_vector_json(peer, "imds.creds_response", &text));
    peer_answer(peer, "/latest/api/token", 404, STR(""));
    peer_assert_fails(peer, "instance metadata: no token for version 2: HTTP status 404");
    assert_string_equal(peer->asked.data, "PUT /latest/api/token\n");

    setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3", 1);
    peer_answer(peer, "/latest/api/token", 500, STR(""));
    peer_assert_fails(peer, "HTTP status 500");
    assert_int_equal(peer->requests, 3);
}

static void metadata_settings_are_checked(void **state)
{
    struct peer *peer = *state;
    struct aws_options none = {0};

    peer_must_open(peer, none);
    assert_true(str_eq_text(aws_credentials_source(peer->aws), "none"));
    setenv("AWS_EC2_METADATA_DISABLED", "False", 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://metadata.example", 1);
    peer_assert_refused(peer, none, "would send credentials unencrypted");
}

static void containers_are_asked_with_their_token(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    cleanup(mem_freep) char *uri = mem_printf("%s" CONTAINER_PATH, peer->url);
    cleanup(mem_freep) char *file = mem_printf("%s/.aws/config", peer->environment.home);
    struct str token = peer_vector(peer, "container_full_uri.token_file_contents");

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the file wins", 1);
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    peer_answer(peer, CONTAINER_PATH, 200,
                peer_vector_json(peer, "container_full_uri.response", &text));
    aws_environment_write(&peer->environment, "config", token);
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    peer_assert_keys(peer, "ASIAFIXTUREEXAMPLE04", "fixture/secret",
                     "FIXTUREeks==", "2026-11-23T17:45:00Z", "container");
    assert_string_equal(peer->asked.data, "GET " CONTAINER_PATH "\n");
    assert_string_equal(peer->accept.data, "application/json");
    assert_true(str_eq(buf_str(&peer->authorization), token));

    /* Whoever owns the file replaces it. */
    aws_environment_write(&peer->environment, "config", STR("next"));
    peer_answer(peer, CONTAINER_PATH, PEER_HANGS, STR(""));
    credentials_distrust(&peer->aws->credentials, peer->aws->credentials.generation);
    loop_run(peer->loop);
    assert_string_equal(peer->authorization.data, "next");
}

static void tokens_add_no_headers(void **state)
{
    struct peer *peer = *state;
    cleanup(mem_freep) char *uri = mem_printf("%s" CONTAINER_PATH, peer->url);
    cleanup(mem_freep) char *file = mem_printf("%s/.aws/config", peer->environment.home);

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y", 1);
    peer_assert_fails(peer, "container: the authorization token holds a line break");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file, 1);
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    peer_assert_fails(peer, "container: cannot read");
    aws_environment_write(&peer->environment, "config", STR("a\n"));
    peer_assert_fails(peer, "container: the authorization token holds a line break");
    assert_int_equal(peer->requests, 0);
}

static void containers_are_asked_three_times(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    cleanup(mem_freep) char *uri = mem_printf("%s" CONTAINER_PATH, peer->url);
    struct str fine = peer_vector_json(peer, "container.response", &text);

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
    peer_answer(peer, CONTAINER_PATH, 200, fine);
    peer_answer_times(peer, 2, CONTAINER_PATH, 503, STR(""));
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    peer_assert_keys(peer, "ASIAFIXTUREEXAMPLE03", "fixture/secret",
                     "FIXTUREecs==", "2026-11-23T17:45:00Z", "container");
    assert_int_equal(peer->requests, 3);
    assert_string_equal(peer->authorization.data, "");

    peer_answer_times(peer, 3, CONTAINER_PATH, 503, STR(""));
    peer_assert_fails(peer, "answers with HTTP status 503");
    assert_int_equal(peer->requests, 3);
    peer_answer_times(peer, 1, CONTAINER_PATH, 403, fine);
    peer_assert_fails(peer, "answers with HTTP status 403");
    assert_int_equal(peer->requests, 1);
    peer_answer_times(peer, 1, CONTAINER_PATH, 200, STR("{\"AccessKeyId\":1}"));
    peer_assert_fails(peer, "container: AccessKeyId is no text");
}

static void credentials_come_unencrypted_from_nearby_only(void **state)
{
    struct peer *peer = *state;
    const struct json *accepted =
        json_path(peer->vectors, "credentials.container_full_uri_accepted");
    const struct json *rejected =
        json_path(peer->vectors, "credentials.container_full_uri_rejected");
    static const char *const also_rejected[] = {
        "http://127.0.0.1@evil.example/",  "http://[::1]evil.example/", "http://127.0.0.1.evil/",
        "http://localhost#.evil.example/", "http://[fd00:ec2::24]/",    "//127.0.0.1/"};
    struct error error;

    assert_true(json_count(accepted) >= 7 && json_count(rejected) >= 3);
    for (size_t i = 0; i < json_count(accepted); i++) {
        const char *url = json_str(json_at(accepted, i)).ptr;
        cleanup(mem_freep) char *got = container_url(NULL, url, &error);
        assert_non_null(got);
        assert_string_equal(got, url);
    }
    for (size_t i = 0; i < json_count(rejected); i++)
        assert_null(container_url(NULL, json_str(json_at(rejected, i)).ptr, &error));
    for (size_t i = 0; i < sizeof(also_rejected) / sizeof(also_rejected[0]); i++)
        assert_null(container_url(NULL, also_rejected[i], &error));

    /* The relative one wins. */
    cleanup(mem_freep) char *task =
        container_url(peer_vector(peer, "container.env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").ptr,
                      "https://x/", &error);
    assert_true(str_eq(str_of(task), peer_vector(peer, "container.request.url")));
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example/", 1);
    peer_assert_refused(peer, (struct aws_options){0}, "does not begin with /");
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.5/creds", 1);
    peer_assert_refused(peer, (struct aws_options){0}, "AWS_CONTAINER_CREDENTIALS_FULL_URI: ");
}

#define SOURCES_TEST(name) cmocka_unit_test_setup_teardown(name, peer_set_up, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SOURCES_TEST(instances_are_asked_by_version_two),
        SOURCES_TEST(an_instance_knows_its_region),
        SOURCES_TEST(what_an_instance_cannot_give_is_said),
        SOURCES_TEST(version_one_is_never_asked),
        SOURCES_TEST(metadata_settings_are_checked),
        SOURCES_TEST(containers_are_asked_with_their_token),
        SOURCES_TEST(tokens_add_no_headers),
        SOURCES_TEST(containers_are_asked_three_times),
        SOURCES_TEST(credentials_come_unencrypted_from_nearby_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
