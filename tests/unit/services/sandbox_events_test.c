/* Events and messages have exactly the members of the wire examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/crypto.h"
#include "services/sandbox/events.h"
#include "services/sandbox/sns.h"
#include "services/sandbox/world_json.h"
#include "tests/support/vectors.h"

struct fixture {
    struct json *vectors, *captured;
    struct world world;
    struct product *new_listing, *legacy;
    struct agreement agreement;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc_zero(sizeof(*f));
    struct json *origin = NULL;

    f->vectors = vectors_load("aws-wire-examples.json");
    f->captured = vectors_load("captured-events.json");
    world_init(&f->world);
    assert_int_equal(json_parse(&origin, str_of(world_default_text), NULL), 0);
    assert_int_equal(world_load(&f->world, origin, NULL), 0);
    json_free(origin);
    f->new_listing = world_product(&f->world, STR("4exampleproductcode0000001"));
    f->legacy = world_product(&f->world, STR("5legacyproductcode00000001"));
    f->agreement = (struct agreement){
        .product = f->new_listing,
        .id = STR("agmt-1exampleagreement0000000001"),
        .account = STR("111122223333"),
        .offer = STR("offer-exampleoffer01"),
        .intent = STR("NEW"),
        .status = STR("ACTIVE"),
        .previous = STR("agmt-0"),
        .license_arn =
            STR("arn:aws:license-manager::555566667777:license:l-0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        .customer_identifier = STR("ExCustId0001"),
        .accepted_at = 1795435170,
        .starts_at = 1795435170,
        .accepted_ms = 13,
        .now = {.ends_at = 1827014400},
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    json_free(f->vectors);
    json_free(f->captured);
    world_done(&f->world);
    mem_free(f);
    return 0;
}

static const struct json *find(const struct json *cases, const char *id)
{
    for (size_t i = 0; i < json_count(cases); i++) {
        if (str_eq_text(json_get_str(json_at(cases, i), "id"), id))
            return json_at(cases, i);
    }
    fail_msg("no example %s", id);
    return NULL;
}

static const struct json *example(const struct fixture *f, const char *list, const char *id)
{
    return find(json_path(f->vectors, list), id);
}

static void assert_same_members(const struct json *want, const struct json *got);

static void assert_member(void *arg, struct str key, const struct json *want)
{
    const struct json *got = json_get(arg, key.ptr);

    if (!got)
        fail_msg("'%s' is missing", key.ptr);
    assert_same_members(want, got);
}

static void assert_known(void *arg, struct str key, const struct json *value)
{
    (void)value;
    if (!json_get(arg, key.ptr))
        fail_msg("'%s' is not in the example", key.ptr);
}

/* The same members of the same kinds, however deep; values may differ. */
static void assert_same_members(const struct json *want, const struct json *got)
{
    assert_int_equal(json_kind(want), json_kind(got));
    if (json_kind(want) != JSON_KIND_OBJECT)
        return;
    json_each(want, assert_member, (void *)(uintptr_t)got);
    json_each(got, assert_known, (void *)(uintptr_t)want);
}

/* Takes the event. */
static void assert_like(const struct fixture *f, const char *id, struct json *event)
{
    const struct json *want = json_get(example(f, "eventbridge.cases", id), "event");

    assert_same_members(want, event);
    assert_true(str_eq(json_get_str(want, "detail-type"), json_get_str(event, "detail-type")));
    assert_true(str_eq(json_get_str(want, "account"), json_get_str(event, "account")));
    assert_true(str_eq(json_str(json_path(want, "detail.acceptor.accountId")),
                       json_str(json_path(event, "detail.acceptor.accountId"))));
    json_free(event);
}

static void note_names(void *arg, struct str key, const struct json *value)
{
    struct buf *names = arg;

    buf_printf(names, STR_FMT " ", STR_ARG(key));
    if (json_kind(value) == JSON_KIND_OBJECT)
        json_each(value, note_names, names);
}

/* The same members in the same order, and times of the same length. Takes the event. */
static void assert_as_captured(const struct fixture *f, const char *id, struct json *event)
{
    cleanup(json_freep) struct json *want = NULL;
    cleanup(buf_done) struct buf wanted = BUF_INIT, got = BUF_INIT;
    static const char *const times[] = {"time", "detail.agreement.startTime",
                                        "detail.agreement.acceptanceTime",
                                        "detail.agreement.endTime"};

    assert_int_equal(
        json_parse(&want, json_get_str(find(json_get(f->captured, "cases"), id), "sqs_body_raw"),
                   NULL),
        0);
    assert_same_members(want, event);
    json_each(want, note_names, &wanted);
    json_each(event, note_names, &got);
    assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_int_equal(json_str(json_path(want, times[i])).len,
                         json_str(json_path(event, times[i])).len);
    assert_true(str_eq(json_get_str(want, "detail-type"), json_get_str(event, "detail-type")));
    assert_true(str_eq(json_str(json_at(json_get(want, "resources"), 0)),
                       json_str(json_at(json_get(event, "resources"), 0))));
    json_free(event);
}

static void events_are_as_they_were_captured(void **state)
{
    struct fixture *f = *state;

    f->agreement.now.ends_at = 253370764800;
    assert_as_captured(f, "created", event_agreement_created(&f->world, &f->agreement, false));
    assert_as_captured(f, "license-updated", event_license(&f->world, &f->agreement, true));
    f->agreement.status = STR("CANCELLED");
    assert_as_captured(f, "ended", event_agreement_ended(&f->world, &f->agreement));
    assert_as_captured(f, "license-deprovisioned", event_license(&f->world, &f->agreement, false));
}

static void the_times_of_what_has_no_end_are_as_captured(void **state)
{
    struct fixture *f = *state;

    f->agreement.now.ends_at = 253370764800;
    struct json *event = event_agreement_created(&f->world, &f->agreement, false);
    assert_true(str_eq(json_str(json_path(event, "detail.agreement.endTime")),
                       STR("9999-01-01T00:00:00Z")));
    assert_true(str_eq(json_str(json_path(event, "detail.agreement.startTime")),
                       STR("2026-11-23T11:59:30.013Z")));
    json_free(event);
}

static void agreement_events_may_be_like_the_printed_examples(void **state)
{
    struct fixture *f = *state;

    f->new_listing->documented_events = true;
    assert_like(f, "agreement-created-new-proposer",
                event_agreement_created(&f->world, &f->agreement, false));
    f->agreement.intent = STR("RENEW");
    assert_like(f, "agreement-created-renew-proposer",
                event_agreement_created(&f->world, &f->agreement, true));
    f->agreement.intent = STR("REPLACE");
    assert_like(f, "agreement-created-replace-proposer",
                event_agreement_created(&f->world, &f->agreement, false));
    assert_like(f, "agreement-amended-proposer", event_agreement_amended(&f->world, &f->agreement));
    f->agreement.status = STR("CANCELLED");
    assert_like(f, "agreement-ended-cancelled-proposer",
                event_agreement_ended(&f->world, &f->agreement));
}

static void licence_events_are_like_the_examples(void **state)
{
    struct fixture *f = *state;

    assert_like(f, "license-updated-full-arn", event_license(&f->world, &f->agreement, true));
    assert_like(f, "license-deprovisioned", event_license(&f->world, &f->agreement, false));
}

static void a_listing_may_spell_licences_as_the_printed_samples_do(void **state)
{
    struct fixture *f = *state;
    const struct json *want =
        json_get(example(f, "eventbridge.cases", "license-updated-doc-style-arn"), "event");

    f->new_listing->documented_arn = true;
    struct json *event = event_license(&f->world, &f->agreement, true);
    assert_true(str_eq(json_str(json_path(want, "detail.license.arn")),
                       json_str(json_path(event, "detail.license.arn"))));
    json_free(event);
}

static void the_times_of_an_event_are_the_agreements(void **state)
{
    struct fixture *f = *state;
    f->new_listing->documented_events = true;
    struct json *event = event_agreement_created(&f->world, &f->agreement, false);

    assert_true(str_eq(json_str(json_path(event, "detail.agreement.startTime")),
                       STR("2026-11-23T11:59:30Z")));
    assert_true(str_eq(json_str(json_path(event, "detail.agreement.endTime")),
                       STR("2027-11-24T00:00:00Z")));
    json_free(event);
}

static void an_sns_envelope_has_the_examples_members_and_a_valid_signature(void **state)
{
    struct fixture *f = *state;
    const struct json *want =
        json_get(example(f, "sns.cases", "entitlement-updated-sigv1"), "envelope");
    struct crypto_certificate *certificate = NULL;
    struct buf body = BUF_INIT, text = BUF_INIT, signature = BUF_INIT;
    struct json *envelope = NULL;
    struct sns sns;

    sns_init(&sns);
    sns_envelope(&sns, &f->world, f->legacy, "entitlement", STR("{\"a\":\"\xc3\xa9\"}\n"), &body);
    assert_int_equal(json_parse(&envelope, buf_str(&body), NULL), 0);
    assert_same_members(want, envelope);
    buf_printf(&text,
               "Message\n{\"a\":\"\xc3\xa9\"}\n\nMessageId\n%s\nTimestamp\n%s\nTopicArn\n%s\n"
               "Type\nNotification\n",
               json_get_str(envelope, "MessageId").ptr, json_get_str(envelope, "Timestamp").ptr,
               json_get_str(envelope, "TopicArn").ptr);
    assert_int_equal(crypto_base64_decode(&signature, json_get_str(envelope, "Signature")), 0);
    assert_int_equal(crypto_certificate_parse(&certificate, buf_str(&sns.certificate), NULL), 0);
    assert_true(crypto_certificate_verify(certificate, CRYPTO_DIGEST_SHA1, buf_str(&text),
                                          buf_str(&signature)));
    crypto_certificate_free(certificate);
    json_free(envelope);
    buf_done(&body);
    buf_done(&text);
    buf_done(&signature);
    sns_done(&sns);
}

static void sns_messages_have_the_documented_members(void **state)
{
    struct fixture *f = *state;
    struct json *want = NULL;

    f->agreement.product = f->legacy;
    assert_int_equal(
        json_parse(&want, json_str(json_path(f->vectors, "sns.raw_delivery_body_example")), NULL),
        0);
    struct json *updated = message_entitlement_updated(&f->agreement);
    assert_same_members(want, updated);

    json_set_str(want, "offer-identifier", STR("offer"));
    json_set_str(want, "isFreeTrialTermPresent", STR("false"));
    struct json *subscribed = message_subscription(&f->agreement, "subscribe-success");
    assert_same_members(want, subscribed);
    json_free(want);
    json_free(updated);
    json_free(subscribed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_are_as_they_were_captured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_times_of_what_has_no_end_are_as_captured, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(agreement_events_may_be_like_the_printed_examples, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(licence_events_are_like_the_examples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listing_may_spell_licences_as_the_printed_samples_do,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_times_of_an_event_are_the_agreements, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            an_sns_envelope_has_the_examples_members_and_a_valid_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sns_messages_have_the_documented_members, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
