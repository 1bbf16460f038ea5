/* A queue: whether it can be read, where it is, what waits in it, who may send to it, and its
 * dead-letter queue. One call of GetQueueAttributes for each of the two. */
#include <inttypes.h>

#include "common/aws/arn/arn.h"
#include "common/base/mem.h"
#include "proto/settings/queue_url.h"
#include "services/entitlectl/doctor/doctor.h"
#include "services/entitlectl/doctor/marketplace_region.h"
#include "services/entitlectl/doctor/queue_policy.h"
#include "services/entitlectl/print/format.h"

/* As docs/operations.md recommends. */
enum { RETENTION_S = 14 * 86400, RECEIVES = 10 };

#define PERMISSION "sqs:GetQueueAttributes on the queue"

static int64_t number_of(const struct json *attributes, const char *name, int64_t fallback)
{
    int64_t number = fallback;

    str_to_i64(json_get_str(attributes, name), &number);
    return number;
}

static void ask_attributes(struct look *look, struct str url)
{
    cleanup(buf_done) struct buf body = BUF_INIT;
    cleanup(json_freep) struct json *ask = json_new_object();
    struct json *names = json_new_array();

    json_add(names, json_new_str(STR("All")));
    json_set_str(ask, "QueueUrl", url);
    json_set(ask, "AttributeNames", names);
    json_write(ask, &body);
    look_ask(look, &(struct aws_request){.service = AWS_SQS,
                                         .operation = "GetQueueAttributes",
                                         .body = buf_str(&body)});
}

static void on_dead_letters(void *arg, const struct aws_response *response)
{
    const struct look *look = arg;
    const char *described = look->about;
    const struct json *attributes = json_get(response->body, "Attributes");
    int64_t waiting = number_of(attributes, "ApproximateNumberOfMessages", 0);

    if (response->outcome == AWS_OK && waiting > 0)
        look_finding(look, FINDING_WARNING,
                     "correct what the poller's log reports, then redrive them",
                     "%" PRId64 " messages lie in it (%s)", waiting, described);
    else if (response->outcome == AWS_OK)
        look_finding(look, FINDING_OK, NULL, "empty (%s)", described);
    else if (str_eq(response->code, STR("QueueDoesNotExist")))
        look_finding(look, FINDING_WARNING, "make it, or name another in the redrive policy",
                     "it does not exist (%s)", described);
    else
        look_finding(look, FINDING_OK, NULL, "it exists (%s), but its contents may not be read",
                     described);
}

/* The URL with other last two parts: account and name, as the ARN has them. */
static struct str url_of_arn(struct str text, struct str beside, struct arena *arena)
{
    struct arn arn;
    size_t slashes = 0, end = beside.len;

    arn_split(text, &arn);
    while (end > 0 && slashes < 2)
        slashes += beside.ptr[--end] == '/';
    return arena_printf(arena, STR_FMT "/" STR_FMT "/" STR_FMT, (int)end, beside.ptr,
                        STR_ARG(arn.account), STR_ARG(arn.resource));
}

static void look_at_dead_letters(const struct look *of, const struct json *attributes)
{
    const struct settings_queue *queue = of->about;
    struct arena *arena = &of->doctor->ctl->arena;
    struct redrive redrive = redrive_read(json_get_str(attributes, "RedrivePolicy"), arena);
    struct look *look = look_new(of);

    look->name = "dead_letter_queue";
    if (redrive.target_arn.len == 0) {
        look_finding(look, FINDING_WARNING,
                     "give it a redrive policy with a maxReceiveCount of 10 or more",
                     "there is no dead-letter queue: a message that cannot be handled returns "
                     "until it expires, and is lost");
        return;
    }
    if (redrive.receives < RECEIVES)
        look_finding(look, FINDING_WARNING, "set its maxReceiveCount to 10 or more",
                     "messages go there after %" PRId64 " receives: a short outage of the store "
                     "or of SNS's certificates may be enough",
                     redrive.receives);
    look->about = arena_printf(arena, STR_FMT ", after %" PRId64 " receives",
                               STR_ARG(redrive.target_arn), redrive.receives)
                      .ptr;
    look->done = on_dead_letters;
    ask_attributes(look, url_of_arn(redrive.target_arn, str_of(queue->url), arena));
}

/* Only AWS could let services use its own key, and its policy names none ("Encryption at rest in
 * Amazon SQS", developer guide; "Configure KMS permissions for AWS services"). */
static void look_at_key(const struct look *look, const struct json *attributes)
{
    if (str_eq(json_get_str(attributes, "KmsMasterKeyId"), STR("alias/aws/sqs")))
        look_finding(
            look, FINDING_WARNING,
            "encrypt it with SSE-SQS, or with a key of your own whose policy lets in "
            "sns.amazonaws.com and events.amazonaws.com",
            "is encrypted with the key alias/aws/sqs, which neither SNS nor EventBridge may "
            "use: nothing arrives");
}

static void look_at_policy(const struct look *of, const struct json *attributes)
{
    const struct settings_queue *queue = of->about;
    struct look look = *of;
    struct queue_policy_verdict verdict = queue_policy_judge(
        &(struct queue_policy_question){.policy = json_get_str(attributes, "Policy"),
                                        .queue_arn = json_get_str(attributes, "QueueArn"),
                                        .topic_arns = queue->topic_arns},
        &of->doctor->ctl->arena);

    look.name = "queue_policy";
    look_finding(&look, verdict.level, verdict.advice, STR_FMT, STR_ARG(verdict.text));
}

static void on_attributes(void *arg, const struct aws_response *response)
{
    const struct look *look = arg;
    const struct json *attributes = json_get(response->body, "Attributes");
    int64_t retention_s = number_of(attributes, "MessageRetentionPeriod", RETENTION_S);
    cleanup(buf_done) struct buf kept = BUF_INIT;

    if (response->outcome != AWS_OK && str_eq(response->code, STR("QueueDoesNotExist"))) {
        look_finding(look, FINDING_WRONG, "correct its url, or its region in the settings",
                     "there is no such queue for these credentials: " STR_FMT,
                     STR_ARG(response->message));
        return;
    }
    if (response->outcome != AWS_OK) {
        look_refused(look, response);
        return;
    }
    look_finding(look, FINDING_OK, NULL,
                 "readable; about %" PRId64 " messages wait, %" PRId64 " are being read",
                 number_of(attributes, "ApproximateNumberOfMessages", 0),
                 number_of(attributes, "ApproximateNumberOfMessagesNotVisible", 0));
    format_span(&kept, retention_s);
    if (retention_s < RETENTION_S)
        look_finding(look, FINDING_WARNING, "set its retention to 14 days",
                     "keeps messages for %s only: a longer outage here loses them", kept.data);
    look_at_key(look, attributes);
    look_at_policy(look, attributes);
    look_at_dead_letters(look, attributes);
}

/* Findings from the settings alone. */
static void look_at_region(const struct look *look, const struct settings_queue *queue)
{
    struct str named = queue_url_region(str_of(queue->url)), region = aws_region(look->aws);
    struct str home = marketplace_home(region);

    if (named.len > 0 && !str_eq_nocase(named, region))
        look_finding(look, FINDING_WRONG, "leave region out of its section, or correct its url",
                     "its url says " STR_FMT ", and calls are signed for " STR_FMT, STR_ARG(named),
                     STR_ARG(region));
    else if (!str_eq(region, home))
        look_finding(look, FINDING_WARNING,
                     "for new listings, have the rule there send to a bus here, or move the queue",
                     "is in " STR_FMT ", and AWS Marketplace's events are in " STR_FMT
                     ", where a rule reaches only queues of the same region",
                     STR_ARG(region), STR_ARG(home));
}

void doctor_look_at_queue(struct doctor *doctor, const struct settings_queue *queue,
                          struct aws *aws)
{
    struct look *look = look_new(&(struct look){.doctor = doctor,
                                                .place = doctor_place(doctor),
                                                .name = "queue",
                                                .subject = str_of(queue->label),
                                                .aws = aws,
                                                .permission = PERMISSION,
                                                .done = on_attributes,
                                                .about = queue});

    look_at_region(look, queue);
    ask_attributes(look, str_of(queue->url));
}
