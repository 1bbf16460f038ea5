#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "services/poller/message.h"
#include "tests/support/random.h"
#include "tests/support/vectors.h"

#define PRODUCT   "4exampleproductcode0000001"
#define BUYER     "111122223333"
#define SELLER    "444455556666"
#define CUSTOMER  "ExCustId0001"
#define AGREEMENT "agmt-1exampleagreement0000000001"
#define RENEWAL   "agmt-2exampleagreement0000000002"
#define LICENSE   "arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define LICENSE_2 "arn:aws:license-manager::555566667777:license:l-00112233445566778899aabbccddeeff"
#define OFFER     "offer-exampleoffer01"
#define FAN       "arn:aws:sns:us-east-1:444455556666:fan-out"
#define TOPIC     "arn:aws:sns:us-east-1:287250355862:aws-mp-entitlement-notification-" PRODUCT

static const char *accounts[] = {SELLER};
static const struct message_owner ours = {{accounts, 1}, {NULL, 0}};
static const struct message_owner anybody;

struct reader {
    struct arena arena;
    struct notification read;
};

static const struct notification *read_as(struct reader *reader, struct str body,
                                          const struct message_owner *owner)
{
    message_read(body, owner, &reader->arena, &reader->read);
    return &reader->read;
}

static int open_reader(void **state)
{
    *state = mem_alloc_zero(sizeof(struct reader));
    return 0;
}

static int close_reader(void **state)
{
    struct reader *reader = *state;

    arena_done(&reader->arena);
    mem_free(reader);
    return 0;
}

static void assert_text(struct str got, const char *want)
{
    if (!str_eq(got, str_of(want)))
        fail_msg("'" STR_FMT "' instead of '%s'", STR_ARG(got), want ? want : "");
}

static void assert_problem(const struct notification *got, const char *part)
{
    cleanup(mem_freep) char *problem = str_dup(got->problem);

    if (!part)
        assert_text(got->problem, NULL);
    else if (!strstr(problem, part))
        fail_msg("'%s' does not say '%s'", problem, part);
}

static const struct json *case_of(const struct json *cases, const char *id)
{
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *found = json_at(cases, i);
        if (str_eq_text(json_get_str(found, "id"), id))
            return found;
    }
    fail_msg("there is no case '%s'", id);
    return NULL;
}

struct sns_want {
    const char *id;
    enum event_kind kind;
    const char *type;
    const char *customer;
    const char *offer;
    bool free_trial;
    const char *problem;
};

/* Signatures are not looked at here: the cases about them are read like any other. */
static const struct sns_want sns_wants[] = {
    {.id = "entitlement-updated-sigv1",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = CUSTOMER},
    {.id = "entitlement-updated-sigv2",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = CUSTOMER},
    {.id = "subscribe-success-private-offer",
     .kind = EVENT_SUBSCRIBE_SUCCESS,
     .type = "subscribe-success",
     .customer = CUSTOMER,
     .offer = OFFER},
    {.id = "subscribe-success-free-trial",
     .kind = EVENT_SUBSCRIBE_SUCCESS,
     .type = "subscribe-success",
     .customer = CUSTOMER,
     .offer = "offer-exampleoffer02",
     .free_trial = true},
    {.id = "subscribe-fail",
     .kind = EVENT_SUBSCRIBE_FAIL,
     .type = "subscribe-fail",
     .customer = CUSTOMER,
     .offer = OFFER},
    {.id = "unsubscribe-pending",
     .kind = EVENT_UNSUBSCRIBE_PENDING,
     .type = "unsubscribe-pending",
     .customer = CUSTOMER},
    {.id = "unsubscribe-success",
     .kind = EVENT_UNSUBSCRIBE_SUCCESS,
     .type = "unsubscribe-success",
     .customer = CUSTOMER},
    {.id = "with-subject-and-unicode",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = "ExCustId\xC3\xA9\xE2\x9C\x93"},
    {.id = "documented-trailing-comma", .kind = EVENT_OTHER, .problem = "not JSON"},
    {.id = "tampered-message",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = "ExCustId0002"},
    {.id = "v2-signature-relabelled-v1",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = CUSTOMER},
    {.id = "unknown-signature-version",
     .kind = EVENT_ENTITLEMENT_UPDATED,
     .type = "entitlement-updated",
     .customer = CUSTOMER},
};

static void reads_every_sns_case(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "sns.cases");

    assert_int_equal(json_count(cases), sizeof(sns_wants) / sizeof(sns_wants[0]));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct sns_want *want = &sns_wants[i];
        const struct json *given = case_of(cases, want->id);
        const struct notification *got =
            read_as(*state, json_get_str(given, "sqs_body_raw"), &ours);
        print_message("%s\n", want->id);
        assert_int_equal(got->source, SOURCE_SNS);
        assert_int_equal(got->kind, want->kind);
        assert_text(got->type, want->type);
        assert_true(str_eq(got->event_id, json_str(json_path(given, "envelope.MessageId"))));
        assert_int_equal(got->event_time, 1795435201);
        assert_text(got->customer_identifier, want->customer);
        assert_text(got->product_code, want->problem ? NULL : PRODUCT);
        assert_text(got->offer_id, want->offer);
        assert_int_equal(got->free_trial, want->free_trial);
        assert_problem(got, want->problem);
        assert_true(str_eq(got->body, json_get_str(given, "sqs_body_raw")));
    }
}

struct event_want {
    const char *id;
    enum event_kind kind;
    const char *license;
    const char *agreement;
    const char *previous;
    const char *offer;
    const char *intent;
    const char *status;
    const char *problem;
};

static const struct event_want event_wants[] = {
    {.id = "agreement-created-new-proposer",
     .kind = EVENT_AGREEMENT_CREATED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .intent = "NEW",
     .status = "ACTIVE"},
    {.id = "agreement-created-new-manufacturer-cppo",
     .kind = EVENT_AGREEMENT_CREATED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .intent = "NEW",
     .status = "ACTIVE"},
    {.id = "agreement-created-renew-proposer",
     .kind = EVENT_AGREEMENT_CREATED,
     .agreement = RENEWAL,
     .previous = AGREEMENT,
     .offer = OFFER,
     .intent = "RENEW",
     .status = "ACTIVE"},
    {.id = "agreement-created-replace-proposer",
     .kind = EVENT_AGREEMENT_CREATED,
     .agreement = RENEWAL,
     .offer = "offer-exampleoffer02",
     .intent = "REPLACE",
     .status = "ACTIVE"},
    {.id = "agreement-amended-proposer",
     .kind = EVENT_AGREEMENT_AMENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .intent = "AMEND",
     .status = "ACTIVE"},
    {.id = "agreement-ended-cancelled-proposer",
     .kind = EVENT_AGREEMENT_ENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "CANCELLED"},
    {.id = "agreement-ended-expired-proposer",
     .kind = EVENT_AGREEMENT_ENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "EXPIRED"},
    {.id = "agreement-ended-terminated-proposer",
     .kind = EVENT_AGREEMENT_ENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "TERMINATED"},
    {.id = "agreement-ended-renewed-proposer",
     .kind = EVENT_AGREEMENT_ENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "RENEWED"},
    {.id = "agreement-ended-replaced-proposer",
     .kind = EVENT_AGREEMENT_ENDED,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "REPLACED"},
    {.id = "agreement-ending-proposer",
     .kind = EVENT_OTHER,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .status = "ACTIVE"},
    {.id = "advisory-issued", .kind = EVENT_OTHER, .agreement = AGREEMENT, .offer = OFFER},
    {.id = "advisory-resolved", .kind = EVENT_OTHER, .agreement = AGREEMENT, .offer = OFFER},
    {.id = "renewal-terms-finalized", .kind = EVENT_OTHER, .agreement = AGREEMENT},
    {.id = "renewal-upcoming", .kind = EVENT_OTHER, .agreement = AGREEMENT},
    {.id = "license-updated-full-arn",
     .kind = EVENT_LICENSE_UPDATED,
     .license = LICENSE,
     .agreement = AGREEMENT,
     .offer = OFFER},
    {.id = "license-updated-doc-style-arn",
     .kind = EVENT_LICENSE_UPDATED,
     .license = "aws:license-manager:us-east-1:555566667777:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
     .agreement = AGREEMENT,
     .offer = OFFER},
    {.id = "license-updated-second-concurrent-agreement",
     .kind = EVENT_LICENSE_UPDATED,
     .license = LICENSE_2,
     .agreement = RENEWAL,
     .offer = "offer-exampleoffer02"},
    {.id = "license-updated-duplicate-delivery",
     .kind = EVENT_LICENSE_UPDATED,
     .license = LICENSE,
     .agreement = AGREEMENT,
     .offer = OFFER},
    {.id = "license-deprovisioned",
     .kind = EVENT_LICENSE_DEPROVISIONED,
     .license = LICENSE,
     .agreement = AGREEMENT,
     .offer = OFFER},
    {.id = "cancellation-request-pending",
     .kind = EVENT_OTHER,
     .agreement = AGREEMENT,
     .offer = OFFER},
    {.id = "billing-adjustment-completed", .kind = EVENT_OTHER, .agreement = AGREEMENT},
    {.id = "unknown-future-detail-type", .kind = EVENT_OTHER, .agreement = AGREEMENT},
    {.id = "wrong-account",
     .kind = EVENT_LICENSE_UPDATED,
     .license = LICENSE,
     .agreement = AGREEMENT,
     .offer = OFFER,
     .problem = "of account '999900001111'"},
};

static bool names_the_buyer(const struct json *event)
{
    return json_path(event, "detail.acceptor") || json_path(event, "detail.agreement.acceptorId");
}

static void assert_event(const struct notification *got, const struct event_want *want,
                         const struct json *event)
{
    int64_t time_s = 0;

    assert_int_equal(clock_parse_iso8601(json_get_str(event, "time"), &time_s), 0);
    assert_int_equal(got->source, SOURCE_EVENTBRIDGE);
    assert_int_equal(got->kind, want->kind);
    assert_true(str_eq(got->type, json_get_str(event, "detail-type")));
    assert_true(str_eq(got->event_id, json_get_str(event, "id")));
    assert_int_equal(got->event_time, time_s);
    assert_text(got->license, want->license);
    assert_text(got->product_code, want->license ? PRODUCT : NULL);
    assert_text(got->account_id, names_the_buyer(event) ? BUYER : NULL);
    assert_text(got->agreement_id, want->agreement);
    assert_text(got->previous_agreement_id, want->previous);
    assert_text(got->offer_id, want->offer);
    assert_text(got->intent, want->intent);
    assert_text(got->status, want->status);
    assert_problem(got, want->problem);
}

static void reads_every_eventbridge_case(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *cases = json_path(vectors, "eventbridge.cases");

    assert_int_equal(json_count(cases), sizeof(event_wants) / sizeof(event_wants[0]));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *given = case_of(cases, event_wants[i].id);
        print_message("%s\n", event_wants[i].id);
        assert_event(read_as(*state, json_get_str(given, "sqs_body_raw"), &ours), &event_wants[i],
                     json_get(given, "event"));
    }
}

struct captured_want {
    const char *id;
    enum event_kind kind;
    int64_t time_s;
    const char *license, *offer, *intent, *status, *request_id;
};

#define CAPTURED_LICENSE                                                                           \
    "arn:aws:license-manager::294406891311:license:l-9d01d15f86334a8894365cd7350556ff"

static const struct captured_want captured_wants[] = {
    {.id = "created",
     .kind = EVENT_AGREEMENT_CREATED,
     .time_s = 1787235802,
     .offer = OFFER,
     .intent = "NEW",
     .status = "ACTIVE",
     .request_id = "40d82a8d-d914-56b8-a8b3-1caf788fc30f"},
    {.id = "license-updated",
     .kind = EVENT_LICENSE_UPDATED,
     .time_s = 1787235863,
     .license = CAPTURED_LICENSE,
     .offer = OFFER,
     .request_id = "9838714e-d760-5508-8269-4738858dce43"},
    {.id = "ended",
     .kind = EVENT_AGREEMENT_ENDED,
     .time_s = 1787236800,
     .status = "CANCELLED",
     .request_id = "90990a7c-bfd9-514b-8fc7-3f028ebaf86b"},
    {.id = "license-deprovisioned",
     .kind = EVENT_LICENSE_DEPROVISIONED,
     .time_s = 1787236831,
     .license = CAPTURED_LICENSE,
     .offer = OFFER,
     .request_id = "e0000000-0000-5000-8000-000000000104"},
};

static void reads_the_events_that_were_captured(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("captured-events.json");
    const struct json *cases = json_get(vectors, "cases");

    assert_int_equal(json_count(cases), sizeof(captured_wants) / sizeof(captured_wants[0]));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct captured_want *want = &captured_wants[i];
        const struct json *given = case_of(cases, want->id);
        const struct notification *got =
            read_as(*state, json_get_str(given, "sqs_body_raw"), &ours);
        print_message("%s\n", want->id);
        assert_int_equal(got->kind, want->kind);
        assert_int_equal(got->event_time, want->time_s);
        assert_text(got->license, want->license);
        assert_text(got->product_code, want->license ? PRODUCT : NULL);
        assert_text(got->account_id, BUYER);
        assert_text(got->seller_account, SELLER);
        assert_text(got->agreement_id, AGREEMENT);
        assert_text(got->offer_id, want->offer);
        assert_text(got->intent, want->intent);
        assert_text(got->status, want->status);
        assert_text(got->request_id, want->request_id);
        assert_problem(got, NULL);
    }
}

/* The store knows which products are ours. */
static void a_foreign_product_is_no_problem_of_the_message(void **state)
{
    const struct notification *got =
        read_as(*state,
                STR("{\"action\":\"entitlement-updated\",\"customer-identifier\":\"x\","
                    "\"product-code\":\"foreign\"}"),
                &ours);

    assert_int_equal(got->kind, EVENT_ENTITLEMENT_UPDATED);
    assert_text(got->product_code, "foreign");
    assert_problem(got, NULL);
}

static void an_sns_envelope_may_hold_an_event(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct json *given =
        case_of(json_path(vectors, "eventbridge.cases"), "license-updated-full-arn");
    cleanup(json_freep) struct json *envelope = json_new_object();
    cleanup(buf_done) struct buf body = BUF_INIT;

    json_set_str(envelope, "Type", STR("Notification"));
    json_set_str(envelope, "MessageId", STR("outer"));
    json_set_str(envelope, "TopicArn", STR(FAN));
    json_set_str(envelope, "Timestamp", STR("2026-11-23T12:00:09.000Z"));
    json_set_str(envelope, "Message", json_get_str(given, "sqs_body_raw"));
    json_write(envelope, &body);

    assert_problem(read_as(*state, buf_str(&body), &ours), "topic_arns is empty");
    const char *topics[] = {FAN};
    const struct message_owner with_topics = {ours.seller_accounts, {topics, 1}};
    const struct notification *got = read_as(*state, buf_str(&body), &with_topics);
    assert_int_equal(got->source, SOURCE_SNS);
    assert_int_equal(got->kind, EVENT_LICENSE_UPDATED);
    assert_text(got->event_id, "e0000000-0000-4000-8000-000000000016");
    assert_text(got->license, LICENSE);
    assert_int_equal(got->event_time, 1795435200);
    assert_problem(got, NULL);
}

static void reads_raw_deliveries(void **state)
{
    cleanup(json_freep) struct json *vectors = vectors_load("aws-wire-examples.json");
    const struct notification *got =
        read_as(*state, json_str(json_path(vectors, "sns.raw_delivery_body_example")), &ours);

    assert_int_equal(got->source, SOURCE_SNS_RAW);
    assert_int_equal(got->kind, EVENT_ENTITLEMENT_UPDATED);
    assert_text(got->customer_identifier, CUSTOMER);
    assert_text(got->product_code, PRODUCT);
    assert_text(got->event_id, NULL);
    assert_int_equal(got->event_time, 0);
    assert_problem(got, NULL);
}

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
                       cases[i].unlisted ? NULL : "not named as AWS Marketplace's are");
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

static void reads_the_spellings_of_older_documents(void **state)
{
    const struct notification *got =
        read_as(*state,
                STR("{\"action\":\"subscribe-success\",\"CustomerIdentifier\":\" Old \","
                    "\"ProductCode\":\"" PRODUCT "\",\"isFreeTrialTermPresent\":true}"),
                &ours);
    assert_text(got->customer_identifier, "Old");
    assert_text(got->product_code, PRODUCT);
    assert_true(got->free_trial);
    assert_problem(got, NULL);

    got = read_as(*state,
                  STR("{\"source\":\"aws.agreement-marketplace\",\"account\":\"" SELLER "\","
                      "\"detail-type\":\"License Updated - Proposer\","
                      "\"detail\":{\"license\":{\"id\":\"l-1\"}}}"),
                  &ours);
    assert_int_equal(got->kind, EVENT_LICENSE_UPDATED);
    assert_text(got->license, "l-1");
    assert_problem(got, NULL);
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
        WITH_READER(reads_every_sns_case),
        WITH_READER(reads_every_eventbridge_case),
        WITH_READER(reads_the_events_that_were_captured),
        WITH_READER(a_foreign_product_is_no_problem_of_the_message),
        WITH_READER(an_sns_envelope_may_hold_an_event),
        WITH_READER(only_expected_topics_speak),
        WITH_READER(a_refused_message_claims_nothing),
        WITH_READER(reads_raw_deliveries),
        WITH_READER(reads_the_spellings_of_older_documents),
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
