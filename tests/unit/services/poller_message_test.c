/* Messages as AWS sends them, in every form that is documented or was captured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "tests/support/message_fixture.h"

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

int main(void)
{
#define WITH_READER(test) cmocka_unit_test_setup_teardown(test, open_reader, close_reader)
    const struct CMUnitTest tests[] = {
        WITH_READER(reads_every_sns_case),
        WITH_READER(reads_every_eventbridge_case),
        WITH_READER(reads_the_events_that_were_captured),
        WITH_READER(a_foreign_product_is_no_problem_of_the_message),
        WITH_READER(an_sns_envelope_may_hold_an_event),
        WITH_READER(reads_raw_deliveries),
        WITH_READER(reads_the_spellings_of_older_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
