/* Messages that are refused, damaged, too long or not understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "tests/support/message_fixture.h"
#include "tests/support/random.h"

static void only_expected_topics_speak(void **state)
{
    static const struct {
        const char *topic;
        bool listed, unlisted; /* whether it may speak with and without topic_arns */
    } cases[] = {
        {TOPIC, true, true},
        {"arn:aws:sns:us-east-1:287250355862:aws-mp-subscription-notification-" PRODUCT, false,
         true},
        {"arn:aws:sns:us-east-1:999900001111:aws-mp-entitlement-notification-" PRODUCT, false,
         true},
        {TOPIC "x", false, true},
        {FAN, false, false},
        {"arn:aws:sns:us-east-1:287250355862:x:aws-mp-entitlement-notification-" PRODUCT, false,
         false},
        {"aws-mp-entitlement-notification-" PRODUCT, false, false},
        {"", false, false},
    };
    const char *topics[] = {TOPIC};
    const struct message_owner with_topics = {ours.seller_accounts, {topics, 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(json_freep) struct json *envelope = json_new_object();
        cleanup(buf_done) struct buf body = BUF_INIT;
        print_message("%s\n", cases[i].topic);
        json_set_str(envelope, "Type", STR("Notification"));
        json_set_str(envelope, "TopicArn", str_of(cases[i].topic));
        json_set_str(envelope, "Message",
                     STR("{\"action\":\"entitlement-updated\",\"customer-identifier\":\"" CUSTOMER
                         "\",\"product-code\":\"" PRODUCT "\"}"));
        json_write(envelope, &body);
        assert_problem(read_as(*state, buf_str(&body), &with_topics),
                       cases[i].listed ? NULL : "is none of topic_arns");
        assert_problem(read_as(*state, buf_str(&body), &ours),
                       cases[i].unlisted ? NULL : "no name like AWS Marketplace's topics");
    }
}

static void a_refused_message_claims_nothing(void **state)
{
    struct reader *reader = *state;
    struct notification refused;

    read_as(reader,
            STR("{\"action\":\"entitlement-updated\",\"customer-identifier\":\"c\","
                "\"product-code\":\"" PRODUCT "\"}"),
            &ours);
    reader->read.event_id = STR("claimed");
    reader->read.message_id = STR("sqs");
    message_refuse(&reader->read, STR("why"), &reader->arena, &refused);
    assert_text(refused.event_id, "sqs");
    assert_text(refused.problem, "why");
    assert_int_equal(refused.kind, EVENT_OTHER);
    assert_int_equal(refused.source, SOURCE_SNS_RAW);
    assert_text(refused.customer_identifier, NULL);
    assert_text(refused.product_code, NULL);
    assert_true(str_eq(refused.body, reader->read.body));
}

/* EventBridge user guide, "Archiving and replaying events": the event as it was, with one member
 * more. */
static void a_replay_is_told_by_its_name(void **state)
{
    const struct notification *got =
        read_as(*state,
                STR("{\"version\":\"0\",\"id\":\"e0000000-0000-4000-8000-000000000001\","
                    "\"detail-type\":\"License Updated - Proposer\","
                    "\"source\":\"aws.agreement-marketplace\",\"account\":\"" SELLER "\","
                    "\"time\":\"2026-11-23T12:00:00Z\",\"region\":\"us-east-1\","
                    "\"resources\":[],\"replay-name\":\"after-the-outage\","
                    "\"detail\":{\"license\":{\"arn\":\"" LICENSE "\"}}}"),
                &ours);

    assert_text(got->replay, "after-the-outage");
    assert_text(got->event_id, "e0000000-0000-4000-8000-000000000001");
    assert_int_equal(got->kind, EVENT_LICENSE_UPDATED);
    assert_problem(got, NULL);
}

static void a_confirmation_is_left_to_an_operator(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    cleanup(buf_done) struct buf body = BUF_INIT;

    json_write(json_path(vectors, "sns.subscription_confirmation_shape"), &body);
    const struct notification *got = read_as(*state, buf_str(&body), &ours);
    assert_int_equal(got->source, SOURCE_SNS);
    assert_int_equal(got->kind, EVENT_OTHER);
    assert_text(got->type, "SubscriptionConfirmation");
    assert_problem(got, "confirm");
    assert_problem(got, "aws-mp-entitlement-notification-" PRODUCT);
}

static void unknown_actions_are_recorded_only(void **state)
{
    const struct notification *got =
        read_as(*state, STR("{\"action\":\"something-new\"}"), &anybody);

    assert_int_equal(got->kind, EVENT_OTHER);
    assert_text(got->type, "something-new");
    assert_problem(got, NULL);
}

static void what_is_not_understood_says_why(void **state)
{
    static const struct {
        const char *body;
        const char *problem;
    } cases[] = {
        {"", "not JSON"},
        {"hello", "not JSON"},
        {"[1,2]", "Neither"},
        {"{\"probe\":1}", "Neither"},
        {"{\"Type\":\"Notification\",\"Message\":5}", "Neither"},
        {"{\"Type\":\"Notification\",\"Message\":\"{}\"}", "neither an event nor an action"},
        {"{\"detail-type\":\"License Updated - Manufacturer\"}", "Neither"},
        {"{\"action\":\"entitlement-updated\",\"product-code\":\"" PRODUCT "\"}",
         "no customer-identifier"},
        {"{\"action\":\"entitlement-updated\",\"customer-identifier\":\"x\"}", "no product-code"},
        {"{\"source\":\"aws.s3\",\"detail-type\":\"License Updated\",\"account\":\"" SELLER "\"}",
         "'aws.s3'"},
        {"{\"source\":\"aws.agreement-marketplace\",\"detail-type\":\"License Updated\","
         "\"account\":\"" SELLER "\",\"detail\":{\"product\":{\"code\":\"" PRODUCT "\"}}}",
         "neither a licence"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_problem(read_as(*state, str_of(cases[i].body), &ours), cases[i].problem);
}

static void any_owner_is_ours_if_none_is_set(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *given = case_of(json_path(vectors, "eventbridge.cases"), "wrong-account");

    assert_problem(read_as(*state, json_get_str(given, "sqs_body_raw"), &anybody), NULL);
}

static const struct field *field_of(size_t offset)
{
    for (size_t i = 0; i < shape_notification.field_count; i++) {
        if (shape_notification.fields[i].offset == offset)
            return &shape_notification.fields[i];
    }
    fail();
    return NULL;
}

static void over_long_members_do_not_poison_the_queue(void **state)
{
    cleanup(buf_done) struct buf body = BUF_INIT;
    size_t limit = field_of(offsetof(struct notification, customer_identifier))->limit;

    buf_printf(&body,
               "{\"action\":\"entitlement-updated\",\"product-code\":\"%s\","
               "\"customer-identifier\":\"%0*d\"}",
               PRODUCT, (int)limit + 1, 7);
    const struct notification *got = read_as(*state, buf_str(&body), &ours);
    assert_text(got->customer_identifier, NULL);
    assert_problem(got, "customer_identifier");

    /* A foreign source as long as this makes the reason too long; it is cut between characters. */
    buf_clear(&body);
    buf_append_text(&body, "{\"detail-type\":\"x\",\"source\":\"");
    for (int i = 0; i < 1000; i++)
        buf_append_text(&body, "\xE2\x9C\x93");
    buf_append_text(&body, "\"}");
    got = read_as(*state, buf_str(&body), &ours);
    assert_true(got->problem.len <= field_of(offsetof(struct notification, problem))->limit);
    assert_true(got->problem.len > 900);
    assert_true(str_is_utf8(got->problem));
}

/* What the store would refuse never comes out, whatever goes in. */
static void assert_storable(const struct notification *got)
{
    for (size_t i = 0; i < shape_notification.field_count; i++) {
        const struct field *field = &shape_notification.fields[i];
        const struct str *text = (const struct str *)((const char *)got + field->offset);
        if (field->kind != FIELD_TEXT)
            continue;
        assert_true(text->len <= field->limit);
        assert_true(str_is_utf8(*text));
    }
    assert_true(got->source != message_source_none && got->kind != event_kind_none);
}

static void damage(struct random *random, struct str body, struct reader *reader)
{
    cleanup(mem_freep) char *bytes = str_dup(body);
    int64_t len = (int64_t)body.len;

    if (random_chance(random, 50))
        len = random_between(random, 0, len);
    for (int64_t flips = random_between(random, 0, 3); len > 0 && flips > 0; flips--)
        bytes[random_between(random, 0, len - 1)] = (char)random_between(random, 0, 255);
    assert_storable(read_as(reader, str_from(bytes, (size_t)len), &anybody));
}

static void damaged_bodies_are_survived(void **state)
{
    enum { ROUNDS = 200 };
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    struct random random = random_seeded("damaged_bodies_are_survived");
    const char *paths[] = {"sns.cases", "eventbridge.cases"};

    for (size_t i = 0; i < 2 * ROUNDS; i++) {
        const struct json *cases = json_path(vectors, paths[i % 2]);
        for (size_t j = 0; j < json_count(cases); j++)
            damage(&random, json_get_str(json_at(cases, j), "sqs_body_raw"), *state);
        arena_done(&((struct reader *)*state)->arena);
    }
}

static void of_an_over_long_body_the_beginning_is_kept(void **state)
{
    cleanup(buf_done) struct buf body = BUF_INIT;
    size_t limit = field_of(offsetof(struct notification, body))->limit;

    while (body.len <= limit)
        buf_append_text(&body, "{\"a\":                          ");
    const struct notification *got = read_as(*state, buf_str(&body), &ours);
    assert_int_equal(got->body.len, limit);
    assert_problem(got, "only its beginning");
}

static void a_stripped_message_keeps_its_bytes_and_the_reason(void **state)
{
    struct reader *reader = *state;
    struct notification stripped;

    read_as(reader, STR("{\"action\":\"something\",\"customer-identifier\":\"x\"}"), &anybody);
    reader->read.message_id = STR("m-1");
    message_strip(&reader->read, STR("refused"), &reader->arena, &stripped);
    assert_text(stripped.customer_identifier, NULL);
    assert_text(stripped.type, NULL);
    assert_text(stripped.message_id, "m-1");
    assert_text(stripped.problem, "refused");
    assert_int_equal(stripped.source, SOURCE_SNS_RAW);
    assert_true(str_eq(stripped.body, reader->read.body));
}

int main(void)
{
#define WITH_READER(test) cmocka_unit_test_setup_teardown(test, open_reader, close_reader)
    const struct CMUnitTest tests[] = {
        WITH_READER(only_expected_topics_speak),
        WITH_READER(a_refused_message_claims_nothing),
        WITH_READER(a_replay_is_told_by_its_name),
        WITH_READER(a_confirmation_is_left_to_an_operator),
        WITH_READER(unknown_actions_are_recorded_only),
        WITH_READER(what_is_not_understood_says_why),
        WITH_READER(any_owner_is_ours_if_none_is_set),
        WITH_READER(over_long_members_do_not_poison_the_queue),
        WITH_READER(damaged_bodies_are_survived),
        WITH_READER(of_an_over_long_body_the_beginning_is_kept),
        WITH_READER(a_stripped_message_keeps_its_bytes_and_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
