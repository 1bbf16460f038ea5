/* Calls against a server that answers by script, in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "common/aws/client/client.h"
#include "common/aws/client/error_code.h"
#include "common/aws/client/retry.h"
#include "common/aws/client/sigv4.h"
#include "common/base/clock.h"
#include "common/http/server/http_server.h"
#include "tests/support/aws_environment.h"
#include "tests/support/vectors.h"

#define SECRET "fixture/secret"
#define TOKEN  "FIXTURE//session==token"

struct step {
    enum { REPLY, HANG, TRUNCATE, DROP } kind;
    int status;
    struct str body;
    const struct json *headers;
};

enum { MAX_STEPS = 8 };

struct fixture {
    struct aws_environment environment;
    struct loop *loop;
    struct http_server *server;
    char *url;
    struct aws *aws;
    struct step steps[MAX_STEPS];
    unsigned requests;
    unsigned badly_signed;
    unsigned admissions;
    struct buf seen; /* target, type and body of the last request */
    struct buf amz_date;

    unsigned done;
    struct aws_response response; /* texts in the buffers below */
    struct buf code, message, request_id, body;
    struct buf account, arn;
};

enum { MAX_SIGNED = 12 };

/* Whether the Authorization header is what our own verifier computes. */
static bool is_signed_well(const struct http_exchange *exchange)
{
    struct str text = http_exchange_header(exchange, "Authorization");
    struct sigv4_header headers[MAX_SIGNED];
    size_t count = 0;
    cleanup(buf_done) struct buf canonical = BUF_INIT, to_sign = BUF_INIT, want = BUF_INIT;

    if (!str_starts_with(text, STR("AWS4-HMAC-SHA256 Credential=")))
        return false;
    str_split(&text, '=');
    struct str key = str_split(&text, '/'), scope = str_split(&text, ',');
    str_split(&text, '=');
    struct str names = str_split(&text, ',');
    str_split(&text, '=');
    while (names.len > 0 && count < MAX_SIGNED) {
        struct str name = str_split(&names, ';');
        cleanup(mem_freep) char *terminated = str_dup(name);
        headers[count++] = (struct sigv4_header){name, http_exchange_header(exchange, terminated)};
    }
    sigv4_canonical_request(&canonical, http_exchange_method(exchange), STR("/"), STR_NONE, headers,
                            count, http_exchange_body(exchange));
    sigv4_string_to_sign(&to_sign, http_exchange_header(exchange, "X-Amz-Date"), scope,
                         buf_str(&canonical));
    struct str date = str_split(&scope, '/'), region = str_split(&scope, '/');
    sigv4_signature(&want, STR(SECRET), date, region, str_split(&scope, '/'), buf_str(&to_sign));
    return str_eq_text(key, "AKFIXTURE") && str_eq(text, buf_str(&want)) &&
           str_eq(http_exchange_header(exchange, "X-Amz-Security-Token"), STR(TOKEN));
}

static void add_header(void *arg, struct str name, const struct json *value)
{
    cleanup(mem_freep) char *terminated = str_dup(name);

    http_exchange_add_header(arg, terminated, json_str(value));
}

static void on_exchange(void *arg, struct http_exchange *exchange)
{
    struct fixture *fixture = arg;
    const struct step *step = &fixture->steps[fixture->requests++];

    if (!is_signed_well(exchange))
        fixture->badly_signed++;
    buf_clear(&fixture->seen);
    buf_printf(&fixture->seen, STR_FMT "|" STR_FMT "|" STR_FMT,
               STR_ARG(http_exchange_header(exchange, "X-Amz-Target")),
               STR_ARG(http_exchange_header(exchange, "Content-Type")),
               STR_ARG(http_exchange_body(exchange)));
    buf_clear(&fixture->amz_date);
    buf_append_str(&fixture->amz_date, http_exchange_header(exchange, "X-Amz-Date"));
    json_each(step->headers, add_header, exchange);
    if (step->kind == REPLY)
        http_exchange_reply(exchange, step->status, NULL, step->body);
    else if (step->kind == TRUNCATE)
        http_exchange_reply_truncated(exchange, step->status, NULL, step->body, step->body.len / 2);
    else if (step->kind == DROP)
        http_exchange_drop(exchange);
}

static double no_delay(void)
{
    return 0;
}

static double half(void)
{
    return 0.5;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc_zero(sizeof(*fixture));
    struct http_server_options options = {.address = "127.0.0.1",
                                          .body_limit_bytes = 1 << 20,
                                          .header_limit_bytes = 16384,
                                          .connection_limit = 20,
                                          .request_timeout_ms = 20000};

    aws_environment_open(&fixture->environment);
    fixture->loop = loop_new();
    assert_int_equal(
        http_server_open(&fixture->server, fixture->loop, &options, on_exchange, fixture, NULL), 0);
    fixture->url = mem_printf("http://127.0.0.1:%u/", (unsigned)http_server_port(fixture->server));
    setenv("AWS_ENDPOINT_URL", fixture->url, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKFIXTURE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    setenv("AWS_SESSION_TOKEN", TOKEN, 1);
    assert_int_equal(aws_new(&fixture->aws, fixture->loop,
                             &(struct aws_options){.attempt_timeout_ms = 20000}, NULL),
                     0);
    fixture->aws->random = no_delay;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct buf *bufs[] = {&fixture->seen,    &fixture->amz_date,   &fixture->code,
                          &fixture->message, &fixture->request_id, &fixture->body,
                          &fixture->account, &fixture->arn};

    aws_free(fixture->aws);
    http_server_close(fixture->server);
    loop_free(fixture->loop);
    aws_environment_close(&fixture->environment);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_done(bufs[i]);
    mem_free(fixture->url);
    mem_free(fixture);
    return 0;
}

static void keep(struct buf *buf, struct str text)
{
    buf_clear(buf);
    buf_reserve(buf, text.len);
    buf_append_str(buf, text);
}

static void on_done(void *arg, const struct aws_response *response)
{
    struct fixture *fixture = arg;

    fixture->done++;
    fixture->response = *response;
    keep(&fixture->code, response->code);
    keep(&fixture->message, response->message);
    keep(&fixture->request_id, response->request_id);
    buf_clear(&fixture->body);
    json_write(response->body, &fixture->body);
    loop_stop(fixture->loop);
}

static void script(struct fixture *fixture, size_t count, const struct step *steps)
{
    assert_true(count <= MAX_STEPS);
    memcpy(fixture->steps, steps, count * sizeof(*steps));
    fixture->requests = 0;
    fixture->admissions = 0;
}

#define SCRIPT(fixture, ...)                                                                       \
    script((fixture), sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step),                  \
           (struct step[]){__VA_ARGS__})

static void run(struct fixture *fixture, const struct aws_request *request)
{
    fixture->done = 0;
    assert_non_null(aws_call(fixture->aws, request, on_done, fixture));
    assert_int_equal(fixture->done, 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->done, 1);
    assert_int_equal(fixture->badly_signed, 0);
}

static void ask(struct fixture *fixture, enum aws_service service, const char *operation,
                unsigned max_attempts)
{
    struct aws_request request = {.service = service,
                                  .operation = operation,
                                  .body = STR("{\"a\":1}"),
                                  .max_attempts = max_attempts};

    run(fixture, &request);
}

static const struct step fine = {REPLY, 200, STR_INIT("{\"x\":1}"), NULL};
static const struct step throttled = {REPLY, 400, STR_INIT("{\"__type\":\"ThrottlingException\"}"),
                                      NULL};

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

static int64_t told_offset_s;

static void on_clock(int64_t offset_s)
{
    told_offset_s = offset_s;
}

static void a_wrong_clock_is_corrected_once(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *headers = json_new_object();
    time_t ahead = time(NULL) + 3600;
    char date[64], want_hour[16];
    struct tm utc;

    gmtime_r(&ahead, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    strftime(want_hour, sizeof(want_hour), "%Y%m%dT%H", &utc);
    json_set_str(headers, "Date", str_of(date));
    const struct step skewed = {REPLY, 400, STR_INIT("{\"__type\":\"InvalidSignatureException\"}"),
                                headers};

    fixture->aws->on_clock = on_clock;
    SCRIPT(fixture, skewed, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(fixture->requests, 2);
    assert_in_range(aws_clock_offset_s(fixture->aws), 3590, 3610);
    assert_int_equal(told_offset_s, aws_clock_offset_s(fixture->aws));
    assert_true(str_starts_with(buf_str(&fixture->amz_date), str_from(want_hour, 9)));

    /* Known already: the same refusal now means something else. */
    SCRIPT(fixture, skewed, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_CREDENTIALS);
    assert_int_equal(fixture->requests, 1);

    /* It was set right: the offset is what is wrong now. */
    const struct step skewed_back = {REPLY, 400, skewed.body, NULL};
    SCRIPT(fixture, skewed_back, fine);
    ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
    assert_int_equal(fixture->response.outcome, AWS_OK);
    assert_int_equal(aws_clock_offset_s(fixture->aws), 0);
    assert_int_equal(told_offset_s, 0);
}

/* Both were signed before anybody knew: what the first learns helps the second, too. */
static void calls_under_way_share_what_is_learnt_of_the_clock(void **state)
{
    struct fixture *fixture = *state;
    cleanup(json_freep) struct json *headers = json_new_object();
    const struct aws_request request = {.service = AWS_ENTITLEMENT, .operation = "GetEntitlements"};
    time_t behind = time(NULL) - 3600;
    char date[64];
    struct tm utc;

    gmtime_r(&behind, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    json_set_str(headers, "Date", str_of(date));
    const struct step skewed = {REPLY, 400, STR_INIT("{\"__type\":\"InvalidSignatureException\"}"),
                                headers};

    SCRIPT(fixture, skewed, skewed, fine, fine);
    fixture->done = 0;
    aws_call(fixture->aws, &request, on_done, fixture);
    aws_call(fixture->aws, &request, on_done, fixture);
    for (unsigned i = 1; i <= 2; i++) {
        while (fixture->done < i)
            loop_run(fixture->loop);
        assert_int_equal(fixture->response.outcome, AWS_OK);
    }
    assert_int_equal(fixture->requests, 4);
}

/* Whatever the answer is: its sender's time goes with it, or nothing that was none. */
static void an_answer_tells_the_time_of_its_sender(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *date;
        int64_t want_s;
    } cases[] = {
        {"Mon, 23 Nov 2026 12:00:00 GMT", 1795435200},
        {"Mon, 23 Nov 2026 12:00:00 GMT, later", 0},
        {"2026-11-23T12:00:00Z", 0},
        {"soon", 0},
    };

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(json_freep) struct json *headers = json_new_object();
        json_set_str(headers, "Date", str_of(cases[i / 2].date));
        const struct step refusal = {REPLY, 400, STR_INIT("{\"__type\":\"AccessDeniedException\"}"),
                                     headers};
        const struct step success = {REPLY, 200, STR_INIT("{}"), headers};
        SCRIPT(fixture, i % 2 ? refusal : success);
        ask(fixture, AWS_ENTITLEMENT, "GetEntitlements", 0);
        assert_int_equal(fixture->response.outcome, i % 2 ? AWS_ERROR : AWS_OK);
        assert_int_equal(fixture->response.answered_at_s, cases[i / 2].want_s);
    }
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

#define CALL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(requests_are_formed_as_each_protocol_says),
        CALL_TEST(an_empty_answer_is_an_empty_object),
        CALL_TEST(every_refusal_of_aws_is_understood),
        CALL_TEST(what_aws_repeats_of_a_request_is_not_passed_on),
        CALL_TEST(throttling_is_retried_under_admission),
        CALL_TEST(whatever_breaks_on_the_way_is_retried),
        CALL_TEST(connections_that_break_are_an_answer_that_is_missing),
        CALL_TEST(refusals_are_not_retried),
        CALL_TEST(silence_ends_each_attempt_and_the_call),
        CALL_TEST(calls_that_are_not_admitted_end_at_their_deadline),
        CALL_TEST(no_retry_begins_that_the_deadline_would_cut_off),
        CALL_TEST(an_empty_bucket_ends_retrying),
        cmocka_unit_test(delays_grow_and_are_bounded),
        CALL_TEST(a_wrong_clock_is_corrected_once),
        CALL_TEST(calls_under_way_share_what_is_learnt_of_the_clock),
        CALL_TEST(an_answer_tells_the_time_of_its_sender),
        CALL_TEST(without_credentials_nothing_is_sent),
        CALL_TEST(keys_replaced_in_the_files_are_taken_up),
        CALL_TEST(the_caller_learns_its_account),
        CALL_TEST(xml_that_is_not_sts_is_no_identity),
        CALL_TEST(answers_are_bounded),
        CALL_TEST(cancelled_calls_stay_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
