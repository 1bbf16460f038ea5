/* Which record a key leads to, what an answer proves about it, and when two records are one. */
#include "services/store/steady_clock.h"
#include "tests/support/store_fixture.h"

#include "services/store/marks.h"

#define NOW 1700000000

static struct register_result enter_full(struct fixture *f, struct register_params params)
{
    struct register_result result = {0};

    if (params.product_code.len == 0)
        params.product_code = STR(PRODUCT);
    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return result;
}

#define ENTER(f, ...) enter_full(f, (struct register_params){__VA_ARGS__})

static struct str enter_id(struct register_result result)
{
    return result.subscription->id;
}

static void notify_license(struct fixture *f, const char *key)
{
    struct notification message = {.kind = EVENT_LICENSE_UPDATED,
                                   .product_code = STR(PRODUCT),
                                   .account_id = STR(ACCOUNT),
                                   .license = str_of(key),
                                   .event_time = NOW};
    struct notify_params params = {.notification = &message};
    struct notify_result result = {0};

    assert_int_equal(fixture_write(f, on_notify, &params, &result), ERROR_NONE);
    assert_int_equal(result.outcome, OUTCOME_APPLIED);
}

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

static size_t count_all(struct fixture *f)
{
    return fixture_all(f).count;
}

static void registering_again_is_the_same_record(void **state)
{
    struct fixture *f = *state;
    struct register_result first = ENTER(f, .license_arn = STR(ARN(FIRST_KEY)));
    struct register_result again =
        ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));

    assert_true(first.created);
    assert_false(again.created);
    assert_true(str_eq(enter_id(first), enter_id(again)));
    assert_true(str_eq(again.subscription->account_id, STR(ACCOUNT)));
    assert_true(str_eq(again.subscription->license_key, STR(FIRST_KEY)));
    assert_int_equal(again.subscription->registered_at, first.subscription->registered_at);
    assert_int_equal(count_all(f), 1);
}

static void a_registration_needs_a_key(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT)};
    struct register_result result = {0};

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_BAD_REQUEST);
    assert_int_equal(count_all(f), 0);
}

static void a_record_learnt_under_one_key_gains_the_others(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .customer_identifier = STR("customer-1")));

    assert_true(str_eq(id, enter_id(ENTER(f, .customer_identifier = STR("customer-1"),
                                          .account_id = STR(ACCOUNT)))));
    assert_true(str_eq(id, enter_id(ENTER(f, .account_id = STR(ACCOUNT)))));
    assert_true(str_eq(
        id, enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(FIRST_KEY))))));
    assert_true(str_eq(fixture_of_license(f, FIRST_KEY).customer_identifier, STR("customer-1")));
}

static void an_account_alone_names_one_unlicensed_record_or_none(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .account_id = STR(ACCOUNT), .customer_identifier = STR("customer-1"));
    ENTER(f, .account_id = STR(ACCOUNT), .customer_identifier = STR("customer-2"));
    assert_int_equal(count_all(f), 2);
    assert_true(ENTER(f, .account_id = STR(ACCOUNT)).created);
}

static void licences_of_one_account_are_records_of_their_own(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT),
          .customer_identifier = STR("customer-1"));
    ENTER(f, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT),
          .customer_identifier = STR("customer-1"));
    assert_int_equal(count_all(f), 2);
}

static void products_are_never_mixed(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .account_id = STR(ACCOUNT));
    assert_true(ENTER(f, .product_code = STR("another"), .account_id = STR(ACCOUNT)).created);
    struct str id = fixture_all(f).items[0].id;
    struct aws_entitlement row = SEATS(1, .account_id = STR(ACCOUNT));
    if (str_eq(fixture_all(f).items[0].product_code, row.product_code))
        row.product_code = STR("another");
    fixture_apply(f, id, SCOPE_ACCOUNT, NOW, (struct aws_entitlement_list){&row, 1});
    assert_int_equal(fixture_seats(&fixture_all(f).items[0]), 0);
    assert_int_equal(fixture_seats(&fixture_all(f).items[1]), 0);
}

static void an_event_before_the_registration_is_the_same_record(void **state)
{
    struct fixture *f = *state;

    notify_license(f, "aws:license-manager:us-east-1:111122223333:" FIRST_KEY);
    struct subscription record = fixture_of_license(f, FIRST_KEY);
    assert_int_equal(record.license_arn.len, 0);
    assert_int_equal(record.registered_at, 0);
    struct register_result result =
        ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));
    assert_false(result.created);
    assert_true(str_eq(enter_id(result), record.id));
    assert_true(str_eq(result.subscription->license_arn, STR(ARN(FIRST_KEY))));
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

static void keys_that_contradict_are_another_record(void **state)
{
    struct fixture *f = *state;

    ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR(ACCOUNT));
    assert_true(
        ENTER(f, .customer_identifier = STR("customer-1"), .account_id = STR("999988887777"))
            .created);
}

static void rows_of_a_licence_call_belong_to_it_whatever_they_repeat(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .license_arn = STR(ARN(FIRST_KEY))));

    fixture_apply(f, id, SCOPE_LICENSE, NOW, ROWS_OF(SEATS(7, .account_id = STR(ACCOUNT))));
    assert_int_equal(count_all(f), 1);
    struct subscription record = fixture_get(f, id);
    assert_int_equal(fixture_seats(&record), 7);
}

static void an_older_answer_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .license_arn = STR(ARN(FIRST_KEY))));

    fixture_apply(f, id, SCOPE_LICENSE, NOW, ROWS_OF(SEATS(7)));
    struct apply_result result = fixture_apply(f, id, SCOPE_LICENSE, NOW - 5, ROWS_OF(SEATS(3)));
    assert_false(result.changed);
    struct subscription record = fixture_get(f, id);
    assert_int_equal(fixture_seats(&record), 7);
}

static void verifying_alone_is_written_but_no_change(void **state)
{
    struct fixture *f = *state;
    struct str id = enter_id(ENTER(f, .license_arn = STR(ARN(FIRST_KEY))));
    struct history_params history = {.limit = 100};
    struct journal_result before = {0}, after = {0};

    fixture_apply(f, id, SCOPE_LICENSE, NOW, ROWS_OF(SEATS(7)));
    fixture_read(f, on_journal, &history, &before);
    int64_t version = fixture_get(f, id).version;
    assert_false(fixture_apply(f, id, SCOPE_LICENSE, NOW + 60, ROWS_OF(SEATS(7))).changed);
    fixture_read(f, on_journal, &history, &after);
    assert_int_equal(fixture_get(f, id).verified_at, NOW + 60);
    assert_int_equal(fixture_get(f, id).version, version + 1);
    assert_int_equal(f->event.subscriptions.count, 1);
    assert_int_equal(after.entries.count, before.entries.count);
}

static void an_older_answer_asks_about_nobody_that_it_does_not_list(void **state)
{
    struct fixture *f = *state;
    struct stored_due due;

    notify_license(f, FIRST_KEY);
    notify_license(f, SECOND_KEY);
    struct str first = fixture_of_license(f, FIRST_KEY).id;
    struct str second = fixture_of_license(f, SECOND_KEY).id;
    struct aws_entitlement_list both = ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY))),
                                               SEATS(2, .license_arn = STR(ARN(SECOND_KEY))));
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 20, both);
    fixture_apply(f, second, SCOPE_ACCOUNT, NOW + 20, both);
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 10,
                  ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));
    marks_get(f->books.db, second, &f->arena, &due);
    assert_int_not_equal(due.class, DUE_EXPIRY);
}

static void others_that_an_account_does_not_list_are_asked_about_once(void **state)
{
    struct fixture *f = *state;
    struct stored_due due;

    notify_license(f, FIRST_KEY);
    notify_license(f, SECOND_KEY);
    struct str first = fixture_of_license(f, FIRST_KEY).id;
    struct str second = fixture_of_license(f, SECOND_KEY).id;
    struct aws_entitlement_list both = ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY))),
                                               SEATS(2, .license_arn = STR(ARN(SECOND_KEY))));
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW, both);
    fixture_apply(f, second, SCOPE_ACCOUNT, NOW, both);
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 10,
                  ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));

    struct subscription record = fixture_get(f, second);
    assert_int_equal(fixture_seats(&record), 2);
    marks_get(f->books.db, second, &f->arena, &due);
    assert_int_equal(due.class, DUE_EXPIRY);
    /* Once it was found empty itself, the other's answers do not mark it again. */
    fixture_apply(f, second, SCOPE_ACCOUNT, NOW + 11,
                  ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 12,
                  ROWS_OF(SEATS(1, .license_arn = STR(ARN(FIRST_KEY)))));
    marks_get(f->books.db, second, &f->arena, &due);
    assert_int_equal(due.class, due_class_none);
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

static void linking_needs_one_living_subscription(void **state)
{
    struct fixture *f = *state;
    struct link_params link = {.handle = STR(ACCOUNT), .tenant = STR("tenant-1")};
    struct subscription_result linked = {0};

    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NOT_FOUND);
    ENTER(f, .license_arn = STR(ARN(FIRST_KEY)), .account_id = STR(ACCOUNT));
    ENTER(f, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT));
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_CONFLICT);
    assert_non_null(strstr(f->error.text, "name one"));
    link.handle = STR(SECOND_KEY);
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NONE);
    assert_true(str_eq(linked.subscription->tenant, STR("tenant-1")));
    link.tenant = STR("");
    assert_int_equal(fixture_write(f, on_link, &link, &linked), ERROR_NONE);
    assert_int_equal(records_find(f->books.db, STR("tenant-1"), STR_NONE, &f->arena).count, 0);
}

static void a_token_leads_to_its_subscription(void **state)
{
    struct fixture *f = *state;
    struct token_find_params find = {.token_sha256 = STR("0123")};
    struct subscription_result found = {0};

    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NOT_FOUND);
    struct str id = enter_id(ENTER(f, .account_id = STR(ACCOUNT), .token_sha256 = STR("0123")));
    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NONE);
    assert_true(str_eq(found.subscription->id, id));
}

static void tokens_past_their_hours_are_forgotten(void **state)
{
    struct fixture *f = *state;
    struct change change;
    struct error error;

    ENTER(f, .account_id = STR(ACCOUNT), .token_sha256 = STR("0123"));
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms() + 3 * 3600 * 1000);
    assert_int_equal(tokens_prune(&change, change_now_s(&change), 10), 0);
    change_done(&change);
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms() + 4 * 3600 * 1000 + 1000);
    assert_int_equal(tokens_prune(&change, change_now_s(&change), 10), 1);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    struct token_find_params find = {.token_sha256 = STR("0123")};
    struct subscription_result found = {0};
    assert_int_equal(fixture_read(f, on_token_find, &find, &found), ERROR_NOT_FOUND);
}

static int64_t steady_at(struct fixture *f, struct steady_clock *clock, int64_t wall_s,
                         int64_t mono_s)
{
    struct change change;
    struct error error;

    change_begin(&change, f->books.db, f->books.seq, wall_s * 1000);
    int64_t now_s = steady_clock_now_s(clock, &change, mono_s * 1000);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    return now_s;
}

static void what_removes_by_age_follows_a_clock_that_jumps_at_leisure(void **state)
{
    enum { HOUR = 3600, YEAR = 365 * 24 * HOUR, T = 1700000000 };
    struct fixture *f = *state;
    struct steady_clock clock = {0}, after_restart = {0}, long_after = {0};

    assert_int_equal(steady_at(f, &clock, T, 100), T);
    assert_int_equal(steady_at(f, &clock, T + 60, 160), T + 60);
    /* A year ahead for an hour, with a restart within it. */
    assert_int_equal(steady_at(f, &clock, T + YEAR, 160), T + 60);
    assert_int_equal(steady_at(f, &clock, T + YEAR + HOUR, 160 + HOUR), T + 60 + 10 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + YEAR + HOUR, 5), T + 60 + 10 * HOUR);
    /* Back again, likewise; then as the clock goes. */
    assert_int_equal(steady_at(f, &after_restart, T + 2 * HOUR, 5), T + 60 + 10 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + 3 * HOUR, 5 + HOUR), T + 3 * HOUR);
    assert_int_equal(steady_at(f, &after_restart, T + 4 * HOUR, 5 + 2 * HOUR), T + 4 * HOUR);
    /* A store that did not run for long catches up. */
    assert_int_equal(steady_at(f, &long_after, T + 14 * HOUR, 0), T + 4 * HOUR);
    assert_int_equal(steady_at(f, &long_after, T + 15 * HOUR, HOUR), T + 14 * HOUR);
    assert_int_equal(steady_at(f, &long_after, T + 15 * HOUR, HOUR + 360), T + 15 * HOUR);
}

#define OF(key, ...)                                                                               \
    (struct aws_entitlement)                                                                       \
    {                                                                                              \
        .license_arn = STR(ARN(key)), .account_id = STR(ACCOUNT), __VA_ARGS__                      \
    }

static struct aws_entitlement terabytes(int64_t number, const char *arn)
{
    struct aws_entitlement row =
        SEATS(number, .license_arn = str_of(arn), .account_id = STR(ACCOUNT));

    row.dimension = STR("terabytes");
    return row;
}

static int64_t granted(struct fixture *f, struct str id, const char *dimension)
{
    struct subscription record = fixture_get(f, id);
    int64_t sum = 0;

    for (size_t i = 0; i < record.entitlements.count; i++) {
        if (str_eq_text(record.entitlements.items[i].dimension, dimension))
            sum += record.entitlements.items[i].value.integer;
    }
    return sum;
}

static struct str two_dimensions(struct fixture *f, const char *arn)
{
    struct register_params params = {
        .product_code = STR(PRODUCT), .account_id = STR(ACCOUNT), .license_arn = str_of(arn)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    struct str id = arena_str(&f->arena, result.subscription->id);
    fixture_apply(f, id, SCOPE_LICENSE, NOW,
                  ROWS_OF(SEATS(10, .license_arn = str_of(arn)), terabytes(5, arn)));
    return id;
}

static struct stored_due due_of(struct fixture *f, struct str id)
{
    struct stored_due stored;

    marks_get(f->books.db, id, &f->arena, &stored);
    return stored;
}

static void what_cannot_be_read_is_unknown_and_not_absent(void **state)
{
    struct fixture *f = *state;
    struct str id = two_dimensions(f, ARN(FIRST_KEY));
    struct aws_entitlement seats = SEATS(25, .license_arn = STR(ARN(FIRST_KEY)));

    fixture_apply(f, id, SCOPE_LICENSE, NOW + 60,
                  ROWS_OF(seats, OF(FIRST_KEY, .dimension = STR("terabytes"), .unreadable = true)));
    assert_int_equal(granted(f, id, "seats"), 25);
    assert_int_equal(granted(f, id, "terabytes"), 5);
    /* That was no whole answer: nothing is verified by it, and AWS is asked again. */
    assert_int_equal(fixture_get(f, id).verified_at, NOW);
    assert_int_equal(due_of(f, id).failures, 1);
    /* Filtered by its licence, also a row that names nothing is of it. */
    fixture_apply(f, id, SCOPE_LICENSE, NOW + 120,
                  ROWS_OF((struct aws_entitlement){.unreadable = true}));
    assert_int_equal(granted(f, id, "seats"), 25);
    assert_int_equal(granted(f, id, "terabytes"), 5);
    fixture_apply(f, id, SCOPE_LICENSE, NOW + 180, ROWS_OF(seats));
    assert_int_equal(granted(f, id, "terabytes"), 0);
    assert_int_equal(fixture_get(f, id).verified_at, NOW + 180);
    assert_int_equal(due_of(f, id).failures, 0);
}

static void beside_one_that_cannot_be_read_the_same_dimension_stays(void **state)
{
    struct fixture *f = *state;
    struct str id = two_dimensions(f, ARN(FIRST_KEY));

    /* Which of two rows of a dimension is the one held, nobody knows; one as held is. */
    fixture_apply(f, id, SCOPE_LICENSE, NOW + 60,
                  ROWS_OF(SEATS(10, .license_arn = STR(ARN(FIRST_KEY))),
                          OF(FIRST_KEY, .dimension = STR("seats"), .unreadable = true),
                          terabytes(7, ARN(FIRST_KEY)),
                          OF(FIRST_KEY, .dimension = STR("terabytes"), .unreadable = true)));
    assert_int_equal(granted(f, id, "seats"), 10);
    assert_int_equal(granted(f, id, "terabytes"), 12);
}

static void a_row_of_nobody_shows_nobodys_end(void **state)
{
    struct fixture *f = *state;
    struct str first = two_dimensions(f, ARN(FIRST_KEY)),
               second = two_dimensions(f, ARN(SECOND_KEY));
    struct aws_entitlement_list answer =
        ROWS_OF(SEATS(25, .license_arn = STR(ARN(SECOND_KEY)), .account_id = STR(ACCOUNT)),
                (struct aws_entitlement){.unreadable = true});

    for (int i = 1; i <= 3; i++)
        fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 3600 * i, answer);
    assert_int_equal(granted(f, first, "seats"), 10);
    assert_null(fixture_get(f, first).evidence);
    assert_int_equal(granted(f, second, "seats"), 25);
    assert_int_equal(granted(f, second, "terabytes"), 5);
    assert_int_equal(due_of(f, first).failures, 3);
    /* One that names another does show it. */
    answer.items[1] = OF(SECOND_KEY, .unreadable = true);
    fixture_apply(f, first, SCOPE_ACCOUNT, NOW + 5 * 3600, answer);
    assert_int_not_equal(fixture_get(f, first).evidence->empty_at, 0);
}

static enum rpc_error link_typed(struct fixture *f, struct str id, const char *tenant)
{
    struct link_typed_params params = {.subscription = id, .tenant = str_of(tenant)};
    struct subscription_result result = {0};

    return fixture_write(f, on_link_typed, &params, &result);
}

static void a_typed_tenant_is_linked_only_where_it_may_be_the_buyers(void **state)
{
    struct fixture *f = *state;
    struct str ours =
        enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(FIRST_KEY))));
    struct str second =
        enter_id(ENTER(f, .account_id = STR(ACCOUNT), .license_arn = STR(ARN(SECOND_KEY))));
    struct str strangers =
        enter_id(ENTER(f, .account_id = STR("999900001111"), .license_arn = STR(ARN(THIRD_KEY))));

    assert_int_equal(link_typed(f, ours, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, ours, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, ours, "other"), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, second, "acme"), ERROR_NONE);
    assert_int_equal(link_typed(f, strangers, "acme"), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, strangers, ACCOUNT), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, strangers, ""), ERROR_CONFLICT);
    assert_int_equal(link_typed(f, STR("s-unknown"), "acme"), ERROR_NOT_FOUND);
    assert_true(str_eq(fixture_get(f, ours).tenant, STR("acme")));
    assert_true(str_eq(fixture_get(f, second).tenant, STR("acme")));
    assert_int_equal(fixture_get(f, strangers).tenant.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(registering_again_is_the_same_record),
        fixture_test(a_registration_needs_a_key),
        fixture_test(a_record_learnt_under_one_key_gains_the_others),
        fixture_test(an_account_alone_names_one_unlicensed_record_or_none),
        fixture_test(licences_of_one_account_are_records_of_their_own),
        fixture_test(products_are_never_mixed),
        fixture_test(an_event_before_the_registration_is_the_same_record),
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
        fixture_test(keys_that_contradict_are_another_record),
        fixture_test(rows_of_a_licence_call_belong_to_it_whatever_they_repeat),
        fixture_test(an_older_answer_changes_nothing),
        fixture_test(verifying_alone_is_written_but_no_change),
        fixture_test(an_older_answer_asks_about_nobody_that_it_does_not_list),
        fixture_test(others_that_an_account_does_not_list_are_asked_about_once),
        fixture_test(the_only_new_licence_of_the_account_succeeds),
        fixture_test(a_deprovisioned_licence_may_be_succeeded),
        fixture_test(a_cancelled_one_has_no_successor),
        fixture_test(a_licence_registered_on_its_own_succeeds_nobody),
        fixture_test(a_licence_with_a_tenant_succeeds_nobody),
        fixture_test(of_two_new_licences_none_is_taken),
        fixture_test(linking_needs_one_living_subscription),
        fixture_test(a_token_leads_to_its_subscription),
        fixture_test(tokens_past_their_hours_are_forgotten),
        fixture_test(what_removes_by_age_follows_a_clock_that_jumps_at_leisure),
        fixture_test(what_cannot_be_read_is_unknown_and_not_absent),
        fixture_test(beside_one_that_cannot_be_read_the_same_dimension_stays),
        fixture_test(a_row_of_nobody_shows_nobodys_end),
        fixture_test(a_typed_tenant_is_linked_only_where_it_may_be_the_buyers),
    };

    return cmocka_run_group_tests_name("services/store_identity", tests, NULL, NULL);
}
