/* credential_process: run without a shell, beside the loop, within bounds. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/credentials/command.h"
#include "tests/support/aws_peer.h"

/* The profile's process; its output, if it is cat, is in the credentials file's place. */
static void set_process(struct peer *peer, const char *command)
{
    cleanup(mem_freep) char *text = mem_printf("[default]\ncredential_process = %s\n", command);

    aws_environment_write(&peer->environment, "config", str_of(text));
}

static void set_output(struct peer *peer, struct str output)
{
    cleanup(mem_freep) char *command =
        mem_printf("cat \"%s/.aws/credentials\"", peer->environment.home);

    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    aws_environment_write(&peer->environment, "credentials", output);
    set_process(peer, command);
}

static void run(struct peer *peer)
{
    if (peer_open(peer, (struct aws_options){0}) < 0)
        fail_msg("%s", peer->error.text);
    peer_wait_for_events(peer, 1);
}

static void assert_keys(const struct peer *peer, const char *id, const char *token,
                        const char *expires)
{
    const struct keys *keys = &peer->aws->credentials.keys;
    char text[CLOCK_TEXT_SIZE];

    if (!peer->usable)
        fail_msg("%s", peer->failure.data);
    assert_string_equal(keys->access_key_id, id);
    assert_string_equal(keys->secret_access_key, "fixture/secret");
    if (token)
        assert_string_equal(keys->session_token, token);
    else
        assert_null(keys->session_token);
    assert_string_equal(clock_format_s(keys->expires_at_s, text), expires);
    assert_true(
        str_eq_text(aws_credentials_source(peer->aws), "credential_process (profile default)"));
}

static void assert_fails(struct peer *peer, const char *why)
{
    run(peer);
    assert_false(peer->usable);
    if (!strstr(peer->failure.data, why))
        fail_msg("expected '%s' in: %s", why, peer->failure.data);
    assert_true(
        str_starts_with(buf_str(&peer->failure), STR("credential_process (profile default): ")));
}

static void the_output_is_read(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    set_output(peer, peer_vector_json(peer, "credential_process_stdout", &text));
    run(peer);
    assert_keys(peer, "ASIAFIXTUREEXAMPLE05", "FIXTUREproc==", "2026-11-23T13:00:00Z");
    set_output(peer, peer_vector_json(peer, "credential_process_stdout_static", &text));
    run(peer);
    assert_keys(peer, "AKIAFIXTUREEXAMPLE06", NULL, "-");
}

static void other_output_is_refused(void **state)
{
    struct peer *peer = *state;
    cleanup(buf_done) struct buf text = BUF_INIT;

    set_output(peer, peer_vector_json(peer, "credential_process_stdout_bad_version", &text));
    assert_fails(peer, "Version is not 1");
    set_output(peer, STR("{\"Version\":\"1\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}"));
    assert_fails(peer, "Version is not 1");
    set_output(peer, STR("{\"Version\":1,\"AccessKeyId\":\"a\"}"));
    assert_fails(peer, "lacks SecretAccessKey");
    set_output(peer, STR("{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
                         "\"Expiration\":\"soon\"}"));
    assert_fails(peer, "'soon' is not a time of expiry");
    set_output(peer, STR("{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
                         "\"Expiration\":\"2026-11-23T12:00:00Z\"}"));
    assert_fails(peer, "what it gives expired at 2026-11-23T12:00:00Z");
    set_output(peer, STR(""));
    assert_fails(peer, "the output: ");
    set_process(peer, "head -c 100000 /dev/zero");
    assert_fails(peer, "the output is longer than 65536 bytes");
}

static void a_process_that_fails_says_why(void **state)
{
    struct peer *peer = *state;

    set_process(peer, "/nowhere/tool --json");
    assert_fails(peer, "cannot run '/nowhere/tool': No such file or directory");
    set_process(peer, "sh -c \"echo 'no session' >&2; echo more >&2; exit 3\"");
    assert_fails(peer, "'sh' ended with status 3: no session");
    assert_null(strstr(peer->failure.data, "more"));
    set_process(peer, "sh -c 'kill -9 $$'");
    assert_fails(peer, "'sh' was ended by signal 9");
}

static void a_process_without_end_is_ended(void **state)
{
    struct peer *peer = *state;

    set_process(peer, "sleep 1000");
    assert_int_equal(peer_open(peer, (struct aws_options){0}), 0);
    /* The first was cancelled together with the client, without waiting for it. */
    assert_int_equal(peer_open(peer, (struct aws_options){0}), 0);
    source_cancel(peer->aws->credentials.source);
    peer->aws->credentials.options.means.process_limit_ms = 20;
    credentials_look(&peer->aws->credentials);
    peer_wait_for_events(peer, 1);
    assert_non_null(strstr(peer->failure.data, "'sleep' did not end within 20 ms"));
}

/* What it leaves behind may hold its output open. */
static void what_a_process_leaves_behind_is_not_waited_for(void **state)
{
    struct peer *peer = *state;

    set_process(peer, "sh -c 'sleep 1000 & echo \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"K\\\","
                      "\\\"SecretAccessKey\\\":\\\"fixture/secret\\\","
                      "\\\"SessionToken\\\":\\\"$!\\\"}\"'");
    run(peer);
    int64_t pid = 0;
    assert_true(str_to_i64(str_of(peer->aws->credentials.keys.session_token), &pid));
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static void nothing_of_a_shell_is_done(void **state)
{
    static const struct {
        const char *command, *words; /* between bars */
    } cases[] = {
        {"tool", "tool|"},
        {"  tool\t--json  ", "tool|--json|"},
        {"\"C d/tool\" 'a  b' c\\ d", "C d/tool|a  b|c d|"},
        {"tool \"a\\\"b\" 'a\\b' \"a\\b\" \"\"", "tool|a\"b|a\\b|a\\b||"},
        {"tool $HOME `id` $(id) * ; id > /x", "tool|$HOME|`id`|$(id)|*|;|id|>|/x|"},
        {"a'b'\"c\"d", "abcd|"},
        {"a\\", "a\\|"},
    };
    static const char *const broken[] = {"", "  ", "tool 'open", "tool \"open", "tool \"\\\""};
    size_t count;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(buf_done) struct buf got = BUF_INIT;
        char **words = split_command(cases[i].command, &count);
        assert_non_null(words);
        for (size_t j = 0; j < count; j++)
            buf_printf(&got, "%s|", words[j]);
        assert_null(words[count]);
        assert_string_equal(got.data, cases[i].words);
        mem_free(words[0]);
        mem_free(words);
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_null(split_command(broken[i], &count));
}

/* The daemon blocks the signals it waits for. */
static void signals_reach_the_process(void **state)
{
    struct peer *peer = *state;
    sigset_t term, before;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    set_process(peer, "sh -c 'kill -TERM $$; exit 0'");
    assert_fails(peer, "was ended by signal 15");
    sigprocmask(SIG_SETMASK, &before, NULL);
}

#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, peer_set_up, peer_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROCESS_TEST(the_output_is_read),
        PROCESS_TEST(other_output_is_refused),
        PROCESS_TEST(a_process_that_fails_says_why),
        PROCESS_TEST(a_process_without_end_is_ended),
        PROCESS_TEST(what_a_process_leaves_behind_is_not_waited_for),
        PROCESS_TEST(signals_reach_the_process),
        cmocka_unit_test(nothing_of_a_shell_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
