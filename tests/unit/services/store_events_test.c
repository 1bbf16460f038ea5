/* What AWS announces: taken in once, kept, and acted on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/events_fixture.h"

static void a_notification_makes_the_record_and_marks_it(void **state)
{
    struct fixture *f = *state;
    struct notify_result result = sns(f, EVENT_ENTITLEMENT_UPDATED, NOW);
    struct subscription record = only_record(f);

    assert_int_equal(result.outcome, OUTCOME_APPLIED);
    assert_int_equal(result.subscriptions.count, 1);
    assert_true(str_eq(result.subscriptions.items[0], record.id));
    assert_true(str_eq(record.customer_identifier, STR("customer-1")));
    assert_int_equal(record.registered_at, 0);
    assert_int_equal(due_class_of(f, record.id), DUE_NOTIFICATION);
}

static void a_duplicate_marks_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct notification message = {.kind = EVENT_ENTITLEMENT_UPDATED,
                                   .event_id = STR("event-1"),
                                   .product_code = STR(PRODUCT),
                                   .customer_identifier = STR("customer-1")};

    assert_int_equal(fixture_notify(f, message).outcome, OUTCOME_APPLIED);
    struct str id = only_record(f).id;
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(1)));
    assert_int_equal(due_class_of(f, id), due_class_none);
    assert_int_equal(fixture_notify(f, message).outcome, OUTCOME_DUPLICATE);
    assert_int_equal(due_class_of(f, id), DUE_NOTIFICATION);
}

static struct notification license_event(const char *event_id, const char *request_id)
{
    return (struct notification){.kind = EVENT_LICENSE_UPDATED,
                                 .type = STR("License Updated - Manufacturer"),
                                 .event_id = str_of(event_id),
                                 .request_id = str_of(request_id),
                                 .product_code = STR(PRODUCT),
                                 .account_id = STR(ACCOUNT),
                                 .license = STR(ARN(FIRST_KEY)),
                                 .agreement_id = STR("agmt-1"),
                                 .event_time = NOW};
}

static void an_event_sent_again_under_a_new_id_is_a_duplicate(void **state)
{
    struct fixture *f = *state;
    struct notification first = license_event("event-1", "request-1"), other;

    assert_int_equal(fixture_notify(f, first).outcome, OUTCOME_APPLIED);
    other = license_event("event-2", "request-1");
    assert_int_equal(fixture_notify(f, other).outcome, OUTCOME_DUPLICATE);
    other.license = STR("aws:license-manager:us-east-1:" SELLER ":" FIRST_KEY);
    assert_int_equal(fixture_notify(f, other).outcome, OUTCOME_DUPLICATE);
    assert_int_equal(due_class_of(f, only_record(f).id), DUE_NOTIFICATION);
}

/* AWS's printed samples share one requestId among events of several types. */
static void events_of_one_request_are_not_duplicates_of_each_other(void **state)
{
    struct fixture *f = *state;
    struct notification event = license_event("event-1", "request-1");

    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
    event = license_event("event-2", "request-1");
    event.type = STR("License Deprovisioned - Manufacturer");
    event.kind = EVENT_LICENSE_DEPROVISIONED;
    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
    event = license_event("event-3", "request-1");
    event.license = STR(ARN(SECOND_KEY));
    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
    event = license_event("event-4", "request-1");
    event.agreement_id = STR("agmt-2");
    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
    event = license_event("event-5", "");
    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
    event = license_event("event-6", "");
    assert_int_equal(fixture_notify(f, event).outcome, OUTCOME_APPLIED);
}

static void the_journal_names_the_replay_that_sent_an_event(void **state)
{
    struct fixture *f = *state;
    struct history_params params = {.limit = 10};
    struct notifications_result messages;
    struct journal_result result;

    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .event_id = STR("event-1"),
           .product_code = STR(PRODUCT), .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY),
           .replay = STR("after-the-outage"), .event_time = NOW);
    assert_int_equal(fixture_read(f, on_notifications, &params, &messages), ERROR_NONE);
    assert_true(str_eq(messages.notifications.items[0].replay, STR("after-the-outage")));
    assert_int_equal(fixture_read(f, on_journal, &params, &result), ERROR_NONE);
    assert_int_equal(result.entries.count, 1);
    assert_true(str_eq(result.entries.items[0].author,
                       STR("n-0000000000000001 (replay after-the-outage)")));
}

static void a_failed_payment_never_grants(void **state)
{
    struct fixture *f = *state;

    sns(f, EVENT_SUBSCRIBE_FAIL, NOW);
    struct subscription record = only_record(f);
    assert_int_equal(record.payment_failed_at, NOW);
    assert_int_equal(record_state(&record, &policy_default, NOW, false), STATE_PAYMENT_FAILED);
    sns(f, EVENT_SUBSCRIBE_SUCCESS, NOW + 5);
    assert_int_equal(only_record(f).payment_failed_at, 0);
}

static void an_unsubscription_is_a_notice(void **state)
{
    struct fixture *f = *state;

    sns(f, EVENT_UNSUBSCRIBE_PENDING, NOW - 5);
    assert_null(only_record(f).evidence);
    sns(f, EVENT_UNSUBSCRIBE_SUCCESS, NOW);
    struct subscription record = only_record(f);
    assert_int_equal(record_evidence(&record).notice, NOTICE_UNSUBSCRIBED);
}

static void what_cannot_be_acted_on_is_kept_with_the_reason(void **state)
{
    struct fixture *f = *state;
    struct history_params params = {.limit = 10};
    struct notifications_result kept = {0};

    assert_int_equal(NOTIFY(f, .body = STR("garbage"), .problem = STR("it is no JSON")).outcome,
                     OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(
        NOTIFY(f, .kind = EVENT_ENTITLEMENT_UPDATED, .product_code = STR(PRODUCT)).outcome,
        OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .license = STR(FIRST_KEY)).outcome,
                     OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED).outcome, OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(NOTIFY(f, .kind = EVENT_OTHER).outcome, OUTCOME_RECORDED);
    assert_int_equal(fixture_read(f, on_notifications, &params, &kept), ERROR_NONE);
    assert_int_equal(kept.notifications.count, 5);
    for (size_t i = 1; i < kept.notifications.count; i++)
        assert_true(kept.notifications.items[i].problem.len > 0);
    assert_true(str_eq(kept.notifications.items[4].problem, STR("it is no JSON")));
    assert_int_equal(fixture_all(f).count, 0);
}

static void an_agreement_of_no_known_licence_waits_and_marks_its_account(void **state)
{
    struct fixture *f = *state;

    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .agreement_id = STR("agmt-1"),
           .event_time = NOW);
    struct str id = only_record(f).id;
    fixture_apply(f, id, SCOPE_ACCOUNT, NOW, ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));
    struct notify_result result =
        NOTIFY(f, .kind = EVENT_AGREEMENT_CREATED, .agreement_id = STR("agmt-2"),
               .account_id = STR(ACCOUNT), .intent = STR("NEW"), .event_time = NOW);
    assert_int_equal(result.outcome, OUTCOME_PARKED);
    assert_int_equal(result.subscriptions.count, 1);
    assert_int_equal(due_class_of(f, id), DUE_NOTIFICATION);
    assert_int_equal(NOTIFY(f, .kind = EVENT_AGREEMENT_AMENDED, .agreement_id = STR("agmt-1"),
                            .account_id = STR(ACCOUNT), .event_time = NOW)
                         .outcome,
                     OUTCOME_APPLIED);
}

#define OTHER_PRODUCT "4exampleproductcode0000002"

static struct notify_result license_updated(struct fixture *f, const char *product)
{
    return NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = str_of(product),
                  .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .event_time = NOW);
}

static struct str register_license(struct fixture *f)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .license_arn = STR(ARN(FIRST_KEY))};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return arena_str(&f->arena, result.subscription->id);
}

static void an_event_does_not_give_a_licence_to_another_product(void **state)
{
    struct fixture *f = *state;
    struct str id = register_license(f);

    fixture_apply(f, id, SCOPE_LICENSE, NOW, ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));
    struct notify_result result = license_updated(f, OTHER_PRODUCT);
    assert_int_equal(result.outcome, OUTCOME_NOT_UNDERSTOOD);
    assert_true(str_eq(fixture_of_license(f, FIRST_KEY).id, id));
    assert_int_equal(due_class_of(f, id), DUE_NOTIFICATION);
    NOTIFY(f, .kind = EVENT_LICENSE_DEPROVISIONED, .product_code = STR(OTHER_PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .event_time = NOW);
    struct subscription record = only_record(f);
    assert_int_equal(record_evidence(&record).notice, notice_none);
    assert_int_equal(license_updated(f, PRODUCT).outcome, OUTCOME_APPLIED);
}

static void a_registration_tells_of_which_product_a_licence_is(void **state)
{
    struct fixture *f = *state;

    license_updated(f, OTHER_PRODUCT);
    struct str wrong = only_record(f).id;
    struct str id = register_license(f);
    assert_true(str_eq(only_record(f).product_code, STR(PRODUCT)));
    assert_true(str_eq(fixture_get(f, wrong).id, id));
}

static void an_answer_tells_of_which_product_a_licence_is(void **state)
{
    struct fixture *f = *state;

    NOTIFY(f, .kind = EVENT_LICENSE_DEPROVISIONED, .product_code = STR(OTHER_PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .event_time = NOW);
    struct str wrong = only_record(f).id;
    license_updated(f, PRODUCT);
    struct subscription_list both = fixture_all(f);
    assert_int_equal(both.count, 2);
    struct str id = both.items[str_eq(both.items[0].id, wrong)].id;
    fixture_apply(
        f, id, SCOPE_ACCOUNT, NOW,
        ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT))));
    struct subscription record = only_record(f);
    assert_true(str_eq(record.id, id));
    assert_true(str_eq(record.product_code, STR(PRODUCT)));
    assert_int_equal(record_evidence(&record).notice, notice_none);
    assert_true(record_has_id(&record, wrong));
}

static void history_is_paged_newest_first(void **state)
{
    struct fixture *f = *state;
    struct history_params params = {.limit = 2};
    struct notifications_result page = {0};

    for (int i = 0; i < 5; i++)
        NOTIFY(f, .kind = EVENT_OTHER, .event_time = 1000 + i);
    for (int64_t want = 1004; want >= 1000;) {
        page = (struct notifications_result){0};
        assert_int_equal(fixture_read(f, on_notifications, &params, &page), ERROR_NONE);
        for (size_t i = 0; i < page.notifications.count; i++)
            assert_int_equal(page.notifications.items[i].event_time, want--);
        params.before = page.next;
    }
    assert_int_equal(page.next.len, 0);
    params.before = STR("n-nonsense");
    assert_int_equal(fixture_read(f, on_notifications, &params, &page), ERROR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_notification_makes_the_record_and_marks_it),
        fixture_test(a_duplicate_marks_all_the_same),
        fixture_test(an_event_sent_again_under_a_new_id_is_a_duplicate),
        fixture_test(events_of_one_request_are_not_duplicates_of_each_other),
        fixture_test(the_journal_names_the_replay_that_sent_an_event),
        fixture_test(a_failed_payment_never_grants),
        fixture_test(an_unsubscription_is_a_notice),
        fixture_test(what_cannot_be_acted_on_is_kept_with_the_reason),
        fixture_test(an_agreement_of_no_known_licence_waits_and_marks_its_account),
        fixture_test(an_event_does_not_give_a_licence_to_another_product),
        fixture_test(a_registration_tells_of_which_product_a_licence_is),
        fixture_test(an_answer_tells_of_which_product_a_licence_is),
        fixture_test(history_is_paged_newest_first),
    };

    return cmocka_run_group_tests_name("services/store_events", tests, NULL, NULL);
}
