/* What a sweep does to records: verified as listed, or marked due; nothing else. */
#include "services/store/tables/journal.h"
#include "services/store/work/marks.h"
#include "services/store/work/settle.h"
#include "services/store/work/sweeps.h"
#include "tests/support/store_fixture.h"

#define SWEEP        "p-" PRODUCT
#define LICENCE(key) .license_arn = STR_INIT(ARN(key)), .account_id = STR_INIT(ACCOUNT)

enum { T = 1700000000 };

static int64_t claim_sweep(struct fixture *fixture)
{
    struct books *books = &fixture->books;
    struct change change;
    struct due_claim claim;

    change_begin(&change, books->db, books->seq, clock_wall_ms());
    marks_mark(&change, books->due, STR(SWEEP), DUE_MAX_AGE, STR("test"));
    assert_int_equal(change_commit(&change, &fixture->error), 0);
    settle_commit(books, &change);
    change_done(&change);
    due_advance(books->due, moment_now());
    while (due_take(books->due, DUE_MAX_AGE, STR("test"), moment_now(), &claim)) {
        if (str_eq_text(claim.id, SWEEP))
            return claim.fence;
    }
    fail_msg("the sweep is not due");
    return 0;
}

static enum rpc_error part(struct fixture *fixture, int64_t fence, int64_t began_at,
                           struct aws_entitlement_list rows, struct sweep_part_result *result)
{
    struct sweep_part_params params = {.subscription = STR(SWEEP),
                                       .fence = fence,
                                       .began_at = began_at,
                                       .rows = rows,
                                       .signed_by = STR(SELLER)};

    return fixture_write(fixture, sweep_part_as_stated, &params, result);
}

static struct sweep_finish_result end_as(struct fixture *fixture, int64_t fence, int64_t began_at,
                                         int64_t rows, struct str signed_by)
{
    struct sweep_finish_params params = {.subscription = STR(SWEEP),
                                         .fence = fence,
                                         .began_at = began_at,
                                         .rows = rows,
                                         .signed_by = signed_by};
    struct sweep_finish_result result;

    assert_int_equal(fixture_write(fixture, sweep_finish_as_stated, &params, &result), ERROR_NONE);
    return result;
}

static struct sweep_finish_result end(struct fixture *fixture, int64_t fence, int64_t began_at,
                                      int64_t rows)
{
    return end_as(fixture, fence, began_at, rows, STR(SELLER));
}

static struct sweep_part_result compare(struct fixture *fixture, int64_t began_at,
                                        struct aws_entitlement_list rows)
{
    int64_t fence = claim_sweep(fixture);
    struct sweep_part_result result;

    assert_int_equal(part(fixture, fence, began_at, rows, &result), ERROR_NONE);
    end(fixture, fence, began_at, (int64_t)rows.count);
    return result;
}

/* A licence that AWS listed at T, with nothing due. */
static struct str known(struct fixture *fixture, const char *arn, int64_t seats)
{
    struct register_params params = {
        .product_code = STR(PRODUCT), .account_id = STR(ACCOUNT), .license_arn = str_of(arn)};
    struct register_result result;
    struct aws_entitlement row = SEATS(seats, .account_id = STR(ACCOUNT));

    assert_int_equal(fixture_write(fixture, on_register, &params, &result), ERROR_NONE);
    struct str id = arena_str(&fixture->arena, result.subscription->id);
    row.license_arn = str_of(arn);
    fixture_apply(fixture, id, SCOPE_LICENSE, T, (struct aws_entitlement_list){&row, 1});
    return id;
}

static enum due_class marked(struct fixture *fixture, struct str id)
{
    struct stored_due stored;

    marks_get(fixture->books.db, id, &fixture->arena, &stored);
    return stored.class;
}

static void what_is_as_listed_is_verified_in_silence(void **state)
{
    struct fixture *fixture = *state;
    struct str id = known(fixture, ARN(FIRST_KEY), 10);
    struct history_params history = {.limit = 1000};
    struct journal_result before, after;

    journal_list(fixture->books.db, &history, &fixture->arena, &before, &fixture->error);
    struct sweep_part_result result =
        compare(fixture, T + 60, ROWS_OF(SEATS(10, LICENCE(FIRST_KEY))));
    assert_int_equal(result.verified, 1);
    assert_int_equal(result.differing + result.unknown, 0);
    assert_int_equal(fixture_get(fixture, id).verified_at, T + 60);
    assert_int_equal(marked(fixture, id), due_class_none);
    journal_list(fixture->books.db, &history, &fixture->arena, &after, &fixture->error);
    assert_int_equal(after.entries.count, before.entries.count);
    /* An older sweep changes nothing. */
    compare(fixture, T + 30, ROWS_OF(SEATS(10, LICENCE(FIRST_KEY))));
    assert_int_equal(fixture_get(fixture, id).verified_at, T + 60);
}

static enum rpc_error changes_since(struct fixture *fixture, int64_t seq,
                                    struct changes_result *result)
{
    struct changes_params params = {.incarnation = str_of(fixture->books.incarnation),
                                    .since = seq};

    *result = (struct changes_result){0};
    return fixture_read(fixture, on_changes, &params, result);
}

static bool count_entry(void *arg, const struct journal_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return true;
}

static void many_that_are_as_listed_share_an_entry_and_all_learn_it(void **state)
{
    struct fixture *fixture = *state;
    struct str first = known(fixture, ARN(FIRST_KEY), 10),
               second = known(fixture, ARN(SECOND_KEY), 3);
    struct aws_entitlement_list rows =
        ROWS_OF(SEATS(10, LICENCE(FIRST_KEY)), SEATS(3, LICENCE(SECOND_KEY)));
    struct sweep_part_result result;
    struct changes_result changes;
    int entries = 0;

    int64_t fence = claim_sweep(fixture), seq = fixture->books.seq;
    assert_int_equal(part(fixture, fence, T + 60, rows, &result), ERROR_NONE);
    assert_int_equal(result.verified, 2);
    assert_int_equal(fixture->event.subscriptions.count, 2);
    assert_true(journal_since(fixture->books.db, seq, count_entry, &entries));
    assert_int_equal(entries, 1);
    end(fixture, fence, T + 60, 2);

    assert_int_equal(changes_since(fixture, seq, &changes), ERROR_NONE);
    assert_int_equal(changes.subscriptions.count, 2);
    assert_int_equal(changes.subscriptions.items[0].verified_at, T + 60);
    assert_int_equal(changes.subscriptions.items[1].verified_at, T + 60);
    assert_int_equal(changes.seq, fixture->books.seq);
    assert_int_equal(fixture_get(fixture, first).version, fixture_get(fixture, second).version);

    /* A store that has started since does not know which they were. */
    books_close(&fixture->books);
    fixture_open(fixture);
    assert_int_equal(changes_since(fixture, seq, &changes), ERROR_NOT_FOUND);
    assert_int_equal(changes_since(fixture, fixture->books.seq, &changes), ERROR_NONE);
}

static void count_id(void *arg, struct str id)
{
    assert_true(id.len > 0);
    ++*(int *)arg;
}

static void only_the_latest_verified_are_remembered(void **state)
{
    struct verified *verified = verified_new(5);
    int count = 0;
    (void)state;

    assert_false(verified_each(verified, 5, count_id, &count));
    for (int64_t seq = 6; seq < 6 + 400; seq++) {
        for (int i = 0; i < 100; i++)
            verified_add(verified, seq, STR("s-1"));
    }
    assert_true(verified_each(verified, 405, count_id, &count));
    assert_int_equal(count, 100);
    assert_false(verified_each(verified, 6, count_id, &count));
    assert_int_equal(count, 100);
    verified_free(verified);
}

static void what_differs_is_asked_about(void **state)
{
    struct fixture *fixture = *state;
    struct str id = known(fixture, ARN(FIRST_KEY), 10);

    struct sweep_part_result result =
        compare(fixture, T + 60, ROWS_OF(SEATS(25, LICENCE(FIRST_KEY))));
    assert_int_equal(result.differing, 1);
    struct subscription record = fixture_get(fixture, id);
    assert_int_equal(fixture_seats(&record), 10);
    assert_int_equal(record.verified_at, T);
    assert_int_equal(marked(fixture, id), DUE_SWEEP);
}

static void what_is_not_known_gets_a_record_with_what_is_listed(void **state)
{
    struct fixture *fixture = *state;

    struct sweep_part_result result =
        compare(fixture, T, ROWS_OF(SEATS(10, LICENCE(FIRST_KEY)), SEATS(5, LICENCE(SECOND_KEY))));
    assert_int_equal(result.unknown, 2);
    struct subscription record = fixture_of_license(fixture, SECOND_KEY);
    assert_int_equal(fixture_seats(&record), 5);
    assert_int_equal(record.verified_at, T);
    assert_int_equal(record.registered_at, 0);
    assert_true(str_eq_text(record.account_id, ACCOUNT));
    assert_int_equal(marked(fixture, record.id), DUE_SWEEP);
}

/* A registration's own call was not answered yet; one that was is asked about anew. */
static void what_never_had_an_answer_gets_what_is_listed(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .license_arn = STR(ARN(FIRST_KEY))};
    struct register_result result;

    assert_int_equal(fixture_write(fixture, on_register, &params, &result), ERROR_NONE);
    compare(fixture, T, ROWS_OF(SEATS(10, LICENCE(FIRST_KEY))));
    struct subscription record = fixture_of_license(fixture, FIRST_KEY);
    assert_int_equal(fixture_seats(&record), 10);
    assert_int_equal(marked(fixture, record.id), DUE_REGISTRATION);
    compare(fixture, T + 60, ROWS_OF(SEATS(25, LICENCE(FIRST_KEY))));
    record = fixture_of_license(fixture, FIRST_KEY);
    assert_int_equal(fixture_seats(&record), 10);
}

static void what_is_not_listed_is_asked_about(void **state)
{
    struct fixture *fixture = *state;
    struct str first = known(fixture, ARN(FIRST_KEY), 10);
    struct str second = known(fixture, ARN(SECOND_KEY), 10);

    /* One that lists nothing at all may be another account's: it says nothing about anybody. */
    int64_t fence = claim_sweep(fixture);
    assert_int_equal(end_as(fixture, fence, T + 30, 0, STR_NONE).unlisted, 0);
    compare(fixture, T + 60, ROWS_OF(SEATS(10, LICENCE(FIRST_KEY))));
    assert_int_equal(marked(fixture, first), due_class_none);
    assert_int_equal(marked(fixture, second), DUE_SWEEP);
    struct subscription record = fixture_get(fixture, second);
    assert_int_equal(record_evidence(&record).empty_at, 0);

    struct sweep_state outcome = sweeps_state(fixture->books.db, STR(PRODUCT), &fixture->arena);
    assert_int_equal(outcome.swept_at, T + 60);
    assert_int_equal(outcome.rows, 1);
    assert_int_equal(outcome.unlisted, 1);
}

/* The announcement of the only customer's end was lost. */
static void where_the_seller_is_listed_nothing_all_are_asked_about(void **state)
{
    struct fixture *fixture = *state;
    struct str id = known(fixture, ARN(FIRST_KEY), 10);

    assert_int_equal(end(fixture, claim_sweep(fixture), T + 60, 0).unlisted, 1);
    assert_int_equal(marked(fixture, id), DUE_SWEEP);
}

static void rows_without_a_licence_go_to_their_customer(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .customer_identifier = STR("cust-1")};
    struct register_result registered;
    struct aws_entitlement row = SEATS(7, .customer_identifier = STR_INIT("cust-1"));

    fixture_write(fixture, on_register, &params, &registered);
    struct str id = arena_str(&fixture->arena, registered.subscription->id);
    fixture_apply(fixture, id, SCOPE_CUSTOMER_IDENTIFIER, T,
                  (struct aws_entitlement_list){&row, 1});

    struct sweep_part_result result =
        compare(fixture, T + 60,
                ROWS_OF(SEATS(7, .customer_identifier = STR_INIT("cust-1")),
                        SEATS(3, .customer_identifier = STR_INIT("cust-2")), SEATS(1)));
    assert_int_equal(result.verified, 1);
    assert_int_equal(result.unknown, 1);
    assert_int_equal(fixture_get(fixture, id).verified_at, T + 60);
    assert_int_equal(fixture_all(fixture).count, 2);
    /* Known by now, and not made twice. */
    result = compare(fixture, T + 61, ROWS_OF(SEATS(3, .customer_identifier = STR_INIT("cust-2"))));
    assert_int_equal(result.verified, 1);
    assert_int_equal(fixture_all(fixture).count, 2);
}

/* A legacy listing was opted in: the customer's record has no licence yet. */
static void a_licence_of_a_known_customer_makes_no_record(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result registered;

    fixture_write(fixture, on_register, &params, &registered);
    struct sweep_part_result result = compare(fixture, T, ROWS_OF(SEATS(7, LICENCE(FIRST_KEY))));
    assert_int_equal(result.differing, 1);
    assert_int_equal(result.unknown, 0);
    assert_int_equal(fixture_all(fixture).count, 1);
}

/* Its answers, by its own identifier, need not show a licence whose rows do not name it. */
static void a_licence_beside_a_legacy_subscription_gets_a_record(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .customer_identifier = STR("cust-1")};
    struct register_result registered;
    struct aws_entitlement row =
        SEATS(7, .customer_identifier = STR_INIT("cust-1"), .account_id = STR_INIT(ACCOUNT));

    fixture_write(fixture, on_register, &params, &registered);
    struct str id = arena_str(&fixture->arena, registered.subscription->id);
    fixture_apply(fixture, id, SCOPE_CUSTOMER_IDENTIFIER, T,
                  (struct aws_entitlement_list){&row, 1});
    struct sweep_part_result result =
        compare(fixture, T + 60, ROWS_OF(row, SEATS(3, LICENCE(SECOND_KEY))));
    assert_int_equal(result.verified, 1);
    assert_int_equal(result.unknown, 1);
    assert_int_equal(marked(fixture, fixture_of_license(fixture, SECOND_KEY).id), DUE_SWEEP);
    assert_int_equal(marked(fixture, id), DUE_SWEEP);
}

static void only_the_claim_that_is_on_may_compare(void **state)
{
    struct fixture *fixture = *state;
    struct str id = known(fixture, ARN(FIRST_KEY), 10);
    int64_t fence = claim_sweep(fixture);
    struct sweep_part_result result;
    struct aws_entitlement_list rows = ROWS_OF(SEATS(10, LICENCE(FIRST_KEY)));

    assert_int_equal(part(fixture, fence - 1, T + 60, rows, &result), ERROR_CONFLICT);
    end(fixture, fence, T + 60, 1);
    assert_int_equal(part(fixture, fence, T + 60, rows, &result), ERROR_CONFLICT);
    assert_int_equal(fixture_get(fixture, id).verified_at, T);

    struct sweep_part_params foreign = {.subscription = STR(SWEEP),
                                        .fence = claim_sweep(fixture),
                                        .began_at = T + 60,
                                        .rows = rows,
                                        .signed_by = STR("777788889999")};
    assert_int_equal(fixture_write(fixture, sweep_part_as_stated, &foreign, &result),
                     ERROR_CONFLICT);
    assert_int_equal(fixture_get(fixture, id).verified_at, T);
}

static void a_claim_is_renewed(void **state)
{
    struct fixture *fixture = *state;
    struct due *due = fixture->books.due;
    int64_t fence = claim_sweep(fixture);
    struct moment now = moment_now();

    now.mono_ms += 50000; /* the lease is 60 s */
    assert_true(due_renew(due, STR(SWEEP), fence, now));
    assert_false(due_renew(due, STR(SWEEP), fence + 1, now));
    now.mono_ms += 50000;
    due_advance(due, now);
    assert_int_equal(due_fence(due, STR(SWEEP)), fence);
    now.mono_ms += 11000;
    due_advance(due, now);
    assert_int_equal(due_fence(due, STR(SWEEP)), 0);
    assert_false(due_renew(due, STR(SWEEP), fence, now));
}

static void the_next_is_due_an_interval_after_the_last(void **state)
{
    struct fixture *fixture = *state;
    struct settings settings = {.store.sweep_interval_ms = 3600000};
    struct due *due = fixture->books.due;
    struct due_claim claim;
    int64_t now_s = clock_wall_s();

    fixture->books.settings = &settings;
    sweeps_plan(&fixture->books, STR(SWEEP));
    assert_true(due_is_ready(due, DUE_SWEEP)); /* never swept */
    assert_true(due_take(due, DUE_SWEEP, STR("test"), moment_now(), &claim));
    end(fixture, claim.fence, now_s, 0);
    assert_false(due_is_ready(due, DUE_SWEEP));
    due_advance(due, (struct moment){(now_s + 3599) * 1000, 0});
    assert_false(due_is_ready(due, DUE_SWEEP));
    due_advance(due, (struct moment){(now_s + 3600) * 1000, 0});
    assert_true(due_is_ready(due, DUE_SWEEP));

    /* One of a time that has not come says nothing about the next. */
    assert_true(due_take(due, DUE_SWEEP, STR("test"), moment_now(), &claim));
    end(fixture, claim.fence, now_s + 365 * 86400, 0);
    assert_true(due_is_ready(due, DUE_SWEEP));
    fixture->books.settings = NULL;
}

static void an_identifier_is_one_customer_whatever_accounts_its_rows_name(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .customer_identifier = STR("customer-1")};
    struct register_result registered;
    struct aws_entitlement_list rows = ROWS_OF(
        SEATS(1, .customer_identifier = STR("customer-1"), .account_id = STR("000000000001")),
        SEATS(2, .customer_identifier = STR("customer-1"), .account_id = STR(ACCOUNT)));

    assert_int_equal(fixture_write(fixture, on_register, &params, &registered), ERROR_NONE);
    struct str id = arena_str(&fixture->arena, registered.subscription->id);
    fixture_apply(fixture, id, SCOPE_CUSTOMER_IDENTIFIER, T, rows);
    assert_int_equal(fixture_get(fixture, id).entitlements.count, 2);
    struct sweep_part_result result = compare(fixture, T + 60, rows);
    assert_int_equal(result.verified, 1);
    assert_int_equal(result.differing + result.unknown, 0);
    assert_int_equal(fixture_all(fixture).count, 1);
}

static void a_row_that_cannot_be_read_spoils_no_others(void **state)
{
    struct fixture *fixture = *state;
    struct str first = known(fixture, ARN(FIRST_KEY), 10);
    struct str second = known(fixture, ARN(SECOND_KEY), 10);
    struct sweep_part_result result =
        compare(fixture, T + 60,
                ROWS_OF(SEATS(10, LICENCE(FIRST_KEY)), SEATS(10, LICENCE(SECOND_KEY)),
                        (struct aws_entitlement){LICENCE(SECOND_KEY), .unreadable = true},
                        (struct aws_entitlement){LICENCE(THIRD_KEY), .unreadable = true},
                        (struct aws_entitlement){.unreadable = true}));

    assert_int_equal(result.verified, 1);
    assert_int_equal(result.differing, 1);
    assert_int_equal(result.unknown, 1);
    assert_int_equal(fixture_get(fixture, first).verified_at, T + 60);
    assert_int_equal(fixture_get(fixture, second).verified_at, T);
    assert_int_equal(marked(fixture, second), DUE_SWEEP);
    assert_int_equal(marked(fixture, fixture_of_license(fixture, THIRD_KEY).id), DUE_SWEEP);
}

static void rows_that_cannot_be_read_are_reported(void **state)
{
    struct fixture *fixture = *state;
    int64_t fence = claim_sweep(fixture);
    struct sweep_finish_params params = {
        .subscription = STR(SWEEP), .fence = fence, .began_at = T, .unreadable = 3};
    struct sweep_finish_result result;

    assert_int_equal(fixture_write(fixture, sweep_finish_as_stated, &params, &result), ERROR_NONE);
    assert_int_equal(sweeps_state(fixture->books.db, STR(PRODUCT), &fixture->arena).unreadable, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_as_listed_is_verified_in_silence),
        fixture_test(many_that_are_as_listed_share_an_entry_and_all_learn_it),
        cmocka_unit_test(only_the_latest_verified_are_remembered),
        fixture_test(what_differs_is_asked_about),
        fixture_test(what_is_not_known_gets_a_record_with_what_is_listed),
        fixture_test(what_never_had_an_answer_gets_what_is_listed),
        fixture_test(what_is_not_listed_is_asked_about),
        fixture_test(where_the_seller_is_listed_nothing_all_are_asked_about),
        fixture_test(rows_without_a_licence_go_to_their_customer),
        fixture_test(a_licence_of_a_known_customer_makes_no_record),
        fixture_test(a_licence_beside_a_legacy_subscription_gets_a_record),
        fixture_test(only_the_claim_that_is_on_may_compare),
        fixture_test(a_claim_is_renewed),
        fixture_test(the_next_is_due_an_interval_after_the_last),
        fixture_test(an_identifier_is_one_customer_whatever_accounts_its_rows_name),
        fixture_test(a_row_that_cannot_be_read_spoils_no_others),
        fixture_test(rows_that_cannot_be_read_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
