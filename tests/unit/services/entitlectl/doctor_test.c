/* What entitlectl doctor judges by itself: queue policies, regions, findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/entitlectl/doctor/findings.h"
#include "services/entitlectl/doctor/marketplace_region.h"
#include "services/entitlectl/doctor/queue_policy.h"
#include "tests/support/vectors.h"

#define QUEUE "arn:aws:sqs:us-east-1:444455556666:mp-events"
#define TOPIC "arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-p"
#define RULE  "arn:aws:events:us-east-1:444455556666:rule/marketplace"

#define POLICY(statements)       "{'Version':'2012-10-17','Statement':[" statements "]}"
#define SEND                     "'Action':'sqs:SendMessage','Resource':'" QUEUE "'"
#define ALLOW(who, more)         "{'Effect':'Allow','Principal':" who "," SEND more "}"
#define SNS                      "{'Service':'sns.amazonaws.com'}"
#define EVENTS                   "{'Service':'events.amazonaws.com'}"
#define IF(operator, key, value) ",'Condition':{'" operator"':{'" key "':" value "}}"
#define TOPICS                   ALLOW(SNS, IF("ArnEquals", "aws:SourceArn", "'" TOPIC "'"))
#define RULES                    ALLOW(EVENTS, IF("ArnEquals", "aws:SourceArn", "['" RULE "']"))

/* JSON with apostrophes for quotation marks. */
static char *quoted(const char *text)
{
    char *copy = mem_strdup(text);

    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return copy;
}

static struct queue_policy_verdict judge(const char *policy, struct arena *arena)
{
    static const char *const topics[] = {TOPIC};
    cleanup(mem_freep) char *text = quoted(policy);

    return queue_policy_judge(&(struct queue_policy_question){.policy = str_of(text),
                                                              .queue_arn = STR(QUEUE),
                                                              .topic_arns = {(void *)topics, 1}},
                              arena);
}

static void expect(const char *policy, enum finding_level level, const char *text)
{
    struct arena arena = ARENA_INIT;
    struct queue_policy_verdict verdict = judge(policy, &arena);

    if (verdict.level != level || !memmem(verdict.text.ptr, verdict.text.len, text, strlen(text)))
        fail_msg("%s: " STR_FMT ", wanted %s", policy, STR_ARG(verdict.text), text);
    assert_int_equal(verdict.advice == NULL, level == FINDING_OK);
    arena_done(&arena);
}

static void a_policy_for_both_services_is_sound(void **state)
{
    (void)state;
    const char *both = "SNS (as legacy listings need) and EventBridge (new ones) may send";

    expect(POLICY(TOPICS "," RULES), FINDING_OK, both);
    /* One statement, not in a list; several services; patterns. */
    expect("{'Statement':{'Effect':'Allow','Principal':{'Service':['sns.amazonaws.com',"
           "'events.amazonaws.com']},'Action':['SQS:SendMessage'],'Resource':'*','Condition':{"
           "'ArnLike':{'aws:SourceArn':['arn:aws:sns:us-east-1:287250355862:aws-mp-*','" RULE
           "']}}}}",
           FINDING_OK, both);
    /* As the SNS guide wrote it for years: everybody, if it comes from the topic. */
    expect(POLICY(ALLOW("'*'", IF("ArnEquals", "aws:SourceArn", "'" TOPIC "'")) "," RULES),
           FINDING_OK, both);
    expect(POLICY(ALLOW(SNS, IF("StringEquals", "AWS:SourceAccount", "'287250355862'")) "," RULES),
           FINDING_OK, both);
    /* What refuses plain http refuses nobody. */
    expect(POLICY(TOPICS "," RULES ",{'Effect':'Deny','Principal':'*','Action':'sqs:*',"
                         "'Resource':'*','Condition':{'Bool':{'aws:SecureTransport':'false'}}}"),
           FINDING_OK, both);
    expect(POLICY(TOPICS), FINDING_OK, "EventBridge, which new listings need, may not");
}

/* The one that operators are given. */
static void the_policy_of_the_documents_is_sound(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT;
    struct arena arena = ARENA_INIT;

    vectors_read("../../deploy/aws/queue.json", &text);
    struct queue_policy_verdict verdict = queue_policy_judge(
        &(struct queue_policy_question){.policy = buf_str(&text), .queue_arn = STR(QUEUE)}, &arena);
    assert_int_equal(verdict.level, FINDING_OK);
    assert_true(str_starts_with(verdict.text, STR("SNS (as legacy")));
    arena_done(&arena);
}

static void without_topics_events_alone_will_do(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    cleanup(mem_freep) char *policy = quoted(POLICY(RULES));
    struct queue_policy_verdict verdict = queue_policy_judge(
        &(struct queue_policy_question){.policy = str_of(policy), .queue_arn = STR(QUEUE)}, &arena);

    assert_int_equal(verdict.level, FINDING_OK);
    assert_true(str_starts_with(verdict.text, STR("EventBridge may send; SNS")));
    arena_done(&arena);
}

static void whom_nobody_stops_is_told(void **state)
{
    (void)state;
    static const char *const open[] = {
        ALLOW("'*'", ""),
        ALLOW("{'AWS':'*'}", ""),
        ALLOW("{'AWS':['arn:aws:iam::444455556666:root','*']}", ""),
        "{'Effect':'Allow','Principal':'*','Action':'sqs:*','Resource':'*'}",
        "{'Effect':'Allow','Principal':'*','Action':'*','Resource':'arn:aws:sqs:*:*:mp-?vents'}",
        "{'Effect':'Allow','Principal':'*','Action':['sqs:ReceiveMessage','sqs:send*']}",
        "{'Effect':'Allow','Principal':'*','NotAction':'sqs:DeleteQueue','Resource':'*'}",
        "{'Effect':'Allow','NotPrincipal':{'AWS':'444455556666'},'Action':'*','Resource':'*'}",
        "{'Effect':'Allow','Principal':'*','Action':'sqs:*','NotResource':'arn:aws:sqs:*:*:other'}",
        /* Conditions that everybody meets. */
        ALLOW("'*'", IF("Bool", "aws:SecureTransport", "'true'")),
        ALLOW("'*'", IF("ArnLike", "aws:SourceArn", "'*'")),
        ALLOW("'*'", IF("StringLike", "aws:SourceAccount", "['444455556666','*']")),
        ALLOW("'*'", IF("IpAddress", "aws:SourceIp", "'0.0.0.0/0'")),
        ALLOW("'*'", IF("ArnEqualsIfExists", "aws:SourceArn", "'" TOPIC "'")),
        ALLOW("'*'", IF("ForAllValues:StringEquals", "aws:SourceAccount", "'444455556666'")),
        ALLOW("'*'", ",'Condition':{}"),
        ALLOW("'*'", ",'Condition':'none'"),
    };

    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        cleanup(mem_freep) char *policy = mem_printf(POLICY(TOPICS "," RULES ",%s"), open[i]);
        expect(policy, FINDING_WARNING, "anybody may send");
    }
}

static void who_is_narrowed_down_is_not_anybody(void **state)
{
    (void)state;
    static const char *const narrow[] = {
        ALLOW("'*'", IF("StringEquals", "aws:PrincipalOrgID", "'o-1'")),
        ALLOW("'*'", IF("IpAddress", "aws:SourceIp", "'10.0.0.0/8'")),
        ALLOW("'*'", IF("ForAnyValue:StringLike", "aws:SourceOrgPaths", "'o-1/r-1/*'")),
        ALLOW("{'AWS':'arn:aws:iam::444455556666:root'}", ""),
        "{'Effect':'Allow','Principal':'*','Action':'sqs:ReceiveMessage','Resource':'*'}",
        "{'Effect':'Allow','Principal':'*','Action':'sqs:*','Resource':'arn:aws:sqs:*:*:other'}",
        ALLOW("'*'", "") ",{'Effect':'Deny','Principal':'*','Action':'sqs:*','Resource':'*',"
                         "'Condition':{'StringNotEquals':{'aws:PrincipalAccount':'444455556666'}}}",
        ALLOW("'*'", "") ",{'Effect':'Deny','NotPrincipal':{'Service':'sns.amazonaws.com'},"
                         "'Action':'sqs:*','Resource':'*'}",
    };

    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        cleanup(mem_freep) char *policy = mem_printf(POLICY(TOPICS "," RULES ",%s"), narrow[i]);
        expect(policy, FINDING_OK, "EventBridge (new ones) may send");
    }
}

static void services_must_be_told_whose(void **state)
{
    (void)state;
    expect(POLICY(ALLOW(SNS, "")), FINDING_WARNING, "any SNS topic of any account may send");
    expect(POLICY(ALLOW(SNS, IF("ArnLike", "aws:SourceArn", "'arn:aws:sns:*:*:*'"))),
           FINDING_WARNING, "any SNS topic of any account");
    expect(POLICY(ALLOW("'*'", IF("ArnLike", "aws:SourceArn", "'arn:aws:sns:*'"))), FINDING_WARNING,
           "any SNS topic of any account");
    expect(POLICY(TOPICS "," ALLOW(EVENTS, "")), FINDING_WARNING,
           "any EventBridge rule of any account may send");
}

static void a_deaf_queue_is_told(void **state)
{
    (void)state;
    const char *deaf = "neither SNS nor EventBridge may send";

    expect("", FINDING_WARNING, "there is no policy");
    expect(POLICY(""), FINDING_WARNING, deaf);
    expect(POLICY(ALLOW("{'AWS':'444455556666'}", "")), FINDING_WARNING, deaf);
    expect(POLICY(ALLOW(SNS, IF("ArnEquals", "aws:SourceArn", "'arn:aws:s3:::bucket'"))),
           FINDING_WARNING, deaf);
    expect(POLICY("{'Effect':'Allow','Principal':" SNS ",'Action':'sqs:SendMessage',"
                  "'Resource':'arn:aws:sqs:us-east-1:444455556666:other'}"),
           FINDING_WARNING, deaf);
    expect(POLICY(TOPICS "," RULES ",{'Effect':'Deny','Principal':'*','Action':'sqs:Send*',"
                         "'Resource':'*'}"),
           FINDING_WARNING, "keeps everybody from sending");
    expect(POLICY(TOPICS ",{'Effect':'Deny','Principal':" SNS ",'Action':'*','Resource':'*'}"),
           FINDING_WARNING, deaf);
    expect(POLICY(RULES), FINDING_WARNING, "the topic " TOPIC " of topic_arns may not send");
    expect(POLICY(RULES "," ALLOW(SNS, IF("ArnEquals", "aws:SourceArn", "'" TOPIC "2'"))),
           FINDING_WARNING, "of topic_arns may not send");
    expect(POLICY(RULES "," ALLOW(SNS, IF("StringEquals", "aws:SourceAccount", "'1'"))),
           FINDING_WARNING, "of topic_arns may not send");
}

static void garbage_is_told_as_such(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "{", "nonsense", "[]", "null", "17", "'text'", "{}", "{'Statement':[],'Statement':[]}"};
    static const char *const odd[] = {
        "{'Statement':null}",
        "{'Statement':'*'}",
        "{'Statement':[null,17,'*',[],{}]}",
        POLICY("{'Effect':7,'Principal':'*','Action':'*'}"),
        POLICY("{'Effect':'Allow','Principal':[],'Action':'*'}"),
        POLICY("{'Effect':'Allow','Principal':{'Service':{'a':1},'AWS':7},'Action':'*'}"),
        POLICY("{'Effect':'Allow','Principal':'*','Action':{'a':'*'}}"),
        POLICY(ALLOW(SNS, ",'Condition':{'ArnEquals':'x','':{},'IfExists':{'aws:SourceArn':[]},"
                          "'ArnLike':{'aws:SourceArn':[null,'',':::::::']}}")),
    };

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
        expect(garbage[i], FINDING_WARNING, "it ");
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct arena arena = ARENA_INIT;
        assert_int_equal(judge(odd[i], &arena).level, FINDING_WARNING);
        arena_done(&arena);
    }
}

static void a_redrive_policy_is_read_however_it_was_set(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *arn;
        int64_t receives;
    } cases[] = {
        {"{'deadLetterTargetArn':'" QUEUE "','maxReceiveCount':10}", QUEUE, 10},
        {"{'deadLetterTargetArn':'" QUEUE "','maxReceiveCount':'1000'}", QUEUE, 1000},
        {"{'deadLetterTargetArn':'" QUEUE "','maxReceiveCount':null}", QUEUE, 0},
        {"{'deadLetterTargetArn':7}", "", 0},
        {"[]", "", 0},
        {"", "", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = ARENA_INIT;
        cleanup(mem_freep) char *policy = quoted(cases[i].policy);
        struct redrive redrive = redrive_read(str_of(policy), &arena);
        assert_true(str_eq_text(redrive.target_arn, cases[i].arn));
        assert_int_equal(redrive.receives, cases[i].receives);
        arena_done(&arena);
    }
}

static void patterns_fit_and_come_to_an_end(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"", "", true},          {"*", "", true},        {"**", "abc", true},
        {"?", "", false},        {"a?c", "abc", true},   {"a*c", "abbbc", true},
        {"a*c", "abbbd", false}, {"abc", "abcd", false}, {"*b*", "aabb", true},
        {"*?b", "b", false},     {"A", "a", false},
    };
    char many[400];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(pattern_fits(str_of(cases[i].pattern), str_of(cases[i].text), false),
                         cases[i].fits);
    assert_true(pattern_fits(STR("SQS:Send*"), STR("sqs:sendmessage"), true));
    /* Two hundred stars: who tried all ways would never end. */
    for (size_t i = 0; i < 400; i++)
        many[i] = i % 2 ? 'a' : '*';
    struct str stars = str_from(many, 400);
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = 'b';
    assert_false(pattern_fits(stars, str_from(text, 4001), false));
}

static void regions_are_those_of_the_services(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    static const struct {
        enum aws_service service;
        const char *region, *url;
        enum finding_level level;
    } cases[] = {
        {AWS_ENTITLEMENT, "us-east-1", "https://entitlement.marketplace.us-east-1.amazonaws.com/",
         FINDING_OK},
        {AWS_ENTITLEMENT, "eu-west-1", "https://entitlement.marketplace.us-east-1.amazonaws.com/",
         FINDING_OK},
        {AWS_ENTITLEMENT, "eu-west-1", "https://entitlement.marketplace.eu-west-1.amazonaws.com/",
         FINDING_WRONG},
        {AWS_ENTITLEMENT, "us-east-1", "https://entitlement-marketplace.us-east-1.api.aws/",
         FINDING_OK},
        {AWS_ENTITLEMENT, "cn-north-1",
         "https://entitlement-marketplace.cn-northwest-1.amazonaws.com.cn/", FINDING_OK},
        {AWS_ENTITLEMENT, "eusc-de-east-1",
         "https://entitlement-marketplace.eusc-de-east-1.amazonaws.eu/", FINDING_OK},
        {AWS_ENTITLEMENT, "us-east-1", "http://127.0.0.1:8470", FINDING_WARNING},
        {AWS_ENTITLEMENT, "us-east-1", "", FINDING_WARNING},
        {AWS_METERING, "eu-west-1", "https://metering.marketplace.eu-west-1.amazonaws.com/",
         FINDING_OK},
        {AWS_METERING, "eu-west-1", "https://metering.marketplace.us-east-1.amazonaws.com/",
         FINDING_WRONG},
        {AWS_METERING, "mx-central-1", "https://metering.marketplace.mx-central-1.amazonaws.com/",
         FINDING_WARNING},
        {AWS_METERING, "us-east-1", "https://metering.example/", FINDING_WARNING},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct region_verdict verdict = marketplace_region_judge(
            cases[i].service, str_of(cases[i].region), str_of(cases[i].url), &arena);
        assert_int_equal(verdict.level, cases[i].level);
        assert_int_equal(verdict.advice == NULL, verdict.level == FINDING_OK);
        assert_true(verdict.text.len > 0);
    }
    arena_done(&arena);
}

static void findings_stand_in_the_order_of_the_looks(void **state)
{
    (void)state;
    struct findings findings = {.count = 0};
    cleanup(buf_done) struct buf out = BUF_INIT;

    assert_int_equal(findings_worst(&findings), FINDING_OK);
    findings_add(&findings, 1, FINDING_WARNING, "queue_policy", STR("main"), "mend it", "%s",
                 "open\x1B");
    findings_add(&findings, 1, FINDING_OK, "queue", STR("main"), NULL, "readable");
    findings_add(&findings, 0, FINDING_UNKNOWN, "clock", STR_NONE, NULL, "no time\xFF");
    assert_int_equal(findings_worst(&findings), FINDING_UNKNOWN);
    findings_sort(&findings);
    findings_write(&findings, &out);
    assert_string_equal(out.data, "unknown  clock              no time?\n"
                                  "warning  queue policy main  open? -> mend it\n"
                                  "ok       queue main         readable\n");
    findings_done(&findings);
}

static void findings_are_told_to_scripts(void **state)
{
    (void)state;
    struct findings findings = {.count = 0};
    cleanup(buf_done) struct buf out = BUF_INIT;

    findings_add(&findings, 0, FINDING_WRONG, "queue", STR("main"), "mend it", "away");
    findings_add(&findings, 1, FINDING_OK, "clock", STR_NONE, NULL, "agrees");
    struct json *root = findings_json(&findings);
    json_write(root, &out);
    assert_string_equal(out.data,
                        "{\"findings\":[{\"level\":\"wrong\",\"look\":\"queue\",\"subject\":"
                        "\"main\",\"text\":\"away\",\"advice\":\"mend it\"},{\"level\":\"ok\","
                        "\"look\":\"clock\",\"text\":\"agrees\"}],\"counts\":{\"ok\":1,"
                        "\"warning\":0,\"unknown\":0,\"wrong\":1}}");
    json_free(root);
    findings_done(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_for_both_services_is_sound),
        cmocka_unit_test(the_policy_of_the_documents_is_sound),
        cmocka_unit_test(without_topics_events_alone_will_do),
        cmocka_unit_test(whom_nobody_stops_is_told),
        cmocka_unit_test(who_is_narrowed_down_is_not_anybody),
        cmocka_unit_test(services_must_be_told_whose),
        cmocka_unit_test(a_deaf_queue_is_told),
        cmocka_unit_test(garbage_is_told_as_such),
        cmocka_unit_test(a_redrive_policy_is_read_however_it_was_set),
        cmocka_unit_test(patterns_fit_and_come_to_an_end),
        cmocka_unit_test(regions_are_those_of_the_services),
        cmocka_unit_test(findings_stand_in_the_order_of_the_looks),
        cmocka_unit_test(findings_are_told_to_scripts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
