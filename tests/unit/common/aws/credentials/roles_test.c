/* Roles: by web identity, by a profile's own means, by the settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/aws_peer.h"

#define CONTAINER_PATH "/v1/credentials"

static void set_web_identity(struct peer *peer)
{
    cleanup(mem_freep) char *file = mem_printf("%s/.aws/config", peer->environment.home);

    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file, 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::444455556666:role/mp-role", 1);
    setenv("AWS_ROLE_SESSION_NAME", "mpd-1795435200", 1);
    aws_environment_write(&peer->environment, "config", STR("eyJhbGciOiJ.FIXTURE.sig\n"));
}

static void web_identity_takes_on_a_role_unsigned(void **state)
{
    struct peer *peer = *state;

    set_web_identity(peer);
    peer_answer(peer, "/", 200, peer_vector(peer, "web_identity.response_raw"));
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    peer_assert_keys(peer, "ASIAFIXTUREEXAMPLE01", "fixture/secret+key",
                     "FIXTURE//session&token==", "2026-11-23T13:00:00Z",
                     "web identity (role mp-role)");
    assert_true(str_eq(buf_str(&peer->body), peer_vector(peer, "web_identity.request.raw_body")));
    assert_string_equal(peer->authorization.data, "");

    /* The token is read anew. */
    aws_environment_write(&peer->environment, "config", STR("next"));
    peer_answer(peer, "/", PEER_HANGS, STR(""));
    credentials_distrust(&peer->aws->credentials, peer->aws->credentials.generation);
    loop_run(peer->loop);
    assert_true(str_ends_with(buf_str(&peer->body), STR("&WebIdentityToken=next")));
}

/* With a clock that is known to be wrong we sign ourselves, and must not sign with nothing. */
static void web_identity_stays_unsigned_when_the_clock_is_wrong(void **state)
{
    struct peer *peer = *state;

    set_web_identity(peer);
    peer_answer(peer, "/", 200, peer_vector(peer, "web_identity.response_raw"));
    peer_must_open(peer, (struct aws_options){0});
    peer->aws->clock.offset_s = 600;
    peer_wait_for_events(peer, 1);
    assert_int_equal(peer->requests, 1);
    assert_string_equal(peer->authorization.data, "");
    assert_true(peer->usable);
}

/* Nothing unsigned is refused for its time, and what is given seems to be past its own. */
static void web_identity_tells_that_the_clock_is_ahead(void **state)
{
    struct peer *peer = *state;
    time_t true_time = time(NULL) - 7200;
    char date[64];
    struct tm utc;

    gmtime_r(&true_time, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    peer->date = str_of(date);
    peer_now_ms += 7200 * 1000;
    set_web_identity(peer);
    peer_answer(peer, "/", 200, peer_vector(peer, "web_identity.response_raw"));
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    assert_string_equal(peer->failure.data, "");
    assert_true(peer->usable);
}

static void what_web_identity_lacks_is_said(void **state)
{
    struct peer *peer = *state;
    static const struct str broken[] = {STR_INIT("<AssumeRole"), STR_INIT("<x><AccessKeyId/></x>"),
                                        STR_INIT("{}")};

    set_web_identity(peer);
    peer_answer(peer, "/", 400, peer_vector(peer, "web_identity.error_raw"));
    peer_assert_fails(peer,
                      "web identity (role mp-role): STS: InvalidIdentityToken: fixture: token "
                      "rejected");
    assert_int_equal(peer->requests, 1);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        peer_answer_times(peer, 1, "/", 200, broken[i]);
        peer_assert_fails(peer, "web identity (role mp-role): the answer of STS");
    }
    aws_environment_write(&peer->environment, "config", STR("x"));
    peer_assert_fails(peer, "holds no token");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", 1);
    peer_assert_fails(peer, "web identity (role mp-role): cannot read '/nowhere'");
    assert_int_equal(peer->requests, 0);

    unsetenv("AWS_ROLE_ARN");
    peer_assert_refused(peer, (struct aws_options){0}, "AWS_ROLE_ARN is not");
    setenv("AWS_ROLE_ARN", "mp-role", 1);
    peer_assert_refused(peer, (struct aws_options){0},
                        "web identity: 'mp-role' is not the ARN of a role");
}

static void sts_is_asked_again_when_it_could_not_ask(void **state)
{
    struct peer *peer = *state;

    set_web_identity(peer);
    peer_answer(peer, "/", 200, peer_vector(peer, "web_identity.response_raw"));
    peer_answer_times(peer, 1, "/", 400,
                      STR("<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error>"
                          "</ErrorResponse>"));
    peer_must_open(peer, (struct aws_options){0});
    peer_wait_for_events(peer, 1);
    assert_int_equal(peer->requests, 2);
    assert_true(peer->usable);
}

static void write_vectors(struct peer *peer)
{
    aws_environment_write(&peer->environment, "config", peer_vector(peer, "config_file_text"));
    aws_environment_write(&peer->environment, "credentials",
                          peer_vector(peer, "credentials_file_text"));
}

static void profiles_take_on_a_role_with_anothers_keys(void **state)
{
    struct peer *peer = *state;

    write_vectors(peer);
    peer_answer(peer, "/", 200, peer_vector(peer, "assume_role.response_raw"));
    peer_must_open(peer, (struct aws_options){.profile = "seller"});
    peer_wait_for_events(peer, 1);
    peer_assert_keys(peer, "ASIAFIXTUREEXAMPLE01", "fixture/secret+key",
                     "FIXTURE//session&token==", "2026-11-23T13:00:00Z",
                     "role mp-seller-role by shared files (profile base)");
    cleanup(buf_done) struct buf want = BUF_INIT;
    struct str vector = peer_vector(peer, "assume_role.request.raw_body");
    /* The profile's session name is another than the request's. */
    struct str rest = vector;
    const char *name = strstr(vector.ptr, "mpd-1795435200");
    buf_append(&want, vector.ptr, (size_t)(name - vector.ptr));
    buf_append_text(&want, "mpd");
    rest = str_of(name + strlen("mpd-1795435200"));
    buf_append_str(&want, rest);
    assert_string_equal(peer->body.data, want.data);
    assert_non_null(strstr(peer->authorization.data, "Credential=AKIAFIXTUREEXAMPLE07/"));
    assert_non_null(strstr(peer->authorization.data, "/us-east-1/sts/aws4_request"));

    /* What it gives signs the calls. */
    peer_answer(peer, "/", 200, STR("{}"));
    peer_call(peer, "ResolveCustomer");
    assert_int_equal(peer->response.outcome, AWS_OK);
    assert_non_null(strstr(peer->authorization.data, "Credential=ASIAFIXTUREEXAMPLE01/"));
    assert_string_equal(peer->session.data, "FIXTURE//session&token==");
}

static void roles_are_taken_on_from_a_container(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    cleanup(mem_freep) char *uri = mem_printf("%s" CONTAINER_PATH, peer->url);

    write_vectors(peer);
    peer_assert_refused(peer, (struct aws_options){.profile = "ecs"},
                        "credential_source 'EcsContainer' of the AWS profile 'ecs' has none");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri, 1);
    peer_answer(peer, CONTAINER_PATH, 200, peer_vector_json(peer, "container.response", &text));
    peer_answer(peer, "/", 200, peer_vector(peer, "assume_role.response_raw"));
    peer_must_open(peer, (struct aws_options){.profile = "ecs"});
    peer_wait_for_events(peer, 1);
    assert_true(str_eq_text(aws_credentials_source(peer->aws), "role mp-seller-role by container"));
    assert_non_null(strstr(peer->authorization.data, "Credential=ASIAFIXTUREEXAMPLE03/"));
    assert_string_equal(peer->session.data, "FIXTUREecs==");
    assert_non_null(strstr(peer->body.data, "&RoleSessionName=entitled-"));

    /* A failure below is told in its own name. */
    peer_answer(peer, CONTAINER_PATH, 403, STR(""));
    peer_must_open(peer, (struct aws_options){.profile = "ecs"});
    peer_wait_for_events(peer, 1);
    peer_assert_failure(peer, "container: ");
}

static void settings_name_a_role_on_top(void **state)
{
    struct peer *peer = *state;
    struct aws_options options = {.role_arn = "arn:aws:iam::444455556666:role/team/mp-seller-role",
                                  .external_id = "fixture-external-id",
                                  .role_session_name = "checker"};

    peer_assert_refused(peer, options, "there are no AWS credentials to assume that role with");
    setenv("AWS_ACCESS_KEY_ID", "AKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    peer_answer(peer, "/", 200, peer_vector(peer, "assume_role.response_raw"));
    peer_must_open(peer, options);
    peer_wait_for_events(peer, 1);
    assert_true(
        str_eq_text(aws_credentials_source(peer->aws), "role team/mp-seller-role by environment"));
    assert_string_equal(peer->body.data,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
                        "444455556666%3Arole%2Fteam%2Fmp-seller-role&RoleSessionName=checker"
                        "&ExternalId=fixture-external-id");
    peer_answer(peer, "/", 403,
                STR("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                    "</ErrorResponse>"));
    peer_must_open(peer, options);
    peer_wait_for_events(peer, 1);
    peer_assert_failure(peer, "role team/mp-seller-role by environment: STS: AccessDenied: no");

    options.role_session_name = "a b";
    peer_assert_refused(peer, options, "role_arn: the role session name 'a b' is not");
    options.role_session_name = NULL;
    options.external_id = "x";
    peer_assert_refused(peer, options, "role_arn: the external id is not");
}

static void profiles_that_contradict_themselves_are_refused(void **state)
{
    struct peer *peer = *state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"role_arn = arn:aws:iam::444455556666:role/r\n",
         "has a role_arn without source_profile, credential_source or web_identity_token_file"},
        {"role_arn = arn:aws:iam::444455556666:role/r\nsource_profile = b\n"
         "credential_source = Environment\n",
         "has both source_profile and credential_source"},
        {"role_arn = arn:aws:iam::444455556666:role/r\nsource_profile = nobody\n",
         "source_profile 'nobody' of the AWS profile 'p' does not exist"},
        {"role_arn = arn:aws:iam::444455556666:role/r\nsource_profile = p\n",
         "the AWS profile 'p' leads back to itself"},
        {"role_arn = arn:aws:iam::444455556666:role/r\nsource_profile = q\n"
         "[profile q]\nrole_arn = arn:aws:iam::444455556666:role/q\nsource_profile = p\n",
         "the AWS profile 'q' leads back to itself"},
        {"role_arn = arn:aws:iam::444455556666:role/r\nsource_profile = q\n"
         "[profile q]\nregion = us-east-1\n",
         "source_profile 'q' of the AWS profile 'p' has no credentials"},
        {"role_arn = arn:aws:iam::444455556666:role/r\ncredential_source = Moon\n",
         "credential_source 'Moon' of the AWS profile 'p' is unknown"},
        {"role_arn = arn:aws:iam::444455556666:role/r\ncredential_source = Environment\n",
         "credential_source 'Environment' of the AWS profile 'p' has none"},
        {"web_identity_token_file = /x\n", "has a web_identity_token_file without role_arn"},
        {"sso_session = s\n", "takes its credentials from sso_session, which needs a person"},
        {"credential_process = 'open\n",
         "credential_process of the AWS profile 'p' is not a command"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(mem_freep) char *text = mem_printf("[profile p]\n%s", cases[i].text);
        aws_environment_write(&peer->environment, "config", str_of(text));
        peer_assert_refused(peer, (struct aws_options){.profile = "p"}, cases[i].why);
    }
}

static void a_profile_may_use_keys_of_its_own_for_its_role(void **state)
{
    struct peer *peer = *state;

    aws_environment_write(&peer->environment, "config",
                          STR("[profile p]\nrole_arn = arn:aws:iam::444455556666:role/r\n"
                              "source_profile = p\naws_access_key_id = OWN\n"
                              "aws_secret_access_key = s\n"));
    peer_answer(peer, "/", 200, peer_vector(peer, "assume_role.response_raw"));
    peer_must_open(peer, (struct aws_options){.profile = "p"});
    peer_wait_for_events(peer, 1);
    assert_true(
        str_eq_text(aws_credentials_source(peer->aws), "role r by shared files (profile p)"));
    assert_non_null(strstr(peer->authorization.data, "Credential=OWN/"));
}

static void a_profiles_token_file_is_a_web_identity(void **state)
{
    struct peer *peer = *state;
    cleanup(mem_freep) char *text =
        mem_printf("[profile wi]\nrole_arn = arn:aws:iam::444455556666:role/mp-role\n"
                   "web_identity_token_file = %s/.aws/credentials\n",
                   peer->environment.home);

    aws_environment_write(&peer->environment, "config", str_of(text));
    aws_environment_write(&peer->environment, "credentials", STR("[token]"));
    peer_answer(peer, "/", 200, peer_vector(peer, "web_identity.response_raw"));
    peer_must_open(peer, (struct aws_options){.profile = "wi"});
    peer_wait_for_events(peer, 1);
    assert_true(str_eq_text(aws_credentials_source(peer->aws), "web identity (role mp-role)"));
    assert_true(str_ends_with(buf_str(&peer->body), STR("&WebIdentityToken=%5Btoken%5D")));
}

#define ROLES_TEST(name) cmocka_unit_test_setup_teardown(name, peer_set_up, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROLES_TEST(web_identity_takes_on_a_role_unsigned),
        ROLES_TEST(web_identity_stays_unsigned_when_the_clock_is_wrong),
        ROLES_TEST(web_identity_tells_that_the_clock_is_ahead),
        ROLES_TEST(what_web_identity_lacks_is_said),
        ROLES_TEST(sts_is_asked_again_when_it_could_not_ask),
        ROLES_TEST(profiles_take_on_a_role_with_anothers_keys),
        ROLES_TEST(roles_are_taken_on_from_a_container),
        ROLES_TEST(settings_name_a_role_on_top),
        ROLES_TEST(profiles_that_contradict_themselves_are_refused),
        ROLES_TEST(a_profile_may_use_keys_of_its_own_for_its_role),
        ROLES_TEST(a_profiles_token_file_is_a_web_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
