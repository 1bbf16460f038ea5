#include "services/sandbox/door.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/sandbox/respond.h"
#include "services/sandbox/verify.h"
#include "services/sandbox/waits.h"

struct protocol {
    struct str target; /* prefix of X-Amz-Target */
    enum service service;
    struct str content_type;
};

static const struct protocol protocols[] = {
    {STR_INIT("AWSMPMeteringService."), SERVICE_METERING, STR_INIT("application/x-amz-json-1.1")},
    {STR_INIT("AWSMPEntitlementService."), SERVICE_ENTITLEMENT,
     STR_INIT("application/x-amz-json-1.1")},
    {STR_INIT("AmazonSQS."), SERVICE_SQS, STR_INIT("application/x-amz-json-1.0")},
};

#define SPOKEN                                                                                     \
    "AWSMPMeteringService and AWSMPEntitlementService (AWS JSON 1.1), AmazonSQS (AWS JSON 1.0), "  \
    "STS (query, 2011-06-15)."

/* Stands in for an operation that there is not, so that its refusal has a protocol. */
static const struct operation unknown_operations[SERVICE_COUNT] = {
    [SERVICE_METERING] = {SERVICE_METERING, "Unknown", NULL, false},
    [SERVICE_ENTITLEMENT] = {SERVICE_ENTITLEMENT, "Unknown", NULL, false},
    [SERVICE_SQS] = {SERVICE_SQS, "Unknown", NULL, false},
    [SERVICE_STS] = {SERVICE_STS, "Unknown", NULL, false},
};

bool door_wants(struct http_exchange *exchange)
{
    struct str action;

    return str_eq(http_exchange_method(exchange), STR("POST")) &&
           (!str_is_empty(http_exchange_header(exchange, "X-Amz-Target")) ||
            http_exchange_form(exchange, "Action", &action) > 0);
}

static void free_call(struct call *call)
{
    TAILQ_REMOVE(&call->sandbox->calls, call, link);
    loop_cancel(call->timer);
    json_free(call->request);
    answer_done(&call->answer);
    arena_done(&call->arena);
    mem_free(call);
}

static void stop_call(struct call *call, const char *outcome)
{
    if (call->cancel)
        call->cancel(call);
    call_log_end(&call->sandbox->log, call->log_number, outcome, true,
                 fault_name(call->fault.kind));
    free_call(call);
}

static void on_abandoned(void *arg)
{
    stop_call(arg, "abandoned");
}

void door_drop_all(struct sandbox *sandbox)
{
    while (!TAILQ_EMPTY(&sandbox->calls)) {
        struct call *call = TAILQ_FIRST(&sandbox->calls);
        http_exchange_on_abandoned(call->exchange, NULL, NULL);
        http_exchange_drop(call->exchange);
        stop_call(call, "dropped");
    }
}

/* Header names are compared and signed in lower case, in byte order; a repeated header's values are
 * joined by commas. */
struct collected {
    struct arena *arena;
    struct sigv4_header list[64];
    size_t count;
};

static void collect_header(void *arg, struct str name, struct str value)
{
    struct collected *headers = arg;
    struct str kept = arena_str(headers->arena, name);
    size_t at = 0;

    for (size_t i = 0; i < kept.len; i++)
        ((char *)(uintptr_t)kept.ptr)[i] = (char)tolower((unsigned char)kept.ptr[i]);
    while (at < headers->count && str_compare(headers->list[at].name, kept) < 0)
        at++;
    struct sigv4_header *place = &headers->list[at];
    if (at < headers->count && str_eq(place->name, kept)) {
        place->value = arena_printf(headers->arena, STR_FMT "," STR_FMT, STR_ARG(place->value),
                                    STR_ARG(value));
        return;
    }
    if (headers->count == sizeof(headers->list) / sizeof(headers->list[0]))
        return;
    memmove(place + 1, place, (headers->count - at) * sizeof(*place));
    *place = (struct sigv4_header){kept, value};
    headers->count++;
}

static bool check_signature(struct call *call)
{
    struct http_exchange *exchange = call->exchange;
    struct collected headers = {.arena = &call->arena};
    struct str query = http_exchange_raw_target(exchange), path = str_split(&query, '?');

    http_exchange_each_header(exchange, collect_header, &headers);
    const struct signed_request request = {
        .method = http_exchange_method(exchange),
        .path = path,
        .query = query,
        .headers = headers.list,
        .header_count = headers.count,
        .body = http_exchange_body(exchange),
    };
    return verify_signature(&call->sandbox->world, call->operation->service, &request,
                            clock_wall_s(), &call->caller, &call->answer);
}

static void refuse_unknown(struct call *call, enum service service, const char *code,
                           const char *what, struct str name)
{
    call->operation = &unknown_operations[service];
    answer_error(&call->answer, code, "%s " STR_FMT " is not known. Spoken are " SPOKEN, what,
                 STR_ARG(name));
}

static void choose_operation(struct call *call, enum service service, struct str name)
{
    call->operation = operation_find(service, name);
    if (!call->operation)
        refuse_unknown(call, service, "UnknownOperationException", "The operation", name);
}

static void read_json(struct call *call, const struct protocol *protocol, struct str target)
{
    struct error error = {{0}};
    struct str type = http_exchange_header(call->exchange, "Content-Type");

    choose_operation(
        call, protocol->service,
        str_from(target.ptr + protocol->target.len, target.len - protocol->target.len));
    call->query_mode =
        str_eq_nocase(http_exchange_header(call->exchange, "x-amzn-query-mode"), STR("true"));
    if (!str_eq_nocase(str_trim(str_split(&type, ';')), protocol->content_type))
        answer_error(&call->answer, "UnknownOperationException", "Content-Type must be " STR_FMT,
                     STR_ARG(protocol->content_type));
    else if (json_parse(&call->request, http_exchange_body(call->exchange), &error) < 0 ||
             json_kind(call->request) != JSON_KIND_OBJECT)
        answer_error(&call->answer, "SerializationException", "The body is not a JSON object. %s",
                     error.text);
}

static void add_field(void *arg, struct str name, struct str value)
{
    char key[128];

    snprintf(key, sizeof(key), STR_FMT, STR_ARG(name));
    json_set_str(arg, key, value);
}

static void read_form(struct call *call)
{
    struct str action = STR_NONE, version = STR_NONE;

    http_exchange_form(call->exchange, "Action", &action);
    http_exchange_form(call->exchange, "Version", &version);
    call->by_query = true;
    call->request = json_new_object();
    http_exchange_each_form(call->exchange, add_field, call->request);
    if (str_eq(version, STR("2012-11-05")) || operation_find(SERVICE_SQS, action))
        refuse_unknown(call, SERVICE_SQS, "InvalidAction", "In SQS's query protocol the action",
                       action);
    else if (!str_eq(version, STR("2011-06-15")))
        refuse_unknown(call, SERVICE_STS, "NoSuchVersion", "The version", version);
    else
        choose_operation(call, SERVICE_STS, action);
}

static void read_request(struct call *call)
{
    struct str target = http_exchange_header(call->exchange, "X-Amz-Target");

    if (str_is_empty(target)) {
        read_form(call);
        return;
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (str_starts_with(target, protocols[i].target)) {
            read_json(call, &protocols[i], target);
            return;
        }
    }
    refuse_unknown(call, SERVICE_METERING, "UnknownOperationException", "The target", target);
}

static void send_answer(struct call *call)
{
    struct http_exchange *exchange = call->exchange;
    struct response response;

    respond(call, &response);
    http_exchange_add_header(exchange, "x-amzn-RequestId", response.request_id);
    if (!str_is_empty(response.error_type))
        http_exchange_add_header(exchange, "x-amzn-errortype", response.error_type);
    if (!str_is_empty(response.query_error))
        http_exchange_add_header(exchange, "x-amzn-query-error", response.query_error);
    if (call->fault.kind == FAULT_TRUNCATE)
        http_exchange_reply_truncated(exchange, response.status, response.content_type,
                                      buf_str(&response.body), response.body.len / 2);
    else
        http_exchange_reply(exchange, response.status, response.content_type,
                            buf_str(&response.body));
    buf_done(&response.body);
}

static void finish_call(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct answer *answer = &call->answer;

    if (!answer->code && answer->body)
        fault_spoil(&call->fault, &answer->body);
    http_exchange_on_abandoned(call->exchange, NULL, NULL);
    send_answer(call);
    call_log_end(&sandbox->log, call->log_number, answer->code ? answer->code : "ok",
                 answer->code != NULL, fault_name(call->fault.kind));
    log_debug("answered", LOG_TEXT("operation", call->operation->name),
              LOG_TEXT("outcome", answer->code ? answer->code : "ok"));
    free_call(call);
    waits_check(sandbox);
}

static void run_operation(struct call *call)
{
    if (call->operation->fn(call))
        finish_call(call);
}

static void on_delay_over(void *arg)
{
    struct call *call = arg;

    call->timer = NULL;
    run_operation(call);
}

static void refuse_as_throttled(struct call *call)
{
    enum service service = call->operation->service;

    answer_error(&call->answer,
                 service == SERVICE_SQS   ? "RequestThrottled"
                 : service == SERVICE_STS ? "Throttling"
                                          : "ThrottlingException",
                 "Rate exceeded");
}

static void refuse_as_broken(struct call *call)
{
    enum service service = call->operation->service;

    answer_error(&call->answer,
                 service == SERVICE_SQS || service == SERVICE_STS ? "InternalFailure"
                                                                  : "InternalServiceErrorException",
                 "An internal error has occurred. Retry your request.");
}

/* As IAM words it ("Troubleshoot access denied error messages", IAM user guide). */
static void refuse_as_denied(struct call *call)
{
    static const char *const prefixes[SERVICE_COUNT] = {
        [SERVICE_METERING] = "aws-marketplace",
        [SERVICE_ENTITLEMENT] = "aws-marketplace",
        [SERVICE_SQS] = "sqs",
        [SERVICE_STS] = "sts",
    };
    const char *prefix = prefixes[call->operation->service], *name = call->operation->name;

    answer_error(&call->answer, "AccessDeniedException",
                 "User: " STR_FMT " is not authorized to perform: %s:%s because no identity-based "
                 "policy allows the %s:%s action",
                 STR_ARG(call->caller.arn), prefix, name, prefix, name);
}

/* What a fault does before the operation is run, or instead of it. */
static void run_with_fault(struct call *call)
{
    switch (call->fault.kind) {
    case FAULT_THROTTLE:
        refuse_as_throttled(call);
        break;
    case FAULT_ERROR500:
        refuse_as_broken(call);
        break;
    case FAULT_DENY:
        refuse_as_denied(call);
        break;
    case FAULT_EMPTY:
        answer_ok(&call->answer, json_new_object());
        break;
    case FAULT_HANG:
        return;
    case FAULT_DELAY:
        call->timer = loop_after(call->sandbox->loop, call->fault.delay_ms, on_delay_over, call);
        return;
    case FAULT_WRONG_ACCOUNT:
        call->caller.account = STR("999988887777");
        call->caller.arn = STR("arn:aws:iam::999988887777:user/other");
        run_operation(call);
        return;
    default:
        run_operation(call);
        return;
    }
    finish_call(call);
}

/* Every GetEntitlements of an account counts towards its quota, whatever becomes of it. */
static bool is_over_quota(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;

    return strcmp(call->operation->name, "GetEntitlements") == 0 &&
           !call_log_admit(&sandbox->log, call->caller.account, sandbox->world.quota_per_second,
                           clock_mono_ms());
}

/* The faults may be cleared while the call waits. */
static void take_fault(struct call *call)
{
    call->fault = faults_take(&call->sandbox->faults, str_of(call->operation->name));
    call->fault.member = arena_str(&call->arena, call->fault.member);
}

static struct call *new_call(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call *call = mem_alloc_zero(sizeof(*call));

    call->sandbox = sandbox;
    call->exchange = exchange;
    call->finish = finish_call;
    TAILQ_INSERT_TAIL(&sandbox->calls, call, link);
    http_exchange_on_abandoned(exchange, on_abandoned, call);
    return call;
}

void door_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct call *call = new_call(sandbox, exchange);

    read_request(call);
    if (!call->answer.code && !call->operation->unsigned_call)
        check_signature(call);
    call->log_number = call_log_begin(&sandbox->log, str_of(call->operation->name),
                                      call->caller.account, call->request);
    if (!call->answer.code) {
        if (is_over_quota(call))
            refuse_as_throttled(call);
        else
            take_fault(call);
    }
    if (call->answer.code)
        finish_call(call);
    else
        run_with_fault(call);
    waits_check(sandbox);
}
