/* Questions to AWS as each daemon would put them: whose credentials it has, whether its call is
 * allowed, where the call goes, and AWS's time. All are under way at once. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/http/client/http_client.h"
#include "proto/settings/settings_aws.h"
#include "services/entitlectl/doctor/doctor.h"
#include "services/entitlectl/doctor/marketplace_region.h"

enum {
    GUARD_MS = 500,
    CLOCK_NOTABLE_S = 5,
    CLOCK_LIMIT_S = 300, /* beyond it AWS refuses signatures */
};

struct look *look_new(const struct look *look)
{
    struct look *copy = arena_alloc(&look->doctor->ctl->arena, sizeof(*copy));

    *copy = *look;
    return copy;
}

void look_finding(const struct look *look, enum finding_level level, const char *advice,
                  const char *format, ...)
{
    struct error text;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text.text, sizeof(text.text), format, arguments);
    va_end(arguments);
    findings_add(&look->doctor->findings, look->place, level, look->name, look->subject, advice,
                 "%s", text.text);
}

/* The Date of an answer is a whole second within the time that its attempt took, if both clocks are
 * right. */
static void note_clock(struct doctor *doctor, const struct aws_response *response)
{
    int64_t answered_at_s = response->answered_at_s, began_s = response->began_wall_ms / 1000;
    int64_t offset_s =
        answered_at_s < began_s ? answered_at_s - began_s : answered_at_s - clock_wall_s();

    if (answered_at_s == 0)
        return;
    if (answered_at_s >= began_s && offset_s < 0)
        offset_s = 0;
    doctor->heard = true;
    if (llabs(offset_s) > llabs(doctor->clock_offset_s))
        doctor->clock_offset_s = offset_s;
}

static void ended(struct look *look)
{
    struct doctor *doctor = look->doctor;

    look->call = NULL;
    loop_cancel(look->limit);
    look->limit = NULL;
    if (--doctor->under_way == 0)
        loop_stop(doctor->loop);
}

static void on_answer(void *arg, const struct aws_response *response)
{
    struct look *look = arg;

    note_clock(look->doctor, response);
    look->done(look, response);
    ended(look);
}

static void on_limit(void *arg)
{
    struct look *look = arg;

    look->limit = NULL;
    aws_call_cancel(look->call);
    look_finding(look, FINDING_WRONG, "is there a way out to AWS, and is it fast enough?",
                 "no answer within %.1f s", (double)look->doctor->limit_ms / 1000);
    ended(look);
}

static void begin(struct look *look)
{
    struct doctor *doctor = look->doctor;

    doctor->under_way++;
    look->limit = loop_after(doctor->loop, doctor->limit_ms + GUARD_MS, on_limit, look);
}

void look_ask(struct look *look, const struct aws_request *request)
{
    struct aws_request bounded = *request;

    bounded.deadline_ms = look->doctor->limit_ms;
    begin(look);
    look->call = aws_call(look->aws, &bounded, on_answer, look);
}

/* The services' codes for a missing permission ("Common error types"). */
static bool is_denied(struct str code)
{
    return str_starts_with(code, STR("AccessDenied")) || str_eq(code, STR("NotAuthorized")) ||
           str_eq(code, STR("OptInRequired")) || str_eq(code, STR("UnauthorizedOperation"));
}

void look_refused(const struct look *look, const struct aws_response *response)
{
    struct arena *arena = &look->doctor->ctl->arena;
    const char *colon = response->code.len > 0 ? ": " : "";
    enum finding_level level = FINDING_WRONG;
    const char *what = "AWS refuses", *advice = NULL;

    if (is_denied(response->code)) {
        what = "not allowed";
        advice = arena_printf(arena, "allow its role %s", look->permission).ptr;
    } else if (response->outcome == AWS_THROTTLED) {
        level = FINDING_UNKNOWN;
        what = "AWS throttles";
        advice = "try again later";
    } else if (response->http_status >= 500) {
        level = FINDING_UNKNOWN;
        what = "AWS fails";
        advice = "try again later";
    } else if (response->outcome == AWS_UNREACHABLE) {
        what = "AWS does not answer";
        advice = "is there a way out (name service, firewall, proxy), and is the address right?";
    } else if (response->outcome == AWS_CREDENTIALS) {
        what = "the credentials are not accepted";
        advice = "see the findings on credentials, region and clock";
    }
    look_finding(look, level, advice, "%s: " STR_FMT "%s" STR_FMT, what, STR_ARG(response->code),
                 colon, STR_ARG(response->message));
}

/* A daemon, as AWS sees it. */
struct daemon_look {
    const char *name;
    unsigned services;
    struct aws *aws; /* NULL: the configuration cannot be used */
    bool must_be_seller;
};

static void on_warning(void *arg, const char *sentence)
{
    const struct look *look = arg;

    look_finding(look, FINDING_WARNING, "correct it, or remove it", "%s", sentence);
}

static struct aws *open_daemon(struct doctor *doctor, const struct daemon_look *daemon,
                               const char *role_arn, const struct look *look)
{
    struct aws_options options = settings_aws_options(doctor->ctl->settings);
    struct error error = {""};
    struct aws *aws = NULL;

    settings_aws_role(&options, role_arn);
    options.services = daemon->services;
    options.on_warning = on_warning;
    options.on_warning_arg = (void *)(uintptr_t)look;
    if (aws_new(&aws, doctor->loop, &options, &error) < 0)
        findings_add(&doctor->findings, look->place, FINDING_WRONG, "credentials",
                     str_of(daemon->name), "correct [aws], or AWS's variables and files", "%s",
                     error.text);
    return aws;
}

static void on_identity(void *arg, const struct aws_response *response, struct str account,
                        struct str arn)
{
    struct look *look = arg;
    const struct daemon_look *daemon = look->about;
    const struct doctor *doctor = look->doctor;
    struct str source = aws_credentials_source(look->aws), seller = doctor->seller;

    note_clock(look->doctor, response);
    if (response->outcome != AWS_OK)
        look_refused(look, response);
    else if (seller.len == 0 || str_eq(account, seller))
        look_finding(look, FINDING_OK, NULL, STR_FMT " of account " STR_FMT ", from " STR_FMT,
                     STR_ARG(arn), STR_ARG(account), STR_ARG(source));
    else if (daemon->must_be_seller)
        look_finding(
            look, FINDING_WRONG,
            "give it credentials of the account that published the products, or a role_arn "
            "there",
            STR_FMT " of account " STR_FMT ", from " STR_FMT ": not the seller account " STR_FMT,
            STR_ARG(arn), STR_ARG(account), STR_ARG(source), STR_ARG(seller));
    else
        look_finding(look, FINDING_OK, NULL,
                     STR_FMT " of account " STR_FMT ", from " STR_FMT
                             ": not the seller account, which is good for a queue there",
                     STR_ARG(arn), STR_ARG(account), STR_ARG(source));
    ended(look);
}

static void look_at_credentials(struct doctor *doctor, struct daemon_look *daemon,
                                const char *role_arn)
{
    struct look *look = look_new(&(struct look){.doctor = doctor,
                                                .place = doctor_place(doctor),
                                                .name = "credentials",
                                                .subject = str_of(daemon->name),
                                                .permission = "sts:GetCallerIdentity",
                                                .about = daemon});

    daemon->aws = look->aws = open_daemon(doctor, daemon, role_arn, look);
    if (!look->aws)
        return;
    begin(look);
    look->call = aws_caller_identity(look->aws, on_identity, look);
}

/* AWS does not document its answer to a foreign product code: nothing, or a refusal. */
static void on_entitlements(void *arg, const struct aws_response *response)
{
    const struct look *look = arg;
    const struct settings_product *product = look->about;
    bool lists = json_count(json_get(response->body, "Entitlements")) > 0;

    if (response->outcome == AWS_OK && (lists || json_get(response->body, "NextToken")))
        look_finding(look, FINDING_OK, NULL, "allowed, and lists customers");
    else if (response->outcome == AWS_OK)
        look_finding(look, FINDING_WARNING,
                     "correct while there are no buyers; otherwise the code is another account's",
                     "allowed; it lists no customer of product code %s", product->code);
    else if (str_eq(response->code, STR("InvalidParameterException")))
        look_finding(look, FINDING_WRONG, "correct its code in the settings",
                     "AWS does not know product code %s for this account: " STR_FMT, product->code,
                     STR_ARG(response->message));
    else
        look_refused(look, response);
}

/* The count of products that may be asked about. The store counts the calls of the whole suite
 * against AWS's quota; while it is away, the doctor's are not counted. */
static size_t take_tokens(struct doctor *doctor)
{
    const struct quota_params params = {.class = DUE_MAX_AGE};
    size_t wanted = doctor->ctl->settings->products.count, count = 0;
    const void *result;

    while (count < wanted && (doctor->store_away || ctl_ask_store(doctor->ctl, METHOD_store_quota,
                                                                  &params, &result) == EXIT_DONE))
        count++;
    return count;
}

static void look_at_product(struct doctor *doctor, const struct settings_product *product,
                            struct aws *aws, bool has_token)
{
    struct look *look = look_new(&(struct look){.doctor = doctor,
                                                .place = doctor_place(doctor),
                                                .name = "get_entitlements",
                                                .subject = str_of(product->label),
                                                .aws = aws,
                                                .permission = "aws-marketplace:GetEntitlements",
                                                .done = on_entitlements,
                                                .about = product});
    cleanup(buf_done) struct buf body = BUF_INIT;
    cleanup(json_freep) struct json *ask = json_new_object();

    if (!aws)
        return;
    if (!has_token) {
        look_finding(look, FINDING_UNKNOWN, "try again later",
                     "the quota of GetEntitlements is used up");
        return;
    }
    json_set_str(ask, "ProductCode", str_of(product->code));
    json_set_integer(ask, "MaxResults", 1);
    json_write(ask, &body);
    look_ask(look, &(struct aws_request){.service = AWS_ENTITLEMENT,
                                         .operation = "GetEntitlements",
                                         .body = buf_str(&body),
                                         .max_attempts = 1});
}

/* A caller with permission is told that the token is invalid; others are refused. */
static void on_resolved(void *arg, const struct aws_response *response)
{
    const struct look *look = arg;

    if (response->outcome == AWS_OK ||
        (response->outcome == AWS_ERROR && (str_eq(response->code, STR("InvalidTokenException")) ||
                                            str_eq(response->code, STR("ExpiredTokenException")))))
        look_finding(look, FINDING_OK, NULL, "allowed (AWS refused a made-up token as such)");
    else if (str_eq(response->code, STR("DisabledApiException")))
        look_finding(look, FINDING_WRONG, "set region = us-east-1 in [aws]",
                     "the call is switched off in this region: " STR_FMT,
                     STR_ARG(response->message));
    else
        look_refused(look, response);
}

static void look_at_registration(struct doctor *doctor, struct aws *aws)
{
    struct look *look = look_new(&(struct look){.doctor = doctor,
                                                .place = doctor_place(doctor),
                                                .name = "resolve_customer",
                                                .aws = aws,
                                                .permission = "aws-marketplace:ResolveCustomer",
                                                .done = on_resolved});

    if (aws)
        look_ask(look, &(struct aws_request){
                           .service = AWS_METERING,
                           .operation = "ResolveCustomer",
                           .body = STR("{\"RegistrationToken\":\"entitlectl-doctor-no-token\"}")});
}

/* After the answers: an instance may have named its region meanwhile. */
static void look_at_region(struct doctor *doctor, size_t place, enum aws_service service,
                           const struct daemon_look *daemon)
{
    if (!daemon->aws)
        return;
    struct region_verdict verdict = marketplace_region_judge(
        service, aws_region(daemon->aws), aws_endpoint(daemon->aws, service), &doctor->ctl->arena);
    findings_add(&doctor->findings, place, verdict.level, "region", str_of(daemon->name),
                 verdict.advice, STR_FMT, STR_ARG(verdict.text));
}

static void look_at_clock(struct doctor *doctor, size_t place)
{
    int64_t offset_s = doctor->clock_offset_s;
    enum finding_level level = llabs(offset_s) >= CLOCK_LIMIT_S     ? FINDING_WRONG
                               : llabs(offset_s) >= CLOCK_NOTABLE_S ? FINDING_WARNING
                                                                    : FINDING_OK;

    if (!doctor->heard)
        findings_add(&doctor->findings, place, FINDING_UNKNOWN, "clock", STR_NONE, NULL,
                     "no answer of AWS contained the time");
    else if (level == FINDING_OK)
        findings_add(&doctor->findings, place, level, "clock", STR_NONE, NULL,
                     "agrees with AWS's (%" PRId64 " s apart)", offset_s);
    else
        findings_add(
            &doctor->findings, place, level, "clock", STR_NONE,
            "set it, and keep it set (chrony, systemd-timesyncd): dates are compared with it",
            "this machine's is %" PRId64 " s %s AWS's", (int64_t)llabs(offset_s),
            offset_s > 0 ? "behind" : "ahead of");
}

static struct aws *open_queue(struct doctor *doctor, const struct settings_queue *queue)
{
    struct aws_options options =
        settings_aws_queue(doctor->ctl->settings, queue, &doctor->ctl->arena);
    struct error error = {""};
    struct aws *aws = NULL;

    if (aws_new(&aws, doctor->loop, &options, &error) < 0)
        findings_add(&doctor->findings, doctor_place(doctor), FINDING_WRONG, "queue",
                     str_of(queue->label), "correct [aws], or AWS's variables and files", "%s",
                     error.text);
    return aws;
}

void doctor_look_at_aws(struct doctor *doctor)
{
    const struct settings *settings = doctor->ctl->settings;
    struct daemon_look checker = {
        .name = "checker", .services = AWS_CALLS(AWS_ENTITLEMENT), .must_be_seller = true};
    struct daemon_look registrar = {
        .name = "registrar", .services = AWS_CALLS(AWS_METERING), .must_be_seller = true};
    struct daemon_look poller = {.name = "poller", .services = AWS_CALLS(AWS_SQS)};
    struct aws **queues =
        arena_alloc_array(&doctor->ctl->arena, settings->queues.count + 1, sizeof(*queues));

    /* First, while no call is under way: waiting must not use up their time limits. */
    size_t tokens = take_tokens(doctor);
    doctor->loop = loop_new();
    look_at_credentials(doctor, &checker, settings->checker.role_arn);
    look_at_credentials(doctor, &registrar, settings->registrar.role_arn);
    if (settings->queues.count > 0)
        look_at_credentials(doctor, &poller, settings->poller.role_arn);
    size_t regions = doctor_place(doctor);
    for (size_t i = 0; i < settings->products.count; i++)
        look_at_product(doctor, settings_product_at(settings, i), checker.aws, i < tokens);
    look_at_registration(doctor, registrar.aws);
    for (size_t i = 0; i < settings->queues.count; i++) {
        const struct settings_queue *queue = settings_queue_at(settings, i);
        queues[i] = open_queue(doctor, queue);
        if (queues[i])
            doctor_look_at_queue(doctor, queue, queues[i]);
    }
    struct http_client *certificates = doctor_look_at_certificates(doctor);
    if (doctor->under_way > 0)
        loop_run(doctor->loop);
    look_at_region(doctor, regions, AWS_ENTITLEMENT, &checker);
    look_at_region(doctor, regions, AWS_METERING, &registrar);
    look_at_clock(doctor, doctor_place(doctor));
    http_client_free(certificates);
    for (size_t i = 0; i < settings->queues.count; i++)
        aws_free(queues[i]);
    aws_free(poller.aws);
    aws_free(registrar.aws);
    aws_free(checker.aws);
    loop_free(doctor->loop);
}
