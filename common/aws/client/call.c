/* One call: its attempts, from asking for admission to the outcome. */
#include "common/aws/client/call.h"

#include <string.h>

#include "common/aws/client/client.h"
#include "common/aws/client/clock_skew.h"
#include "common/aws/client/refusal.h"
#include "common/aws/client/retry.h"
#include "common/aws/client/service.h"
#include "common/aws/client/sign.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

/* For how long a call waits for credentials. */
enum { CREDENTIALS_WAIT_MS = 10000 };

struct aws_call {
    struct aws *aws;
    struct arena arena; /* copies of the request */
    enum aws_service service;
    struct str operation;
    struct str body;
    int64_t deadline_mono_ms; /* 0: none */
    int64_t extra_wait_ms;
    unsigned max_attempts;
    unsigned attempts;
    int retry_cost;          /* of the last retry, given back on success */
    bool own_keys;           /* signed by keys, for a source of credentials; not by ours */
    const struct keys *keys; /* NULL: not signed */
    unsigned generation;     /* of our credentials, when last signed */
    int64_t clock_offset_s;  /* then */
    enum { WAITS_FOR_NOTHING, WAITS_FOR_KEYS, WAITS_FOR_OTHER_KEYS } waits;
    struct aws_response refusal; /* how it ends if there are no other keys */
    bool credentials_refreshed;  /* once per call */
    bool clock_corrected;        /* once per call */
    bool waits_for_admission;
    bool finished;
    int64_t began_wall_ms;
    int64_t answered_at_s; /* of the last attempt, by AWS's clock */
    aws_admit_fn *admit;
    void *admit_arg;
    aws_done_fn *done;
    void *arg;
    struct http_call *http;
    struct loop_timer *timer;    /* the next attempt */
    struct loop_timer *deadline; /* of the whole call */
    struct json *json;
    void (*release)(void *arg);
    struct aws_call *next, **link;
};

static void call_free(struct aws_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    http_call_cancel(call->http);
    loop_cancel(call->timer);
    loop_cancel(call->deadline);
    json_free(call->json);
    if (call->release)
        call->release(call->arg);
    arena_done(&call->arena);
    mem_free(call);
}

static void finish(struct aws_call *call, struct aws_response *response)
{
    response->attempts = call->attempts;
    response->began_wall_ms = call->began_wall_ms;
    response->signed_by = call->generation;
    response->answered_at_s = call->answered_at_s;
    call->finished = true;
    call->done(call->arg, response);
    call_free(call);
}

static void fail(struct aws_call *call, enum aws_outcome outcome, const char *why, bool retryable)
{
    struct aws_response response = {
        .outcome = outcome, .message = str_of(why), .retryable = retryable};

    finish(call, &response);
}

static void fail_without_credentials(struct aws_call *call)
{
    const struct credentials *credentials = &call->aws->credentials;
    struct str why = STR(
        "there are none in settings, environment, shared files, container or instance metadata");

    if (credentials->source)
        why = str_of(credentials->error.text[0] ? credentials->error.text
                                                : "they did not arrive in time");
    why = arena_printf(&call->arena, "there are no AWS credentials: " STR_FMT, STR_ARG(why));
    fail(call, AWS_CREDENTIALS, why.ptr, credentials->source != NULL);
}

static void on_deadline(void *arg)
{
    struct aws_call *call = arg;

    call->deadline = NULL;
    if (call->waits == WAITS_FOR_KEYS)
        fail_without_credentials(call);
    else
        fail(call, AWS_UNREACHABLE, "the deadline of the call has passed", true);
}

static void on_answer(void *arg, const struct http_response *answer);

static struct http_signing signing_of(const struct aws_call *call)
{
    static const struct keys none;
    const struct aws *aws = call->aws;
    const struct keys *keys = call->own_keys ? call->keys : &aws->credentials.keys;

    if (!keys)
        keys = &none;
    return (struct http_signing){
        .access_key = str_of(keys->access_key_id),
        .secret_key = str_of(keys->secret_access_key),
        .session_token = str_of(keys->session_token),
        .region = str_of(aws->endpoints.of[call->service].region),
        .service = str_of(service_protocol(call->service)->signing_name),
    };
}

static void send_attempt(struct aws_call *call)
{
    const struct service_protocol *service = service_protocol(call->service);
    struct http_header headers[3];
    size_t count = 0;

    headers[count++] = (struct http_header){STR("Content-Type"), str_of(service->content_type)};
    if (service->target_prefix)
        headers[count++] = (struct http_header){
            STR("X-Amz-Target"), arena_printf(&call->arena, "%s." STR_FMT, service->target_prefix,
                                              STR_ARG(call->operation))};
    /* Asks SQS for its former error codes as well, in a header. */
    if (call->service == AWS_SQS)
        headers[count++] = (struct http_header){STR("x-amzn-query-mode"), STR("true")};

    struct http_request request = {
        .method = "POST",
        .url = str_of(call->aws->endpoints.of[call->service].url),
        .headers = headers,
        .header_count = count,
        .body = call->body,
        .signing = signing_of(call),
        .timeout_ms = call->aws->attempt_timeout_ms + call->extra_wait_ms,
        .response_limit = service->response_limit,
    };
    /* What is to go unsigned (web identity) goes unsigned. */
    call->clock_offset_s = call->aws->clock.offset_s;
    if (call->clock_offset_s != 0 && !str_is_empty(request.signing.access_key))
        sign_with_offset(&request, call->clock_offset_s, &call->arena);
    call->attempts++;
    call->generation = call->aws->credentials.generation;
    call->began_wall_ms = clock_wall_ms();
    call->answered_at_s = 0;
    call->http = http_client_send(call->aws->http, &request, on_answer, call);
}

static void end_wait(void *arg)
{
    struct aws_call *call = arg;

    call->timer = NULL;
    call->waits = WAITS_FOR_NOTHING;
    fail_without_credentials(call);
}

/* True if the call may go on; else it waits, or has ended. */
static bool has_credentials(struct aws_call *call)
{
    if (call->own_keys)
        return true;
    credentials_look(&call->aws->credentials);
    if (credentials_usable(&call->aws->credentials))
        return true;
    if (!call->aws->credentials.source) {
        fail_without_credentials(call);
        return false;
    }
    call->waits = WAITS_FOR_KEYS;
    call->timer = loop_after(call->aws->loop, CREDENTIALS_WAIT_MS, end_wait, call);
    return false;
}

static void begin_attempt(void *arg)
{
    struct aws_call *call = arg;

    call->timer = NULL;
    if (!has_credentials(call))
        return;
    if (!call->admit) {
        send_attempt(call);
        return;
    }
    call->waits_for_admission = true;
    call->admit(call->admit_arg, call);
}

void aws_call_admit(struct aws_call *call)
{
    if (!call->waits_for_admission)
        return;
    call->waits_for_admission = false;
    send_attempt(call);
}

static void finish_late(void *arg)
{
    struct aws_call *call = arg;

    call->timer = NULL;
    fail(call, AWS_UNREACHABLE, "too many calls have failed lately to try again", true);
}

/* True if another attempt is on its way (or, for long polls, the wait instead of it). */
static bool retry(struct aws_call *call, enum retry_kind kind, struct str hint)
{
    int64_t delay_ms = retry_delay_ms(call->attempts, kind, call->aws->random(), hint);

    if (call->attempts >= call->max_attempts ||
        (call->deadline_mono_ms && clock_mono_ms() + delay_ms >= call->deadline_mono_ms))
        return false;
    call->retry_cost = retry_take(&call->aws->retry_tokens, kind);
    if (call->retry_cost == 0) {
        /* A poller would come back at once. */
        if (!str_eq_text(call->operation, "ReceiveMessage"))
            return false;
        call->timer = loop_after(call->aws->loop, delay_ms, finish_late, call);
        return true;
    }
    call->timer = loop_after(call->aws->loop, delay_ms, begin_attempt, call);
    return true;
}

static void unreachable(struct aws_call *call, const char *why, const struct http_response *answer)
{
    struct error kept;

    error_set(&kept, "%s", why);
    if (retry(call, RETRY_TRANSIENT, http_response_header(answer, "x-amz-retry-after")))
        return;
    struct aws_response response = {.outcome = AWS_UNREACHABLE,
                                    .http_status = answer->status,
                                    .message = str_of(kept.text),
                                    .request_id = http_response_header(answer, "x-amzn-RequestId"),
                                    .retryable = true};
    finish(call, &response);
}

/* True if AWS's clock is not what the call assumed. */
static bool learn_clock(struct aws_call *call)
{
    return clock_learn(&call->aws->clock, call->clock_offset_s, call->answered_at_s,
                       call->aws->on_clock);
}

static void on_success(struct aws_call *call, const struct http_response *answer)
{
    bool is_json = service_protocol(call->service)->target_prefix != NULL;
    struct str text = answer->body;
    struct error error;

    /* AWS JSON protocol: operations without output may answer with nothing. Only SQS's are such;
     * of what was bought an answer without a byte says nothing. */
    if (text.len == 0 && call->service == AWS_SQS)
        text = STR("{}");
    if (is_json && json_parse(&call->json, text, &error) < 0) {
        error_prefix(&error, "the answer of AWS");
        unreachable(call, error.text, answer);
        return;
    }
    if (is_json && json_kind(call->json) != JSON_KIND_OBJECT) {
        json_free(take(call->json));
        unreachable(call, "the answer of AWS is not a JSON object", answer);
        return;
    }
    retry_succeeded(&call->aws->retry_tokens, call->retry_cost);
    if (call->own_keys && !call->keys)
        learn_clock(call);
    if (!call->own_keys)
        credentials_accepted(&call->aws->credentials, call->generation);
    struct aws_response response = {.outcome = AWS_OK,
                                    .http_status = answer->status,
                                    .request_id = http_response_header(answer, "x-amzn-RequestId"),
                                    .body = call->json,
                                    .raw_body = answer->body};
    finish(call, &response);
}

static void begin_again(struct aws_call *call)
{
    json_free(take(call->json));
    call->timer = loop_after(call->aws->loop, 0, begin_attempt, call);
}

/* AWS's own word stands, unless our session was over: then it was not about anything else. */
static void finish_refused(struct aws_call *call)
{
    if (str_eq_text(call->refusal.code, "ExpiredTokenException") && !call->own_keys &&
        !credentials_fresh(&call->aws->credentials))
        call->refusal.outcome = AWS_CREDENTIALS;
    /* Not the last word while their source cannot be asked for others. */
    if (call->refusal.outcome == AWS_CREDENTIALS && !call->own_keys &&
        call->aws->credentials.failures > 0)
        call->refusal.retryable = true;
    finish(call, &call->refusal);
}

static void on_settled(void *arg)
{
    struct aws_call *call = arg;
    bool waited_for_first = call->waits == WAITS_FOR_KEYS;

    call->timer = NULL;
    call->waits = WAITS_FOR_NOTHING;
    if (waited_for_first && !credentials_usable(&call->aws->credentials))
        fail_without_credentials(call);
    else if (waited_for_first || call->generation != call->aws->credentials.generation)
        begin_again(call);
    else
        finish_refused(call);
}

void calls_credentials_settled(struct aws *aws)
{
    for (struct aws_call *call = aws->calls; call; call = call->next) {
        if (call->waits == WAITS_FOR_NOTHING)
            continue;
        loop_cancel(call->timer);
        call->timer = loop_after(aws->loop, 0, on_settled, call);
    }
}

/* What we can mend ourselves: a wrong clock, keys that were replaced or have expired. */
static bool mend(struct aws_call *call)
{
    if (!call->clock_corrected && call->refusal.outcome == AWS_CREDENTIALS &&
        clock_explains(call->refusal.code) && learn_clock(call)) {
        call->clock_corrected = true;
        begin_again(call);
        return true;
    }
    if (call->own_keys || call->credentials_refreshed ||
        !refusal_concerns_keys(&call->refusal, &call->aws->credentials))
        return false;
    call->credentials_refreshed = true;
    switch (credentials_distrust(&call->aws->credentials, call->generation)) {
    case DISTRUST_REPLACED:
        begin_again(call);
        return true;
    case DISTRUST_ASKED:
        call->waits = WAITS_FOR_OTHER_KEYS;
        call->timer = loop_after(call->aws->loop, CREDENTIALS_WAIT_MS, on_settled, call);
        return true;
    case DISTRUST_IN_VAIN:
        break;
    }
    return false;
}

static void on_refusal(struct aws_call *call, const struct http_response *answer)
{
    enum retry_kind kind;

    call->refusal = (struct aws_response){0};
    refusal_read(answer, !service_protocol(call->service)->target_prefix, &call->arena, &call->json,
                 &call->refusal);
    if (mend(call))
        return;
    kind = call->refusal.outcome == AWS_THROTTLED ? RETRY_THROTTLING : RETRY_TRANSIENT;
    if (call->refusal.retryable &&
        retry(call, kind, http_response_header(answer, "x-amz-retry-after")))
        json_free(take(call->json));
    else
        finish_refused(call);
}

static void on_answer(void *arg, const struct http_response *answer)
{
    struct aws_call *call = arg;

    call->http = NULL;
    call->answered_at_s = clock_of_date(http_response_header(answer, "Date"));
    if (answer->status == 0)
        unreachable(call, answer->error.text, answer);
    else if (answer->status >= 200 && answer->status < 300)
        on_success(call, answer);
    else
        on_refusal(call, answer);
}

static struct aws_call *call_new(struct aws *aws, const struct aws_request *request,
                                 aws_done_fn *done, void *arg)
{
    struct aws_call *call = mem_alloc_zero(sizeof(*call));

    call->aws = aws;
    call->service = request->service;
    call->operation = arena_str(&call->arena, str_of(request->operation));
    call->body = arena_str(&call->arena, request->body.len ? request->body : STR("{}"));
    call->extra_wait_ms = request->extra_wait_ms;
    call->max_attempts = request->max_attempts ? request->max_attempts : aws->max_attempts;
    call->admit = request->admit;
    call->admit_arg = request->admit_arg;
    call->done = done;
    call->arg = arg;
    call->release = request->release;
    call->next = aws->calls;
    call->link = &aws->calls;
    if (call->next)
        call->next->link = &call->next;
    aws->calls = call;
    if (request->deadline_ms > 0) {
        call->deadline_mono_ms = clock_mono_ms() + request->deadline_ms;
        call->deadline = loop_after(aws->loop, request->deadline_ms, on_deadline, call);
    }
    call->timer = loop_after(aws->loop, 0, begin_attempt, call);
    return call;
}

struct aws_call *aws_call(struct aws *aws, const struct aws_request *request, aws_done_fn *done,
                          void *arg)
{
    return call_new(aws, request, done, arg);
}

struct aws_call *aws_call_signed_by(struct aws *aws, const struct aws_request *request,
                                    const struct keys *keys, aws_done_fn *done, void *arg)
{
    struct aws_call *call = call_new(aws, request, done, arg);

    call->own_keys = true;
    call->keys = keys;
    return call;
}

void aws_call_cancel(struct aws_call *call)
{
    if (call && !call->finished)
        call_free(call);
}
