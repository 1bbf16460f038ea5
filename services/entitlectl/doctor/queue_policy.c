#include "services/entitlectl/doctor/queue_policy.h"

#include <ctype.h>
#include <string.h>

#include "common/aws/arn/arn.h"
#include "common/base/mem.h"

struct who {
    bool everyone, sns, events;
};

/* What a statement's conditions say about the origin of a message. */
struct origin {
    bool by_arn;    /* the topic or rule is named: ... */
    bool topics;    /* ... topics are among them, ... */
    bool any_topic; /* ... of any account */
    bool rules, any_rule;
    bool by_owner; /* the account of the topic or rule is named */
    bool by_place; /* the direct sender is restricted: no service is meant */
    bool negative; /* "not from there" */
    bool conditional;
    struct str asked; /* a topic: would it pass? */
    bool passes;
};

/* The sum of all statements. */
struct view {
    const struct queue_policy_question *question;
    const struct json *statements; /* an array, or one object */
    bool everyone, sns, any_topic, events, any_rule;
    bool all_denied, sns_denied, events_denied;
    bool narrowed; /* a Deny excludes senders that do not come from a given origin */
};

static bool same_letter(char a, char b, bool any_case)
{
    return any_case ? tolower((unsigned char)a) == tolower((unsigned char)b) : a == b;
}

/* Backtracks to the last '*' only, so that no pattern takes long. */
bool pattern_fits(struct str pattern, struct str text, bool any_case)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len &&
                   (pattern.ptr[p] == '?' || same_letter(pattern.ptr[p], text.ptr[t], any_case))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* A member is one value or a list of them. */
static size_t value_count(const struct json *member)
{
    enum json_kind kind = json_kind(member);

    if (kind == JSON_KIND_ARRAY)
        return json_count(member);
    return kind == JSON_KIND_STRING ? 1 : 0;
}

static struct str value_at(const struct json *member, size_t index)
{
    return json_str(json_kind(member) == JSON_KIND_ARRAY ? json_at(member, index) : member);
}

static bool any_fits(const struct json *patterns, struct str text, bool any_case)
{
    for (size_t i = 0; i < value_count(patterns); i++) {
        if (pattern_fits(value_at(patterns, i), text, any_case))
            return true;
    }
    return false;
}

static bool is_about_sending(const struct json *statement)
{
    const struct json *not_these = json_get(statement, "NotAction");

    if (not_these)
        return !any_fits(not_these, STR("sqs:SendMessage"), true);
    return any_fits(json_get(statement, "Action"), STR("sqs:SendMessage"), true);
}

static bool is_about_queue(const struct json *statement, struct str queue_arn)
{
    const struct json *these = json_get(statement, "Resource");
    const struct json *not_these = json_get(statement, "NotResource");

    if (str_is_empty(queue_arn))
        return true;
    if (not_these)
        return !any_fits(not_these, queue_arn, false);
    return !these || any_fits(these, queue_arn, false);
}

static struct who who_of(const struct json *statement)
{
    const struct json *principal = json_get(statement, "Principal");
    const struct json *accounts = json_get(principal, "AWS");
    const struct json *named = json_get(principal, "Service");
    struct who who = {.everyone = json_get(statement, "NotPrincipal") != NULL ||
                                  str_eq(json_str(principal), STR("*"))};

    for (size_t i = 0; i < value_count(accounts); i++)
        who.everyone = who.everyone || str_eq(value_at(accounts, i), STR("*"));
    for (size_t i = 0; i < value_count(named); i++) {
        struct str service = value_at(named, i);
        who.sns = who.sns || pattern_fits(STR("sns.*amazonaws*"), service, true);
        who.events = who.events || pattern_fits(STR("events.*amazonaws*"), service, true);
    }
    return who;
}

/* The service and the account that a pattern of ARNs is for; parts that it leaves out may be
 * anything. */
static void read_arn(struct str pattern, struct origin *origin)
{
    struct arn arn;

    arn_split(pattern, &arn);
    struct str service = arn.parts > 2 ? arn.service : STR("*");
    struct str account = arn.parts > 4 ? arn.account : STR("*");
    bool any_account = account.len == 0 || memchr(account.ptr, '*', account.len) ||
                       memchr(account.ptr, '?', account.len);
    bool topic = pattern_fits(service, STR("sns"), false);
    bool rule = pattern_fits(service, STR("events"), false);
    origin->topics = origin->topics || topic;
    origin->any_topic = origin->any_topic || (topic && any_account);
    origin->rules = origin->rules || rule;
    origin->any_rule = origin->any_rule || (rule && any_account);
}

static struct str account_of(struct str text)
{
    struct arn arn;

    arn_split(text, &arn);
    return arn.account;
}

static bool is_one_of(struct str text, const char *const *list)
{
    while (*list && !str_eq_nocase(text, str_of(*list)))
        list++;
    return *list != NULL;
}

static const char *const owner_keys[] = {"aws:SourceAccount", "aws:SourceOwner", "aws:SourceOrgID",
                                         "aws:SourceOrgPaths", NULL};
static const char *const place_keys[] = {"aws:PrincipalArn",   "aws:PrincipalAccount",
                                         "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
                                         "aws:userid",         "aws:SourceIp",
                                         "aws:SourceVpc",      "aws:SourceVpce",
                                         "aws:VpcSourceIp",    NULL};

/* A condition that every message meets. */
static bool narrows(const struct json *values)
{
    for (size_t i = 0; i < value_count(values); i++) {
        struct str value = value_at(values, i);
        if (pattern_fits(value, STR("?"), false) || str_eq(value, STR("0.0.0.0/0")) ||
            str_eq(value, STR("::/0")))
            return false;
    }
    return true;
}

static void read_from(void *arg, struct str key, const struct json *values)
{
    struct origin *origin = arg;

    if (!narrows(values))
        return;
    if (str_eq_nocase(key, STR("aws:SourceArn"))) {
        origin->by_arn = true;
        origin->passes = origin->passes && any_fits(values, origin->asked, false);
        for (size_t i = 0; i < value_count(values); i++)
            read_arn(value_at(values, i), origin);
    } else if (is_one_of(key, owner_keys)) {
        bool account = is_one_of(key, (const char *const[]){owner_keys[0], owner_keys[1], NULL});
        origin->by_owner = true;
        origin->passes =
            origin->passes && (!account || any_fits(values, account_of(origin->asked), false));
    } else if (is_one_of(key, place_keys)) {
        origin->by_place = true;
    }
}

static void read_not_from(void *arg, struct str key, const struct json *values)
{
    struct origin *origin = arg;

    if (narrows(values) && (str_eq_nocase(key, STR("aws:SourceArn")) ||
                            is_one_of(key, owner_keys) || is_one_of(key, place_keys)))
        origin->negative = true;
}

/* With IfExists or ForAllValues, a message without the key meets a positive condition, so the
 * condition restricts nothing ("IAM JSON policy elements: Condition operators"). */
static void read_operator(void *arg, struct str name, const struct json *keys)
{
    static const char *const positive[] = {"StringEquals",
                                           "StringEqualsIgnoreCase",
                                           "StringLike",
                                           "ArnEquals",
                                           "ArnLike",
                                           "IpAddress",
                                           NULL};
    static const char *const negative[] = {"StringNotEquals",
                                           "StringNotEqualsIgnoreCase",
                                           "StringNotLike",
                                           "ArnNotEquals",
                                           "ArnNotLike",
                                           "NotIpAddress",
                                           NULL};
    struct origin *origin = arg;
    struct str any = STR("ForAnyValue:"), exists = STR("IfExists"), base = name;

    origin->conditional = true;
    if (base.len > any.len && str_eq_nocase(str_from(base.ptr, any.len), any))
        base = str_from(base.ptr + any.len, base.len - any.len);
    if (is_one_of(base, positive)) {
        json_each(keys, read_from, origin);
        return;
    }
    if (base.len > exists.len &&
        str_eq_nocase(str_from(base.ptr + base.len - exists.len, exists.len), exists))
        base.len -= exists.len;
    if (is_one_of(base, negative))
        json_each(keys, read_not_from, origin);
}

static struct origin origin_of(const struct json *statement, struct str asked)
{
    struct origin origin = {.asked = asked, .passes = true};

    json_each(json_get(statement, "Condition"), read_operator, &origin);
    return origin;
}

static bool concerns(const struct view *view, const struct json *statement)
{
    return is_about_sending(statement) && is_about_queue(statement, view->question->queue_arn);
}

static void add_allow(struct view *view, const struct who *who, const struct origin *from)
{
    bool anywhere = !from->by_arn && !from->by_owner;
    bool topics = from->by_arn ? from->topics : who->sns || from->by_owner;
    bool rules = from->by_arn ? from->rules : who->events || from->by_owner;

    if (from->by_place)
        return;
    if (who->everyone && anywhere) {
        view->everyone = view->sns = view->events = true;
        return;
    }
    if ((who->everyone || who->sns) && topics) {
        view->sns = true;
        view->any_topic = view->any_topic || anywhere || (from->any_topic && !from->by_owner);
    }
    if ((who->everyone || who->events) && rules) {
        view->events = true;
        view->any_rule = view->any_rule || anywhere || (from->any_rule && !from->by_owner);
    }
}

static void add_deny(struct view *view, const struct json *statement, const struct who *who,
                     const struct origin *from)
{
    if (json_get(statement, "NotPrincipal") || (from->conditional && from->negative)) {
        view->narrowed = true;
    } else if (!from->conditional) {
        view->all_denied = view->all_denied || who->everyone;
        view->sns_denied = view->sns_denied || who->sns;
        view->events_denied = view->events_denied || who->events;
    }
}

static size_t statement_count(const struct view *view)
{
    return json_kind(view->statements) == JSON_KIND_ARRAY ? json_count(view->statements) : 1;
}

static const struct json *statement_at(const struct view *view, size_t index)
{
    return json_kind(view->statements) == JSON_KIND_ARRAY ? json_at(view->statements, index)
                                                          : view->statements;
}

static void add_statement(struct view *view, const struct json *statement)
{
    struct str effect = json_get_str(statement, "Effect");
    struct who who = who_of(statement);
    struct origin from = origin_of(statement, STR_NONE);

    if (!concerns(view, statement))
        return;
    if (str_eq(effect, STR("Allow")))
        add_allow(view, &who, &from);
    else if (str_eq(effect, STR("Deny")))
        add_deny(view, statement, &who, &from);
}

static bool topic_may_send(const struct view *view, struct str topic)
{
    for (size_t i = 0; i < statement_count(view); i++) {
        const struct json *statement = statement_at(view, i);
        struct who who = who_of(statement);
        struct origin from = origin_of(statement, topic);
        if (str_eq(json_get_str(statement, "Effect"), STR("Allow")) && concerns(view, statement) &&
            (who.everyone || who.sns) && !from.by_place && from.passes)
            return true;
    }
    return false;
}

#define LET_IN                                                                                     \
    "let its policy allow sqs:SendMessage to sns.amazonaws.com and events.amazonaws.com, each "    \
    "with aws:SourceArn equal to the topic or the rule"

static struct queue_policy_verdict warning(struct str text)
{
    return (struct queue_policy_verdict){FINDING_WARNING, text, LET_IN};
}

static struct queue_policy_verdict verdict_of(const struct view *view, struct arena *arena)
{
    const struct config_list *topics = &view->question->topic_arns;
    bool sns = view->sns && !view->sns_denied, events = view->events && !view->events_denied;

    if (view->all_denied)
        return warning(STR("a Deny statement keeps everybody from sending"));
    if (view->everyone && !view->narrowed)
        return warning(STR("anybody may send"));
    if (!sns && !events)
        return warning(STR("neither SNS nor EventBridge may send: nothing arrives"));
    for (size_t i = 0; i < topics->count; i++) {
        if (!sns || !topic_may_send(view, str_of(topics->items[i])))
            return warning(
                arena_printf(arena, "the topic %s of topic_arns may not send", topics->items[i]));
    }
    if (view->any_topic && sns)
        return warning(STR("any SNS topic of any account may send"));
    if (view->any_rule && events)
        return warning(STR("any EventBridge rule of any account may send"));
    return (struct queue_policy_verdict){
        FINDING_OK,
        sns && events ? STR("SNS (as legacy listings need) and EventBridge (new ones) may send")
        : sns         ? STR("SNS may send; EventBridge, which new listings need, may not")
                      : STR("EventBridge may send; SNS, which legacy listings need, may not"),
        NULL};
}

struct queue_policy_verdict queue_policy_judge(const struct queue_policy_question *question,
                                               struct arena *arena)
{
    cleanup(json_freep) struct json *policy = NULL;
    struct error error = {""};

    if (str_is_empty(question->policy))
        return warning(STR("there is no policy: only the queue's own account may send"));
    if (json_parse(&policy, question->policy, &error) < 0)
        return warning(arena_printf(arena, "it cannot be read: %s", error.text));
    struct view view = {.question = question, .statements = json_get(policy, "Statement")};
    if (!view.statements)
        return warning(STR("it has no Statement"));
    for (size_t i = 0; i < statement_count(&view); i++)
        add_statement(&view, statement_at(&view, i));
    return verdict_of(&view, arena);
}

struct redrive redrive_read(struct str policy, struct arena *arena)
{
    cleanup(json_freep) struct json *root = NULL;
    struct redrive redrive = {.receives = 0};

    if (json_parse(&root, policy, NULL) < 0)
        return redrive;
    const struct json *receives = json_get(root, "maxReceiveCount");
    redrive.target_arn = arena_str(arena, json_get_str(root, "deadLetterTargetArn"));
    /* Shown as it was set: a number or a text of one (SetQueueAttributes, SQS API reference). */
    if (!json_int(receives, &redrive.receives))
        str_to_i64(json_str(receives), &redrive.receives);
    return redrive;
}
