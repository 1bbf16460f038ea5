#include "services/poller/message.h"

#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/json/json.h"

/* Where a value stands in a message, and where it goes. The first that is there counts. */
struct member {
    const char *path;
    size_t offset;
};

#define MEMBER(path, field)                                                                        \
    {                                                                                              \
        (path), offsetof(struct notification, field)                                               \
    }

/* EventBridge user guide, "Archiving and replaying events": what a replay sends has its name in
 * replay-name. AWS Marketplace seller guide, "Amazon EventBridge events for AWS Marketplace":
 * licence and agreement events; cancellation requests name account and offer inside `agreement`.
 * license.id is read by an older AWS sample. */
static const struct member event_members[] = {
    MEMBER("account", seller_account),
    MEMBER("replay-name", replay),
    MEMBER("detail.product.code", product_code),
    MEMBER("detail.acceptor.accountId", account_id),
    MEMBER("detail.agreement.acceptorId", account_id),
    MEMBER("detail.license.arn", license),
    MEMBER("detail.license.id", license),
    MEMBER("detail.agreement.id", agreement_id),
    MEMBER("detail.agreement.previousAgreementId", previous_agreement_id),
    MEMBER("detail.offer.id", offer_id),
    MEMBER("detail.agreement.offerId", offer_id),
    MEMBER("detail.agreement.intent", intent),
    MEMBER("detail.agreement.status", status),
    MEMBER("detail.requestId", request_id),
    {NULL, 0},
};

/* AWS Marketplace seller guide, "Amazon SNS notifications for SaaS products"; the second spellings
 * are those of its 2019 edition. */
static const struct member sns_members[] = {
    MEMBER("product-code", product_code),
    MEMBER("ProductCode", product_code),
    MEMBER("customer-identifier", customer_identifier),
    MEMBER("CustomerIdentifier", customer_identifier),
    MEMBER("offer-identifier", offer_id),
    {NULL, 0},
};

struct meaning {
    const char *type;
    enum event_kind kind;
};

static const struct meaning event_meanings[] = {
    {"License Updated", EVENT_LICENSE_UPDATED},
    {"License Deprovisioned", EVENT_LICENSE_DEPROVISIONED},
    {"Purchase Agreement Created", EVENT_AGREEMENT_CREATED},
    {"Purchase Agreement Amended", EVENT_AGREEMENT_AMENDED},
    {"Purchase Agreement Ended", EVENT_AGREEMENT_ENDED},
    {NULL, EVENT_OTHER},
};

static const struct meaning sns_meanings[] = {
    {"entitlement-updated", EVENT_ENTITLEMENT_UPDATED},
    {"subscribe-success", EVENT_SUBSCRIBE_SUCCESS},
    {"subscribe-fail", EVENT_SUBSCRIBE_FAIL},
    {"unsubscribe-pending", EVENT_UNSUBSCRIBE_PENDING},
    {"unsubscribe-success", EVENT_UNSUBSCRIBE_SUCCESS},
    {NULL, EVENT_OTHER},
};

static enum event_kind meaning_of(const struct meaning *meanings, struct str type)
{
    while (meanings->type && !str_eq_text(type, meanings->type))
        meanings++;
    return meanings->kind;
}

static void read_members(const struct member *members, const struct json *root, struct arena *arena,
                         struct notification *ret)
{
    for (const struct member *member = members; member->path; member++) {
        struct str *text = (struct str *)((char *)ret + member->offset);
        struct str value = str_trim(json_str(json_path(root, member->path)));
        if (str_is_empty(*text) && !str_is_empty(value))
            *text = arena_str(arena, value);
    }
}

static void read_time(struct str text, struct notification *ret)
{
    int64_t time_s = 0;

    if (clock_parse_iso8601(text, &time_s) == 0)
        ret->event_time = time_s;
}

/* The role ("- Proposer", "- Manufacturer") does not change what an event means. */
static struct str without_role(struct str detail_type)
{
    static const struct str separator = STR_INIT(" - ");

    for (size_t i = 0; i + separator.len <= detail_type.len; i++) {
        struct str rest = str_from(detail_type.ptr + i, detail_type.len - i);
        if (str_starts_with(rest, separator))
            return str_trim(str_from(detail_type.ptr, i));
    }
    return detail_type;
}

static bool has(const struct config_list *list, struct str word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq_text(word, list->items[i]))
            return true;
    }
    return list->count == 0;
}

static void check_event(const struct json *event, const struct message_owner *owner,
                        struct arena *arena, struct notification *ret)
{
    struct str source = json_get_str(event, "source");
    struct str account = json_get_str(event, "account");

    if (!str_eq(source, STR("aws.agreement-marketplace"))) {
        ret->kind = EVENT_OTHER;
        ret->problem =
            arena_printf(arena, "An event of source '" STR_FMT "', not aws.agreement-marketplace.",
                         STR_ARG(source));
    } else if (!has(&owner->seller_accounts, account)) {
        ret->problem = arena_printf(arena,
                                    "An event of account '" STR_FMT
                                    "', which is not the seller account of the settings.",
                                    STR_ARG(account));
    } else if (ret->kind != EVENT_OTHER && str_is_empty(ret->license) &&
               str_is_empty(ret->agreement_id) && str_is_empty(ret->account_id)) {
        ret->problem = STR("The event names neither a licence nor an agreement nor an account.");
    }
}

static void read_event(const struct json *event, const struct message_owner *owner,
                       struct arena *arena, struct notification *ret)
{
    struct str id = json_get_str(event, "id");

    ret->type = arena_str(arena, str_trim(json_get_str(event, "detail-type")));
    ret->kind = meaning_of(event_meanings, without_role(ret->type));
    if (!str_is_empty(id))
        ret->event_id = arena_str(arena, id);
    read_time(json_get_str(event, "time"), ret);
    read_members(event_members, event, arena, ret);
    check_event(event, owner, arena, ret);
}

/* AWS's documents show a JSON string, "true" or "false". */
static bool is_true(const struct json *value)
{
    bool truth = false;

    return json_bool(value, &truth) ? truth : str_eq_nocase(str_trim(json_str(value)), STR("true"));
}

static void read_action(const struct json *message, struct arena *arena, struct notification *ret)
{
    ret->type = arena_str(arena, str_trim(json_get_str(message, "action")));
    ret->kind = meaning_of(sns_meanings, ret->type);
    ret->free_trial = is_true(json_get(message, "isFreeTrialTermPresent"));
    read_members(sns_members, message, arena, ret);
    if (ret->kind == EVENT_OTHER)
        return;
    if (str_is_empty(ret->customer_identifier))
        ret->problem = STR("The notification names no customer-identifier.");
    else if (str_is_empty(ret->product_code))
        ret->problem = STR("The notification names no product-code.");
}

static bool is_event(const struct json *root)
{
    return !str_is_empty(json_get_str(root, "detail-type")) &&
           !str_is_empty(json_get_str(root, "source"));
}

static bool is_action(const struct json *root)
{
    return !str_is_empty(json_get_str(root, "action"));
}

/* "Amazon SNS notifications for SaaS products": the names of AWS Marketplace's topics. Its account
 * is not documented, so only topic_arns can tell its topic from another one by such a name. */
static bool is_marketplace_topic(struct str text)
{
    struct arn arn;

    return arn_split(text, &arn) &&
           (str_starts_with(arn.resource, STR("aws-mp-entitlement-notification-")) ||
            str_starts_with(arn.resource, STR("aws-mp-subscription-notification-")));
}

static void check_topic(const struct json *envelope, const struct message_owner *owner,
                        struct arena *arena, struct notification *ret)
{
    struct str topic = json_get_str(envelope, "TopicArn");
    bool listed = owner->topic_arns.count > 0;

    if (listed ? has(&owner->topic_arns, topic) : is_marketplace_topic(topic))
        return;
    ret->problem = arena_printf(
        arena, "Its topic '" STR_FMT "' is %s.", STR_ARG(topic),
        listed ? "none of topic_arns"
               : "it has no name like AWS Marketplace's topics, and topic_arns is empty");
}

static void read_envelope(const struct json *envelope, const struct message_owner *owner,
                          struct arena *arena, struct notification *ret)
{
    cleanup(json_freep) struct json *message = NULL;
    struct error error;

    ret->source = SOURCE_SNS;
    ret->event_id = arena_str(arena, json_get_str(envelope, "MessageId"));
    read_time(json_get_str(envelope, "Timestamp"), ret);
    if (json_parse(&message, json_get_str(envelope, "Message"), &error) < 0)
        ret->problem = arena_printf(arena, "The Message of the SNS envelope is %s.", error.text);
    else if (is_event(message))
        read_event(message, owner, arena, ret);
    else if (is_action(message))
        read_action(message, arena, ret);
    else
        ret->problem = STR("The Message of the SNS envelope is neither an event nor an action.");
    if (str_is_empty(ret->problem))
        check_topic(envelope, owner, arena, ret);
}

/* SNS developer guide: SubscriptionConfirmation and UnsubscribeConfirmation. */
static void read_confirmation(const struct json *envelope, struct arena *arena,
                              struct notification *ret)
{
    ret->source = SOURCE_SNS;
    ret->type = arena_str(arena, json_get_str(envelope, "Type"));
    ret->event_id = arena_str(arena, json_get_str(envelope, "MessageId"));
    read_time(json_get_str(envelope, "Timestamp"), ret);
    ret->problem = arena_printf(arena,
                                "SNS wants an operator to confirm the subscription or its end; "
                                "topic '" STR_FMT "'.",
                                STR_ARG(json_get_str(envelope, "TopicArn")));
}

static void read_root(const struct json *root, const struct message_owner *owner,
                      struct arena *arena, struct notification *ret)
{
    struct str type = json_get_str(root, "Type");

    if (is_event(root)) {
        ret->source = SOURCE_EVENTBRIDGE;
        read_event(root, owner, arena, ret);
    } else if (str_eq(type, STR("Notification")) &&
               json_kind(json_get(root, "Message")) == JSON_KIND_STRING) {
        read_envelope(root, owner, arena, ret);
    } else if (!str_is_empty(json_get_str(root, "TopicArn")) &&
               str_ends_with(type, STR("Confirmation"))) {
        read_confirmation(root, arena, ret);
    } else if (is_action(root)) {
        ret->source = SOURCE_SNS_RAW;
        read_action(root, arena, ret);
    } else {
        ret->problem = STR("Neither an EventBridge event nor an SNS notification.");
    }
}

/* Cuts between characters. */
static struct str shortened(struct str text, size_t limit)
{
    if (text.len <= limit)
        return text;
    while (limit > 0 && ((unsigned char)text.ptr[limit] & 0xC0) == 0x80)
        limit--;
    return str_from(text.ptr, limit);
}

/* The store refuses what is longer than messages.def allows, again and again: such a message would
 * never leave the queue. */
static void keep_within_limits(struct arena *arena, struct notification *ret)
{
    for (size_t i = 0; i < shape_notification.field_count; i++) {
        const struct field *field = &shape_notification.fields[i];
        struct str *text = (struct str *)((char *)ret + field->offset);
        if (field->kind != FIELD_TEXT || text->len <= field->limit)
            continue;
        if (text == &ret->problem) {
            *text = shortened(*text, field->limit);
        } else {
            ret->problem = arena_printf(arena, "Its %s has %zu bytes; at most %zu are taken.",
                                        field->name, text->len, field->limit);
            *text = STR_NONE;
        }
    }
}

static size_t body_limit(void)
{
    for (size_t i = 0; i < shape_notification.field_count; i++) {
        const struct field *field = &shape_notification.fields[i];
        if (field->offset == offsetof(struct notification, body))
            return field->limit;
    }
    return 0;
}

void message_read(struct str body, const struct message_owner *owner, struct arena *arena,
                  struct notification *ret)
{
    cleanup(json_freep) struct json *root = NULL;
    struct error error;

    *ret = (struct notification){.source = SOURCE_UNKNOWN, .kind = EVENT_OTHER};
    ret->body = body;
    if (body.len > body_limit()) {
        ret->problem =
            arena_printf(arena, "It has %zu bytes; only its beginning is kept.", body.len);
        ret->body.len = body_limit();
    } else if (json_parse(&root, body, &error) < 0) {
        ret->problem = arena_printf(arena, "It is %s.", error.text);
    } else {
        read_root(root, owner, arena, ret);
    }
    keep_within_limits(arena, ret);
}

/* The sender's id goes too: it could be that of another message, which would then look like a
 * repetition. */
void message_refuse(const struct notification *from, struct str problem, struct arena *arena,
                    struct notification *ret)
{
    message_strip(from, problem, arena, ret);
    ret->event_id = from->message_id;
}

void message_strip(const struct notification *from, struct str problem, struct arena *arena,
                   struct notification *ret)
{
    *ret = (struct notification){
        .queue = from->queue,
        .message_id = from->message_id,
        .event_id = from->event_id,
        .source = from->source,
        .kind = EVENT_OTHER,
        .event_time = from->event_time,
        .problem = problem,
        .trace = from->trace,
        .body = from->body,
    };
    keep_within_limits(arena, ret);
}
