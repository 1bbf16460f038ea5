/* How records without a licence gain one, merge, or go on in another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/work/marks.h"
#include "tests/support/identity_fixture.h"

static void notify_end(struct fixture *f, const char *key, enum event_kind kind, const char *status)
{
    struct notification message = {.kind = kind,
                                   .product_code = STR(PRODUCT),
                                   .account_id = STR(ACCOUNT),
                                   .license = str_of(key),
                                   .agreement_id = STR("agmt-of-license"),
                                   .status = str_of(status)};
    struct notify_params params = {.notification = &message};
    struct notify_result result = {0};

    assert_int_equal(fixture_write(f, on_notify, &params, &result), ERROR_NONE);
}

static void an_unlicensed_record_gains_the_only_licence_of_its_answer(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .customer_identifier = STR("customer-1")));

    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(10)));
    assert_int_equal(fixture_get(f, id).license_key.len, 0);
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 1,
                  ROWS_OF(SEATS(10, .license_arn = STR(ARN(FIRST_KEY)))));
    struct subscription record = fixture_of_license(f, FIRST_KEY);
    assert_true(str_eq(record.id, id));
    assert_true(str_eq(record.license_arn, STR(ARN(FIRST_KEY))));
    assert_int_equal(fixture_seats(&record), 10);
    assert_int_equal(count_all(f), 1);
}

static void an_answer_that_holds_something_else_too_gives_no_licence(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .customer_identifier = STR("customer-1")));

    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW,
                  ROWS_OF(SEATS(10, .license_arn = STR(ARN(FIRST_KEY))), SEATS(5)));
    struct subscription record = fixture_get(f, id);
    assert_int_equal(record.license_key.len, 0);
    assert_int_equal(fixture_seats(&record), 5);
    assert_false(str_eq(fixture_of_license(f, FIRST_KEY).id, id));
}

static void an_unlicensed_record_goes_on_in_one_of_several_licences(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .customer_identifier = STR("customer-1")));

    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(10)));
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 1,
                  ROWS_OF(SEATS(5, .license_arn = STR(ARN(FIRST_KEY))),
                          SEATS(10, .license_arn = STR(ARN(SECOND_KEY)))));
    assert_int_equal(count_all(f), 3);
    struct subscription same = fixture_of_license(f, SECOND_KEY);
    assert_true(str_eq(same.predecessor, id));
    assert_true(str_eq(fixture_get(f, id).successor, same.id));
    assert_int_equal(fixture_of_license(f, FIRST_KEY).predecessor.len, 0);
}

struct pair {
    struct str legacy, licensed;
};

/* An unlicensed record with everything, and the licence's own, as events made it. */
static struct pair two_records_of_one(struct fixture *f, int64_t legacy_seats)
{
    struct pair pair = {.legacy = enter_id(ENTER(f, .customer_identifier = STR("customer-1"),
                                                 .account_id = STR(ACCOUNT)))};
    struct link_params link = {.handle = pair.legacy, .tenant = STR("tenant-1")};
    struct subscription_result linked = {0};
    struct contact_field field = {STR("email"), STR("buyer@example.com")};
    struct contact_put_params contact = {.subscription = pair.legacy, .fields = {&field, 1}};
    struct override override = {.handle = pair.legacy, .action = OVERRIDE_ALLOW};
    struct override_put_params put = {.override = &override};
    struct override_result put_result = {0};
    struct nothing nothing;

    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NONE);
    assert_int_equal(fixture_write(f, on_contact_put, &contact, &nothing), ERROR_NONE);
    assert_int_equal(fixture_write(f, on_override_put, &put, &put_result), ERROR_NONE);
    if (legacy_seats > 0)
        fixture_apply(f, pair.legacy, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(legacy_seats)));
    notify_license(f, FIRST_KEY);
    pair.licensed = fixture_of_license(f, FIRST_KEY).id;
    assert_false(str_eq(pair.legacy, pair.licensed));
    return pair;
}

static void assert_merged(struct fixture *f, struct pair pair)
{
    struct subscription record = fixture_get(f, pair.legacy);
    struct subscription_params by_old_id = {.subscription = pair.legacy};
    struct history_params history = {.limit = 100, .subscription = pair.legacy};
    struct journal_result journal = {0};
    struct contact_result contact = {0};
    struct snapshot_params all = {.limit = 100};
    struct snapshot_result snapshot = {0};

    assert_int_equal(count_all(f), 1);
    assert_true(str_eq(record.id, pair.licensed));
    assert_true(record_has_id(&record, pair.legacy));
    assert_true(str_eq(record.tenant, STR("tenant-1")));
    assert_true(str_eq(record.customer_identifier, STR("customer-1")));
    assert_true(record.registered_at != 0);
    assert_int_equal(fixture_read(f, on_contact_get, &by_old_id, &contact), ERROR_NONE);
    assert_int_equal(contact.fields.count, 1);
    assert_int_equal(fixture_read(f, on_snapshot, &all, &snapshot), ERROR_NONE);
    assert_int_equal(snapshot.overrides.count, 1);
    assert_true(str_eq(snapshot.overrides.items[0].handle, pair.licensed));
    assert_int_equal(fixture_read(f, on_journal, &history, &journal), ERROR_NONE);
    bool journalled = false;
    for (size_t i = 0; i < journal.entries.count; i++)
        journalled |= journal.entries.items[i].cause == CAUSE_MERGE;
    assert_true(journalled);
    static const char *const handles[] = {"tenant-1", "customer-1", ACCOUNT, FIRST_KEY};
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        assert_int_equal(records_find(f->books.db, str_of(handles[i]), STR_NONE, &f->arena).count,
                         1);
}

static void an_answer_of_one_licence_merges_the_unlicensed_record_into_it(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 10);

    fixture_apply(f, pair.legacy, SCOPE_CUSTOMER_IDENTIFIER, NOW + 1,
                  ROWS_OF(SEATS(12, .license_arn = STR(ARN(FIRST_KEY)))));
    assert_merged(f, pair);
    struct subscription record = fixture_get(f, pair.licensed);
    assert_int_equal(fixture_seats(&record), 12);
    assert_int_equal(f->event.removed.count, 1);
    assert_true(str_eq(f->event.removed.items[0], pair.legacy));
}

static void an_answer_for_the_licence_by_account_merges_too(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 10);

    fixture_apply(f, pair.licensed, SCOPE_ACCOUNT, NOW + 1,
                  ROWS_OF(SEATS(12, .license_arn = STR(ARN(FIRST_KEY)))));
    assert_merged(f, pair);
}

static void an_answer_by_licence_proves_nothing_about_others(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 10);

    fixture_apply(f, pair.licensed, SCOPE_LICENSE, NOW + 1,
                  ROWS_OF(SEATS(12, .license_arn = STR(ARN(FIRST_KEY)),
                                .customer_identifier = STR("customer-1"))));
    assert_int_equal(count_all(f), 2);
}

static void a_registration_merges_an_unlicensed_record_that_holds_nothing(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 0);

    struct register_result result =
        ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .customer_identifier = STR("customer-1"));
    assert_true(str_eq(enter_id(result), pair.licensed));
    assert_merged(f, pair);
}

static void a_registration_asks_first_about_one_that_holds_something(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 10);
    struct stored_due due;

    ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .customer_identifier = STR("customer-1"));
    assert_int_equal(count_all(f), 2);
    marks_get(f->books.db, pair.legacy, &f->arena, &due);
    assert_int_equal(due.class, DUE_REGISTRATION);
}

/* Under concurrent agreements it may be a second purchase. */
static void a_registration_gives_no_licence_to_one_that_holds_something(void **state)
{
    struct fixture *f = *state;
    struct str held =
        enter_id(ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR(ACCOUNT)));

    fixture_apply(f, held, SCOPE_CUSTOMER_IDENTIFIER, NOW, ROWS_OF(SEATS(10)));
    assert_true(ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR(ACCOUNT),
                      .license_arn = STR(ARN(FIRST_KEY)))
                    .created);
    struct subscription record = fixture_get(f, held);
    assert_int_equal(record.license_key.len, 0);
    assert_int_equal(fixture_seats(&record), 10);
}

static void merging_keeps_what_was_served(void **state)
{
    struct fixture *f = *state;
    struct pair pair = two_records_of_one(f, 10);
    struct subscription gone = fixture_get(f, pair.legacy);

    /* The licence's record was never verified: the entitlements go on. */
    fixture_apply(f, pair.licensed, SCOPE_ACCOUNT, NOW - 1,
                  ROWS_OF(SEATS(10, .license_arn = STR(ARN(FIRST_KEY)))));
    struct subscription record = fixture_get(f, pair.licensed);
    assert_int_equal(fixture_seats(&record), 10);
    assert_int_equal(record.verified_at, gone.verified_at);
}

/* A legacy record that went on in the first of two licences turns out to be the second. */
static void a_merge_parts_what_was_inferred(struct fixture *f, bool ask_the_first)
{
    struct aws_entitlement_list rows =
        ROWS_OF(SEATS(2, .customer_identifier = STR("cust-1"), .account_id = STR(ACCOUNT),
                      .license_arn = STR(ARN(SECOND_KEY))),
                SEATS(1, .customer_identifier = STR("cust-1"), .account_id = STR(ACCOUNT),
                      .license_arn = STR(ARN(FIRST_KEY))));
    struct str id =
        enter_id(ENTER(f, .customer_identifier = STR("cust-1"), .account_id = STR(ACCOUNT)));

    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW,
                  ROWS_OF(SEATS(3, .customer_identifier = STR("cust-1"))));
    fixture_apply(f, id, SCOPE_CUSTOMER_IDENTIFIER, NOW + 10, rows);
    struct subscription first = fixture_of_license(f, FIRST_KEY);
    assert_true(str_eq(fixture_get(f, id).successor, first.id));
    rows.count = 1;
    fixture_apply(f, ask_the_first ? first.id : id, SCOPE_ACCOUNT, NOW + 100, rows);
    assert_int_equal(count_all(f), 2);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).predecessor.len, 0);
    assert_int_equal(fixture_of_license(f, SECOND_KEY).successor.len, 0);
    assert_true(str_eq(fixture_get(f, id).license_key, STR(SECOND_KEY)));
}

static void whoever_merges_goes_on_nowhere_else(void **state)
{
    a_merge_parts_what_was_inferred(*state, false);
}

static void also_where_that_was_asked_about(void **state)
{
    a_merge_parts_what_was_inferred(*state, true);
}

/* Learnt apart: from a registration by its account, from SNS by its identifier. */
static void an_answer_that_names_the_identifier_merges_too(void **state)
{
    struct fixture *f = *state;
    struct aws_entitlement row =
        SEATS(5, .customer_identifier = STR("cust-1"), .account_id = STR(ACCOUNT));

    struct str by_account = enter_id(ENTER(f, .account_id = STR(ACCOUNT)));
    NOTIFY(f, .kind = EVENT_ENTITLEMENT_UPDATED, .product_code = STR(PRODUCT),
           .customer_identifier = STR("cust-1"), .event_time = NOW);
    assert_int_equal(count_all(f), 2);
    fixture_apply(f, by_account, SCOPE_ACCOUNT, NOW, (struct aws_entitlement_list){&row, 1});
    assert_int_equal(count_all(f), 1);
    struct subscription record = fixture_get(f, by_account);
    assert_int_equal(fixture_seats(&record), 5);
    assert_true(str_eq_text(record.customer_identifier, "cust-1"));
    assert_true(str_eq_text(record.account_id, ACCOUNT));
}

enum successor_case { PLAIN, CANCELLED, DEPROVISIONED, OTHER_REGISTERED, OTHER_LINKED, TWO_OTHERS };

static bool finds_successor(struct fixture *f, enum successor_case which)
{
    int64_t begin_s = clock_wall_s() - 1000;
    struct str id =
        enter_id(ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT)));
    struct aws_entitlement_list others =
        ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT)),
                SEATS(9, .license_arn = STR(ARN(THIRD_KEY)), .account_id = STR(ACCOUNT)));

    others.count = which == TWO_OTHERS ? 2 : 1;
    fixture_apply(f, id, SCOPE_LICENSE, begin_s, ROWS_OF(SEATS(9)));
    if (which == OTHER_REGISTERED)
        ENTER(f, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT));
    if (which == OTHER_LINKED) {
        notify_license(f, SECOND_KEY);
        struct link_params link = {.handle = STR(SECOND_KEY), .tenant = STR("tenant-2")};
        struct subscription_result linked = {0};
        fixture_write(f, on_link, &link, &linked);
    }
    if (which == DEPROVISIONED)
        notify_end(f, FIRST_KEY, EVENT_LICENSE_DEPROVISIONED, "");
    if (which == CANCELLED) {
        notify_end(f, FIRST_KEY, EVENT_LICENSE_UPDATED, "");
        notify_end(f, "", EVENT_AGREEMENT_ENDED, "CANCELLED");
    }
    fixture_apply(f, id, SCOPE_LICENSE, begin_s + 10, NO_ROWS);
    assert_int_equal(fixture_get(f, id).successor.len, 0);
    fixture_apply(f, id, SCOPE_ACCOUNT, begin_s + 100, others);
    struct subscription record = fixture_get(f, id);
    if (record.successor.len == 0)
        return false;
    struct subscription successor = fixture_of_license(f, SECOND_KEY);
    assert_true(str_eq(record.successor, successor.id));
    assert_true(str_eq(successor.predecessor, record.id));
    return true;
}

static void the_only_new_licence_of_the_account_succeeds(void **state)
{
    assert_true(finds_successor(*state, PLAIN));
}

static void a_deprovisioned_licence_may_be_succeeded(void **state)
{
    assert_true(finds_successor(*state, DEPROVISIONED));
}

static void a_cancelled_one_has_no_successor(void **state)
{
    assert_false(finds_successor(*state, CANCELLED));
}

static void a_licence_registered_on_its_own_succeeds_nobody(void **state)
{
    assert_false(finds_successor(*state, OTHER_REGISTERED));
}

static void a_licence_with_a_tenant_succeeds_nobody(void **state)
{
    assert_false(finds_successor(*state, OTHER_LINKED));
}

static void of_two_new_licences_none_is_taken(void **state)
{
    assert_false(finds_successor(*state, TWO_OTHERS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_unlicensed_record_gains_the_only_licence_of_its_answer),
        fixture_test(an_answer_that_holds_something_else_too_gives_no_licence),
        fixture_test(an_unlicensed_record_goes_on_in_one_of_several_licences),
        fixture_test(an_answer_of_one_licence_merges_the_unlicensed_record_into_it),
        fixture_test(an_answer_for_the_licence_by_account_merges_too),
        fixture_test(an_answer_by_licence_proves_nothing_about_others),
        fixture_test(a_registration_merges_an_unlicensed_record_that_holds_nothing),
        fixture_test(a_registration_asks_first_about_one_that_holds_something),
        fixture_test(a_registration_gives_no_licence_to_one_that_holds_something),
        fixture_test(merging_keeps_what_was_served),
        fixture_test(whoever_merges_goes_on_nowhere_else),
        fixture_test(also_where_that_was_asked_about),
        fixture_test(an_answer_that_names_the_identifier_merges_too),
        fixture_test(the_only_new_licence_of_the_account_succeeds),
        fixture_test(a_deprovisioned_licence_may_be_succeeded),
        fixture_test(a_cancelled_one_has_no_successor),
        fixture_test(a_licence_registered_on_its_own_succeeds_nobody),
        fixture_test(a_licence_with_a_tenant_succeeds_nobody),
        fixture_test(of_two_new_licences_none_is_taken),
    };

    return cmocka_run_group_tests_name("services/store_identity", tests, NULL, NULL);
}
