/* Whose credentials sign, while they change and while STS does not say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/client/caller.h"
#include "tests/support/aws_peer.h"

#define IDENTITY(account)                                                                          \
    STR("<GetCallerIdentityResponse><GetCallerIdentityResult><Account>" account                    \
        "</Account><Arn>a</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>")

static struct {
    struct peer *peer;
    unsigned count;
    struct buf account, failure;
} told;

static int set_up(void **state)
{
    peer_set_up(state);
    told.peer = *state;
    told.count = 0;
    setenv("AWS_REGION", "us-east-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "ONE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    peer_must_open(told.peer, (struct aws_options){0});
    return 0;
}

static int tear_down(void **state)
{
    buf_done(&told.account);
    buf_done(&told.failure);
    return peer_tear_down(state);
}

static void on_caller(void *arg, const struct aws_caller *caller)
{
    struct peer *peer = arg;

    told.count++;
    peer_keep(&told.account, caller->account);
    peer_keep(&told.failure, caller->failure);
    assert_true(str_eq_text(caller->source, "environment"));
    loop_stop(peer->loop);
}

static void wait_told(unsigned count)
{
    while (told.count < count)
        loop_run(told.peer->loop);
}

static void the_account_is_learnt(void **state)
{
    struct peer *peer = *state;

    peer_answer(peer, "/", 200, IDENTITY("444455556666"));
    assert_int_equal(aws_account(peer->aws).len, 0);
    aws_watch_caller(peer->aws, on_caller, peer);
    wait_told(1);
    assert_string_equal(told.account.data, "444455556666");
    assert_true(str_eq_text(aws_account(peer->aws), "444455556666"));
    peer_call(peer, "ResolveCustomer");
    assert_true(
        str_eq_text(aws_caller_account(peer->aws, peer->response.signed_by), "444455556666"));
}

/* The source gives others: whatever the old ones signed is nobody's, until STS has named theirs. */
static void others_are_asked_about_anew(void **state)
{
    struct peer *peer = *state;
    struct source *environment = peer->aws->credentials.source;
    const struct keys keys = {(char[]){"TWO"}, (char[]){"s"}, NULL, 0};

    peer_answer(peer, "/", 200, IDENTITY("444455556666"));
    aws_watch_caller(peer->aws, on_caller, peer);
    wait_told(1);
    unsigned first = peer->aws->credentials.generation;

    peer_answer(peer, "/", 200, IDENTITY("777788889999"));
    peer->aws->credentials.source = source_keys_new("environment", &keys);
    source_free(environment);
    credentials_distrust(&peer->aws->credentials, first);
    assert_int_equal(peer->aws->credentials.generation, first + 1);
    assert_int_equal(aws_account(peer->aws).len, 0);
    assert_int_equal(aws_caller_account(peer->aws, first).len, 0);
    wait_told(2);
    assert_string_equal(told.account.data, "777788889999");
    assert_true(str_eq_text(aws_account(peer->aws), "777788889999"));
    assert_int_equal(aws_caller_account(peer->aws, first).len, 0);
}

static void a_failure_is_told_and_asked_again(void **state)
{
    struct peer *peer = *state;

    peer_answer(peer, "/", 403,
                STR("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                    "</ErrorResponse>"));
    aws_watch_caller(peer->aws, on_caller, peer);
    wait_told(1);
    assert_int_equal(told.account.len, 0);
    assert_string_equal(told.failure.data, "AccessDenied: no");
    assert_int_equal(aws_account(peer->aws).len, 0);
    assert_non_null(peer->aws->caller->timer);
    assert_null(peer->aws->caller->call);

    peer_answer(peer, "/", 200, IDENTITY("444455556666"));
    caller_credentials_changed(peer->aws);
    assert_null(peer->aws->caller->timer);
    wait_told(2);
    assert_true(str_eq_text(aws_account(peer->aws), "444455556666"));
    assert_int_equal(peer->aws->caller->failures, 0);
}

/* Takes away the fixed half of the delay. */
static double no_delay(void)
{
    return -1;
}

static void the_timer_asks_again(void **state)
{
    struct peer *peer = *state;

    peer->aws->random = peer->aws->credentials.options.random = no_delay;
    peer_answer(peer, "/", 200, IDENTITY("444455556666"));
    peer_answer_times(peer, 2, "/", 403, STR("<ErrorResponse/>"));
    aws_watch_caller(peer->aws, on_caller, peer);
    wait_told(3);
    assert_null(peer->aws->caller->timer);
    assert_true(str_eq_text(aws_account(peer->aws), "444455556666"));
}

static void the_delays_widen(void **state)
{
    static const struct {
        unsigned failures;
        int64_t low_ms, high_ms;
    } cases[] = {
        {1, 2500, 5000},     {2, 5000, 10000},       {6, 80000, 160000},
        {7, 150000, 300000}, {1000, 150000, 300000},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(caller_delay_ms(cases[i].failures, 0), cases[i].low_ms);
        assert_int_equal(caller_delay_ms(cases[i].failures, 1), cases[i].high_ms);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_account_is_learnt),
        TEST(others_are_asked_about_anew),
        TEST(a_failure_is_told_and_asked_again),
        TEST(the_timer_asks_again),
        cmocka_unit_test(the_delays_widen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
