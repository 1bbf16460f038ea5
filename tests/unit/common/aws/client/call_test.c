/* Calls: what is sent, how it is answered or refused, and by whose keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/support/aws_call_fixture.h"

static void requests_are_formed_as_each_protocol_says(void **state)
{
    struct fixture *fixture = *state;

    SCRIPT(fixture, fine, fine, fine);
    ask(fixture, AWS_METERING, "ResolveCustomer", 1);
    assert_string_equal(fixture->seen.data, "AWSMPMeteringService.ResolveCustomer|"
                                            "application/x-amz-json-1.1|{\"a\":1}");
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 1);
    assert_string_equal(fixture->seen.data, "AWSMPEntitlementService.GetEntitlements|"
                                            "application/x-amz-json-1.1|{\"a\":1}");
    struct aws_request request = {.service = AWS_SQS, .operation = "ReceiveMessage"};
    run(fixture, &request);
    assert_string_equal(fixture->seen.data, "AmazonSQS.ReceiveMessage|"
                                            "application/x-amz-json-1.0|{}");
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_string_equal(fixture->body.data, "{\"x\":1}");
    assert_int_equal(fixture->response.attempts, 1);
    assert_true(clock_wall_ms() - fixture->response.began_wall_ms < 20000);
}

static void an_empty_answer_is_an_empty_object(void **state)
{
    struct fixture *fixture = *state;
    const struct step empty = {REPLY, 200, STR_INIT(""), NULL};

    SCRIPT(fixture, empty);
    ask(fixture, AWS_SQS, "DeleteMessage", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_string_equal(fixture->body.data, "{}");
}

struct expectation {
    const char *path;
    enum aws_service service;
    const char *code;
    enum aws_outcome outcome;
    bool retryable;
};

static const struct expectation expectations[] = {
    {"metering_service.resolve_customer.errors.InvalidTokenException", AWS_METERING,
     "InvalidTokenException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.ExpiredTokenException_registration", AWS_METERING,
     "ExpiredTokenException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.ExpiredTokenException_aws_credentials", AWS_METERING,
     "ExpiredTokenException", AWS_CREDENTIALS, false},
    {"metering_service.resolve_customer.errors.ExpiredTokenException_aws_credentials_403",
     AWS_METERING, "ExpiredTokenException", AWS_CREDENTIALS, false},
    {"metering_service.resolve_customer.errors.ThrottlingException", AWS_METERING,
     "ThrottlingException", AWS_THROTTLED, true},
    {"metering_service.resolve_customer.errors.InternalServiceErrorException", AWS_METERING,
     "InternalServiceErrorException", AWS_ERROR, true},
    {"metering_service.resolve_customer.errors.DisabledApiException", AWS_METERING,
     "DisabledApiException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.AccessDeniedException", AWS_METERING,
     "AccessDeniedException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.UnrecognizedClientException", AWS_METERING,
     "UnrecognizedClientException", AWS_CREDENTIALS, false},
    {"metering_service.resolve_customer.errors.namespaced_type_capital_message", AWS_METERING,
     "InvalidTokenException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.type_only_in_header", AWS_METERING,
     "InvalidTokenException", AWS_ERROR, false},
    {"metering_service.resolve_customer.errors.html_502", AWS_METERING, "", AWS_UNREACHABLE, true},
    {"metering_service.resolve_customer.errors.empty_503", AWS_METERING, "", AWS_UNREACHABLE, true},
    {"entitlement_service.errors.InvalidParameterException", AWS_ENTITLEMENT,
     "InvalidParameterException", AWS_ERROR, false},
    {"entitlement_service.errors.ThrottlingException", AWS_ENTITLEMENT, "ThrottlingException",
     AWS_THROTTLED, true},
    {"entitlement_service.errors.InternalServiceErrorException", AWS_ENTITLEMENT,
     "InternalServiceErrorException", AWS_ERROR, true},
    {"entitlement_service.errors.AccessDeniedException", AWS_ENTITLEMENT, "AccessDeniedException",
     AWS_ERROR, false},
    {"sqs.errors.queue_does_not_exist", AWS_SQS, "QueueDoesNotExist", AWS_ERROR, false},
    {"sqs.errors.receipt_handle_invalid", AWS_SQS, "ReceiptHandleIsInvalid", AWS_ERROR, false},
    {"sqs.errors.message_not_inflight", AWS_SQS, "MessageNotInflight", AWS_ERROR, false},
    {"sqs.errors.over_limit", AWS_SQS, "OverLimit", AWS_ERROR, false},
    {"sqs.errors.request_throttled", AWS_SQS, "RequestThrottled", AWS_THROTTLED, true},
    {"sqs.errors.too_many_entries", AWS_SQS, "TooManyEntriesInBatchRequest", AWS_ERROR, false},
};

static struct step step_of(const struct json *example, struct buf *text)
{
    int64_t status = 0;

    buf_clear(text);
    assert_true(json_int(json_get(example, "status"), &status));
    if (json_get(example, "body"))
        json_write(json_get(example, "body"), text);
    else
        buf_append_str(text, json_get_str(example, "raw_body"));
    return (struct step){REPLY, (int)status, buf_str(text), json_get(example, "headers")};
}

static void every_refusal_of_aws_is_understood(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    cleanup(buf_done) struct buf text = BUF_INIT;

    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        const struct expectation *want = &expectations[i];
        const struct json *example = json_path(vectors, want->path);
        const struct json *body = json_get(example, "body");
        SCRIPT(fixture, step_of(example, &text));
        ask(fixture, want->service, "Any", 1);
        assert_string_equal(fixture->code.data, want->code);
        assert_int_equal(fixture->response.outcome, want->outcome);
        assert_int_equal(fixture->response.retryable, want->retryable);
        assert_true(fixture->message.len > 0);
        if (!body)
            continue;
        struct str message = json_get_str(body, "message");
        if (str_is_empty(message))
            message = json_get_str(body, "Message");
        assert_true(str_eq(buf_str(&fixture->message), message));
        assert_string_equal(fixture->request_id.data, "11111111-2222-4333-8444-555555555555");
    }
}

/* As AWS has it: what it would have signed follows its sentence, and the session token is in it. */
static void what_aws_repeats_of_a_request_is_not_passed_on(void **state)
{
    struct fixture *fixture = *state;
    const struct step mismatch = {
        REPLY, 403,
        STR_INIT("{\"__type\":\"InvalidSignatureException\",\"message\":\"The signature does not "
                 "match.\\n\\nThe Canonical String for this request should have been\\n'POST\\n/\\n"
                 "\\nx-amz-security-token:" TOKEN "\\n'\\n\"}"),
        NULL};

    SCRIPT(fixture, mismatch);
    ask(fixture, AWS_SQS, "ReceiveMessage", 1);
    assert_int_equal(fixture->response.outcome, AWS_CREDENTIALS);
    assert_string_equal(fixture->message.data, "The signature does not match.");
}

static void without_credentials_nothing_is_sent(void **state)
{
    struct fixture *fixture = *state;

    aws_free(fixture->aws);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_int_equal(aws_new(&fixture->aws, fixture->loop, &(struct aws_options){0}, NULL), 0);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(fixture->requests, 0);
}

static void keys_replaced_in_the_files_are_taken_up(void **state)
{
    struct fixture *fixture = *state;
    const struct step expired = {
        REPLY, 400,
        STR_INIT("{\"__type\":\"ExpiredTokenException\",\"message\":\"The security token included "
                 "in the request is expired\"}"),
        NULL};

    aws_free(fixture->aws);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    aws_environment_write(&fixture->environment, "credentials",
                          STR("[default]\naws_access_key_id = OLD\naws_secret_access_key = old\n"));
    assert_int_equal(aws_new(&fixture->aws, fixture->loop, &(struct aws_options){0}, NULL), 0);
    aws_environment_write(&fixture->environment, "credentials",
                          STR("[default]\naws_access_key_id = AKFIXTURE\n"
                              "aws_secret_access_key = " SECRET "\naws_session_token = " TOKEN));
    SCRIPT(fixture, expired, fine, expired);
    fixture->done = 0;
    aws_call(fixture->aws,
             &(struct aws_request){.service = AWS_METERING, .operation = "ResolveCustomer"},
             on_done, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->requests, 2);
    assert_int_equal(fixture->badly_signed, 1); /* the first, with the old key */

    fixture->badly_signed = 0;
    ask(fixture, AWS_METERING, "ResolveCustomer", 0);
    assert_int_equal(fixture->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(fixture->requests, 3);
}

static void on_identity(void *arg, const struct aws_response *response, struct str account,
                        struct str arn)
{
    struct fixture *fixture = arg;

    keep(&fixture->account, account);
    keep(&fixture->arn, arn);
    on_done(arg, response);
}

static void identify(struct fixture *fixture, int status, struct str body)
{
    struct step step = {REPLY, status, body, NULL};

    SCRIPT(fixture, step, step, step);
    aws_caller_identity(fixture->aws, on_identity, fixture);
    loop_run(fixture->loop);
}

/* GetCallerIdentity, AWS STS API reference. */
#define IDENTITY(inner)                                                                            \
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"            \
    "  <GetCallerIdentityResult>" inner "</GetCallerIdentityResult>\n"                             \
    "  <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\n"                            \
    "</GetCallerIdentityResponse>"

static void the_caller_learns_its_account(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");

    identify(fixture, 200,
             STR(IDENTITY("<Arn>arn:aws:iam::444455556666:user/a&amp;b</Arn>"
                          "<UserId>U</UserId><Account> 444455556666 </Account>")));
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_string_equal(fixture->account.data, "444455556666");
    assert_string_equal(fixture->arn.data, "arn:aws:iam::444455556666:user/a&b");
    assert_string_equal(fixture->seen.data, "|application/x-www-form-urlencoded; charset=utf-8|"
                                            "Action=GetCallerIdentity&Version=2011-06-15");

    identify(fixture, 400, json_str(json_path(vectors, "credentials.web_identity.error_raw")));
    assert_int_equal(fixture->response.outcome, AWS_ERROR);
    assert_string_equal(fixture->code.data, "InvalidIdentityToken");
    assert_string_equal(fixture->message.data, "fixture: token rejected");
    assert_int_equal(fixture->account.len, 0);
}

static void xml_that_is_not_sts_is_no_identity(void **state)
{
    struct fixture *fixture = *state;
    const struct str bad[] = {
        STR(""), STR("<html><body>"), STR(IDENTITY("<Arn>a</Arn>")),
        STR("<!DOCTYPE a [<!ENTITY e \"444455556666\">]>" IDENTITY("<Account>&e;</Account>"))};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        identify(fixture, 200, bad[i]);
        assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
        assert_int_equal(fixture->account.len, 0);
        assert_true(fixture->message.len > 0);
    }
}

static void answers_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    cleanup(buf_done) struct buf large = BUF_INIT;

    buf_printf(&large, "%0*d", 65537, 1);
    identify(fixture, 200, buf_str(&large));
    assert_int_equal(fixture->response.outcome, AWS_UNREACHABLE);
    assert_string_equal(fixture->message.data, "the answer is longer than 65536 bytes");
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void cancelled_calls_stay_silent(void **state)
{
    struct fixture *fixture = *state;
    struct aws_request request = {.service = AWS_SQS, .operation = "ReceiveMessage"};
    const struct step hang = {HANG, 0, STR_INIT(""), NULL};

    SCRIPT(fixture, hang, hang);
    aws_call_cancel(aws_call(fixture->aws, &request, on_done, fixture));
    struct aws_call *call = aws_call(fixture->aws, &request, on_done, fixture);
    aws_call(fixture->aws, &request, on_done, fixture);
    loop_after(fixture->loop, 50, stop, fixture->loop);
    loop_run(fixture->loop);
    assert_int_equal(fixture->requests, 2);
    aws_call_cancel(call);
    aws_call_cancel(NULL);
    aws_free(fixture->aws);
    fixture->aws = NULL;
    loop_after(fixture->loop, 10, stop, fixture->loop);
    loop_run(fixture->loop);
    assert_int_equal(fixture->done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(requests_are_formed_as_each_protocol_says),
        CALL_TEST(an_empty_answer_is_an_empty_object),
        CALL_TEST(every_refusal_of_aws_is_understood),
        CALL_TEST(what_aws_repeats_of_a_request_is_not_passed_on),
        CALL_TEST(without_credentials_nothing_is_sent),
        CALL_TEST(keys_replaced_in_the_files_are_taken_up),
        CALL_TEST(the_caller_learns_its_account),
        CALL_TEST(xml_that_is_not_sts_is_no_identity),
        CALL_TEST(answers_are_bounded),
        CALL_TEST(cancelled_calls_stay_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
