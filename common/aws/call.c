/* One call: its attempts, from asking for admission to the outcome. */
#include <string.h>

#include "common/aws/internal.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

enum { STANDARD_ATTEMPTS = 3 };

static void call_free(struct aws_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    http_call_cancel(call->http);
    loop_cancel(call->timer);
    loop_cancel(call->deadline);
    json_free(call->json);
    arena_done(&call->arena);
    mem_free(call);
}

static void finish(struct aws_call *call, struct aws_response *response)
{
    response->attempts = call->attempts;
    response->began_wall_ms = call->began_wall_ms;
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

static void on_deadline(void *arg)
{
    struct aws_call *call = arg;

    call->deadline = NULL;
    fail(call, AWS_UNREACHABLE, "the deadline of the call has passed", true);
}

static void on_answer(void *arg, const struct http_response *answer);

static struct http_signing signing_of(const struct aws_call *call)
{
    const struct aws *aws = call->aws;

    return (struct http_signing){
        .access_key = str_of(aws->credentials.access_key_id),
        .secret_key = str_of(aws->credentials.secret_access_key),
        .session_token = str_of(aws->credentials.session_token),
        .region = str_of(aws->endpoints[call->service].region),
        .service = str_of(services[call->service].signing_name),
        .clock_offset_s = aws->clock_offset_s,
    };
}

static void send_attempt(struct aws_call *call)
{
    const struct service *service = &services[call->service];
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
        .url = str_of(call->aws->endpoints[call->service].url),
        .headers = headers,
        .header_count = count,
        .body = call->body,
        .signing = signing_of(call),
        .timeout_ms = call->aws->attempt_timeout_ms + call->extra_wait_ms,
        .response_limit = service->response_limit,
    };
    call->attempts++;
    call->began_wall_ms = clock_wall_ms();
    call->http = http_client_send(call->aws->http, &request, on_answer, call);
}

static void begin_attempt(void *arg)
{
    struct aws_call *call = arg;

    call->timer = NULL;
    if (!call->aws->credentials.access_key_id) {
        fail(call, AWS_CREDENTIALS,
             "there are no AWS credentials: neither settings nor environment nor shared files "
             "hold any",
             false);
        return;
    }
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
    if (!retry_take(call, kind)) {
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

static void on_success(struct aws_call *call, const struct http_response *answer)
{
    bool is_json = services[call->service].target_prefix != NULL;
    struct error error;

    if (is_json &&
        json_parse(&call->json, answer->body.len ? answer->body : STR("{}"), &error) < 0) {
        error_prefix(&error, "the answer of AWS");
        unreachable(call, error.text, answer);
        return;
    }
    if (is_json && json_kind(call->json) != JSON_KIND_OBJECT) {
        json_free(take(call->json));
        unreachable(call, "the answer of AWS is no JSON object", answer);
        return;
    }
    retry_succeeded(call);
    struct aws_response response = {.outcome = AWS_OK,
                                    .http_status = answer->status,
                                    .request_id = http_response_header(answer, "x-amzn-RequestId"),
                                    .body = call->json,
                                    .raw_body = answer->body};
    finish(call, &response);
}

/* Code and message of a refusal, from JSON or (STS) XML; empty if there are none. */
static void read_refusal(struct aws_call *call, const struct http_response *answer,
                         struct aws_response *response)
{
    struct xml_text texts[] = {{"Code", STR_NONE}, {"Message", STR_NONE}};

    response->request_id = http_response_header(answer, "x-amzn-RequestId");
    if (!services[call->service].target_prefix) {
        xml_find(&call->arena, answer->body, texts, 2, NULL);
        response->code = texts[0].text;
        response->message = texts[1].text;
        return;
    }
    json_parse(&call->json, answer->body, NULL);
    response->body = call->json;
    response->code = aws_error_code(http_response_header(answer, "x-amzn-errortype"), call->json);
    response->message = json_get_str(call->json, "message");
    if (str_is_empty(response->message))
        response->message = json_get_str(call->json, "Message");
}

static enum aws_outcome outcome_of(const struct aws_response *response)
{
    if (aws_code_is_throttling(response->code) || response->http_status == 429)
        return AWS_THROTTLED;
    if (aws_code_is_credentials(response->code, response->message))
        return AWS_CREDENTIALS;
    return str_is_empty(response->code) && response->http_status >= 500 ? AWS_UNREACHABLE
                                                                        : AWS_ERROR;
}

/* What we can mend ourselves: keys that were replaced in the files meanwhile, a wrong clock. */
static bool mend(struct aws_call *call, const struct aws_response *response,
                 const struct http_response *answer)
{
    if (!call->clock_corrected &&
        learn_clock(call->aws, response->code, http_response_header(answer, "Date"))) {
        call->clock_corrected = true;
        return true;
    }
    if (!call->credentials_refreshed && refresh_credentials(call->aws)) {
        call->credentials_refreshed = true;
        return true;
    }
    return false;
}

static void on_refusal(struct aws_call *call, const struct http_response *answer)
{
    struct aws_response response = {.http_status = answer->status};

    read_refusal(call, answer, &response);
    response.outcome = outcome_of(&response);
    response.retryable = aws_code_is_retryable(response.code, answer->status);
    if (str_is_empty(response.message))
        response.message = arena_printf(&call->arena, "HTTP status %d", answer->status);

    bool again = false;
    if (response.outcome == AWS_CREDENTIALS && mend(call, &response, answer)) {
        call->timer = loop_after(call->aws->loop, 0, begin_attempt, call);
        again = true;
    } else if (response.retryable) {
        again = retry(call, response.outcome == AWS_THROTTLED ? RETRY_THROTTLING : RETRY_TRANSIENT,
                      http_response_header(answer, "x-amz-retry-after"));
    }
    if (!again) {
        finish(call, &response);
        return;
    }
    json_free(take(call->json));
}

static void on_answer(void *arg, const struct http_response *answer)
{
    struct aws_call *call = arg;

    call->http = NULL;
    if (answer->status == 0)
        unreachable(call, answer->error.text, answer);
    else if (answer->status >= 200 && answer->status < 300)
        on_success(call, answer);
    else
        on_refusal(call, answer);
}

struct aws_call *aws_call(struct aws *aws, const struct aws_request *request, aws_done_fn *done,
                          void *arg)
{
    struct aws_call *call = mem_alloc_zero(sizeof(*call));

    call->aws = aws;
    call->service = request->service;
    call->operation = arena_str(&call->arena, str_of(request->operation));
    call->body = arena_str(&call->arena, request->body.len ? request->body : STR("{}"));
    call->extra_wait_ms = request->extra_wait_ms;
    call->max_attempts = request->max_attempts ? request->max_attempts : STANDARD_ATTEMPTS;
    call->admit = request->admit;
    call->admit_arg = request->admit_arg;
    call->done = done;
    call->arg = arg;
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

void aws_call_cancel(struct aws_call *call)
{
    if (call && !call->finished)
        call_free(call);
}
