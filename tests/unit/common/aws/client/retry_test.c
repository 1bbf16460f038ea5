/* Calls that are tried again: when, how often, and when no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aws/client/retry.h"
#include "tests/support/aws_call_fixture.h"

static double half(void)
{
    return 0.5;
}

static void admit_at_once(void *arg, struct aws_call *call)
{
    struct fixture *fixture = arg;

    fixture->admissions++;
    aws_call_admit(call);
    aws_call_admit(call);
}

static void throttling_is_retried_under_admission(void **state)
{
    struct fixture *fixture = *state;
    struct aws_request request = {.service = AWS_ENTITLEMENT,
                                  .operation = "GetEntitlements",
                                  .admit = admit_at_once,
                                  .admit_arg = fixture};

    SCRIPT(fixture, throttled, throttled, fine);
    run(fixture, &request);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->response.attempts, 3);
    assert_int_equal(fixture->requests, 3);
    assert_int_equal(fixture->admissions, 3);
    /* Two retries of 5 taken, the last given back. */
    assert_int_equal(fixture->aws->retry_tokens, RETRY_TOKENS - 5);

    SCRIPT(fixture, throttled, throttled, throttled, fine);
    run(fixture, &request);
    assert_int_equal(fixture->response.outcome, AWS_THROTTLED);
    assert_int_equal(fixture->response.attempts, 3);
    assert_int_equal(fixture->requests, 3);
}

static void whatever_breaks_on_the_way_is_retried(void **state)
{
    struct fixture *fixture = *state;
    const struct step broken[] = {
        {TRUNCATE, 200, STR_INIT("{\"Entitlements\":[]}"), NULL},
        {REPLY, 200, STR_INIT("{\"Entitlements\":["), NULL},
        {REPLY, 200, STR_INIT("[]"), NULL},
        {REPLY, 200, STR_INIT(""), NULL},
        {REPLY, 200, STR_INIT("<html>"), NULL},
        {REPLY, 502, STR_INIT("<html>"), NULL},
        {REPLY, 500, STR_INIT("{\"__type\":\"InternalFailure\"}"), NULL},
    };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        SCRIPT(fixture, broken[i], fine);
        ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
        assert_int_equal(fixture->response.outcome, AWS_OK);
        assert_int_equal(fixture->requests, 2);
        assert_string_equal(fixture->body.data, "{\"x\":1}");
        SCRIPT(fixture, broken[i], broken[i], broken[i]);
        ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
        assert_int_equal(fixture->response.outcome,
                         broken[i].status == 500 ? AWS_ERROR : AWS_UNREACHABLE);
        assert_true(fixture->response.retryable);
        assert_int_equal(fixture->requests, 3);
    }
}

static void connections_that_break_are_an_answer_that_is_missing(void **state)
{
    struct fixture *fixture = *state;
    const struct step drop = {DROP, 0, STR_INIT(""), NULL};

    SCRIPT(fixture, drop);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 1);
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_true(fixture->response.retryable);
    SCRIPT(fixture, drop, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->response.attempts, 2);
}

static void refusals_are_not_retried(void **state)
{
    struct fixture *fixture = *state;
    const struct step refusal = {REPLY, 403, STR_INIT("<html>proxy</html>"), NULL};

    SCRIPT(fixture, refusal, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_ERROR);
    assert_int_equal(fixture->response.http_status, 403);
    assert_string_equal(fixture->message.data, "HTTP status 403");
    assert_int_equal(fixture->requests, 1);
}

static void silence_ends_each_attempt_and_the_call(void **state)
{
    struct fixture *fixture = *state;
    const struct step hang = {HANG, 0, STR_INIT(""), NULL};
    struct aws_request request = {
        .service = AWS_ENTITLEMENT, .operation = "GetEntitlements", .deadline_ms = 60};

    fixture->aws->attempt_timeout_ms = 30;
    SCRIPT(fixture, hang, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->response.attempts, 2);

    SCRIPT(fixture, hang);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 1);
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_non_null(strstr(fixture->message.data, "timed out"));

    /* The attempt's own time-out would come far later. */
    fixture->aws->attempt_timeout_ms = 20000;
    SCRIPT(fixture, hang);
    run(fixture, &request);
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_string_equal(fixture->message.data, "the deadline of the call has passed");
}

static void admit_never(void *arg, struct aws_call *call)
{
    struct fixture *fixture = arg;
    (void)call;

    fixture->admissions++;
}

static void calls_that_are_not_admitted_end_at_their_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct aws_request request = {.service = AWS_ENTITLEMENT,
                                  .operation = "GetEntitlements",
                                  .deadline_ms = 30,
                                  .admit = admit_never,
                                  .admit_arg = fixture};

    run(fixture, &request);
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_int_equal(fixture->response.attempts, 0);
    assert_int_equal(fixture->admissions, 1);
    assert_int_equal(fixture->requests, 0);
}

static void no_retry_begins_that_the_deadline_would_cut_off(void **state)
{
    struct fixture *fixture = *state;
    struct aws_request request = {
        .service = AWS_ENTITLEMENT, .operation = "GetEntitlements", .deadline_ms = 400};

    fixture->aws->random = half; /* 500 ms before the first retry of a throttled call */
    SCRIPT(fixture, throttled, fine);
    run(fixture, &request);
    assert_int_equal(fixture->response.outcome, AWS_THROTTLED);
    assert_int_equal(fixture->requests, 1);
}

static void an_empty_bucket_ends_retrying(void **state)
{
    struct fixture *fixture = *state;

    fixture->aws->retry_tokens = 4;
    SCRIPT(fixture, throttled, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_THROTTLED);
    assert_int_equal(fixture->requests, 1);

    SCRIPT(fixture, throttled, fine);
    ask(fixture, AWS_SQS, "ReceiveMessage", 0);
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_int_equal(fixture->requests, 1);

    SCRIPT(fixture, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->aws->retry_tokens, 5);
}

static void delays_grow_and_are_bounded(void **state)
{
    (void)state;

    assert_int_equal(retry_delay_ms(1, RETRY_TRANSIENT, 1, STR_NONE), 50);
    assert_int_equal(retry_delay_ms(2, RETRY_TRANSIENT, 1, STR_NONE), 100);
    assert_int_equal(retry_delay_ms(2, RETRY_TRANSIENT, 0.5, STR_NONE), 50);
    assert_int_equal(retry_delay_ms(1, RETRY_THROTTLING, 1, STR_NONE), 1000);
    assert_int_equal(retry_delay_ms(3, RETRY_THROTTLING, 1, STR_NONE), 4000);
    assert_int_equal(retry_delay_ms(30, RETRY_THROTTLING, 1, STR_NONE), 20000);
    assert_int_equal(retry_delay_ms(1, RETRY_TRANSIENT, 0, STR("1500")), 1500);
    assert_int_equal(retry_delay_ms(1, RETRY_TRANSIENT, 1, STR("20")), 50);
    assert_int_equal(retry_delay_ms(1, RETRY_TRANSIENT, 1, STR("60000")), 5050);
    assert_int_equal(retry_delay_ms(1, RETRY_TRANSIENT, 1, STR("soon")), 50);
    for (int i = 0; i < 100; i++) {
        double random = retry_random();
        assert_true(random >= 0 && random <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(throttling_is_retried_under_admission),
        CALL_TEST(whatever_breaks_on_the_way_is_retried),
        CALL_TEST(connections_that_break_are_an_answer_that_is_missing),
        CALL_TEST(refusals_are_not_retried),
        CALL_TEST(silence_ends_each_attempt_and_the_call),
        CALL_TEST(calls_that_are_not_admitted_end_at_their_deadline),
        CALL_TEST(no_retry_begins_that_the_deadline_would_cut_off),
        CALL_TEST(an_empty_bucket_ends_retrying),
        cmocka_unit_test(delays_grow_and_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
