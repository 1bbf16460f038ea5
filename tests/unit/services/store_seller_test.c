/* Who may say what AWS said: the seller account, as far as it is known. */
#include "proto/record/record.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/seller.h"
#include "tests/support/store_fixture.h"

#define OTHER "777788889999"

enum { T = 1700000000, DAY = 86400 };

static struct str remembered(struct fixture *fixture)
{
    return seller_account(fixture->books.db, &fixture->arena);
}

static struct str registered(struct fixture *fixture, const char *signed_by)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .license_arn = STR(ARN(FIRST_KEY)),
                                     .signed_by = str_of(signed_by)};
    struct register_result result;

    assert_int_equal(fixture_write(fixture, on_register, &params, &result), ERROR_NONE);
    return arena_str(&fixture->arena, result.subscription->id);
}

static enum rpc_error answer(struct fixture *fixture, struct str id, const char *signed_by,
                             int64_t began_at, struct aws_entitlement_list rows)
{
    struct apply_params params = {.subscription = id,
                                  .fence = fixture_claim(fixture, id),
                                  .began_at = began_at,
                                  .scope = SCOPE_ACCOUNT,
                                  .rows = rows,
                                  .signed_by = str_of(signed_by)};
    struct apply_result result = {0};
    enum rpc_error code = fixture_write(fixture, apply_as_stated, &params, &result);

    due_end(fixture->books.due, id, params.fence);
    return code;
}

#define LICENSED(number, date)                                                                     \
    ROWS_OF({.product_code = STR(PRODUCT),                                                         \
             .license_arn = STR(ARN(FIRST_KEY)),                                                   \
             .dimension = STR("seats"),                                                            \
             .value = {.kind = VALUE_INTEGER, .integer = (number)},                                \
             .expires_at = (date)})

static enum rpc_error adopt(struct fixture *fixture, const char *account)
{
    struct seller_adopt_params params = {
        .account = str_of(account), .author = STR("olga"), .reason = STR("the firm was sold")};
    struct seller_result result;

    return fixture_write(fixture, on_seller_adopt, &params, &result);
}

static void nothing_is_learnt_from_an_empty_answer(void **state)
{
    struct fixture *fixture = *state;
    struct str id = registered(fixture, "");

    assert_int_equal(answer(fixture, id, OTHER, T, NO_ROWS), ERROR_NONE);
    assert_int_equal(remembered(fixture).len, 0);
    assert_int_equal(answer(fixture, id, SELLER, T + 1, LICENSED(5, T + DAY)), ERROR_NONE);
    assert_true(str_eq_text(remembered(fixture), SELLER));
}

static void a_resolved_token_teaches_it_too(void **state)
{
    struct fixture *fixture = *state;

    registered(fixture, SELLER);
    assert_true(str_eq_text(remembered(fixture), SELLER));
    /* Such a token is taken all the same, and does not change the account. */
    registered(fixture, OTHER);
    assert_true(str_eq_text(remembered(fixture), SELLER));
}

static void another_account_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct str id = registered(fixture, SELLER);

    answer(fixture, id, SELLER, T, LICENSED(5, T + DAY));
    int64_t version = fixture_get(fixture, id).version;
    assert_int_equal(answer(fixture, id, OTHER, T + 1, NO_ROWS), ERROR_CONFLICT);
    assert_int_equal(answer(fixture, id, OTHER, T + 2, LICENSED(9, T + DAY)), ERROR_CONFLICT);
    assert_non_null(strstr(fixture->error.text, "not the store's seller account"));
    assert_int_equal(fixture_get(fixture, id).version, version);

    assert_int_equal(adopt(fixture, "4444"), ERROR_BAD_REQUEST);
    assert_int_equal(adopt(fixture, "44445555666x"), ERROR_BAD_REQUEST);
    assert_int_equal(adopt(fixture, OTHER), ERROR_NONE);
    assert_int_equal(answer(fixture, id, SELLER, T + 3, NO_ROWS), ERROR_CONFLICT);
    assert_int_equal(answer(fixture, id, OTHER, T + 4, LICENSED(9, T + DAY)), ERROR_NONE);
}

static void adoption_is_journalled(void **state)
{
    struct fixture *fixture = *state;
    struct history_params history = {.limit = 1};
    struct journal_result journal;

    registered(fixture, SELLER);
    assert_int_equal(adopt(fixture, OTHER), ERROR_NONE);
    assert_int_equal(
        journal_list(fixture->books.db, &history, &fixture->arena, &journal, &fixture->error), 0);
    assert_int_equal(journal.entries.items[0].cause, CAUSE_OPERATOR);
    assert_true(str_eq_text(journal.entries.items[0].author, "olga"));
    assert_true(str_eq_text(journal.entries.items[0].change,
                            "seller account " OTHER ", was " SELLER ": the firm was sold"));
}

/* A date that has passed explains an end that the seller account saw, not one that nobody is known
 * to have seen. */
static void who_is_not_known_proves_no_end_by_dates(void **state)
{
    static const struct {
        const char *first, *second;
        enum state state;
        enum counting counting;
    } cases[] = {
        {"", "", STATE_HELD, COUNTING_HELD},
        {"", SELLER, STATE_ENDED, COUNTING_ENDED},
        {SELLER, "", STATE_ENDED, COUNTING_ENDED},
        {SELLER, SELLER, STATE_ENDED, COUNTING_ENDED},
    };
    struct fixture *fixture = *state;
    struct str id = registered(fixture, SELLER);
    enum { STEP = 10 * DAY };

    for (int i = 0; i < 4; i++) {
        int64_t date = T + i * STEP;
        answer(fixture, id, SELLER, date - DAY, LICENSED(5, date));
        answer(fixture, id, cases[i].first, date + 7200, NO_ROWS);
        answer(fixture, id, cases[i].second, date + 7300, NO_ROWS);
        struct subscription record = fixture_get(fixture, id);
        assert_int_equal(record_state(&record, &policy_default, date + 7400, false),
                         cases[i].state);
        assert_int_equal(
            record_counting(&record, &record.entitlements.items[0], &policy_default, date + 7400),
            cases[i].counting);
    }
}

/* As if AWS could not be asked: grace ends. */
static void an_unknown_caller_serves_no_longer_than_the_grace(void **state)
{
    struct fixture *fixture = *state;
    struct str id = registered(fixture, SELLER);

    answer(fixture, id, SELLER, T - DAY, LICENSED(5, T));
    for (int64_t at = T; at < T + 5 * DAY; at += 6 * 3600)
        answer(fixture, id, "", at, NO_ROWS);
    struct subscription record = fixture_get(fixture, id);
    const struct entitlement *seats = &record.entitlements.items[0];
    int64_t end = T + policy_default.grace_s;
    assert_int_equal(record_counting(&record, seats, &policy_default, end - 1), COUNTING_HELD);
    assert_int_equal(record_counting(&record, seats, &policy_default, end), COUNTING_UNVERIFIED);
}

static void an_event_of_another_account_is_not_acted_on(void **state)
{
    struct fixture *fixture = *state;
    struct notification event = {.event_id = STR("e1"),
                                 .source = SOURCE_EVENTBRIDGE,
                                 .kind = EVENT_LICENSE_UPDATED,
                                 .product_code = STR(PRODUCT),
                                 .account_id = STR(ACCOUNT),
                                 .license = STR(ARN(SECOND_KEY)),
                                 .seller_account = STR(OTHER),
                                 .event_time = T};
    struct notify_params params = {.notification = &event};
    struct notify_result result;

    registered(fixture, SELLER);
    assert_int_equal(fixture_write(fixture, on_notify, &params, &result), ERROR_NONE);
    assert_int_equal(result.outcome, OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(fixture_all(fixture).count, 1);
    event.event_id = STR("e2");
    event.seller_account = STR(SELLER);
    assert_int_equal(fixture_write(fixture, on_notify, &params, &result), ERROR_NONE);
    assert_int_equal(result.outcome, OUTCOME_APPLIED);
    assert_int_equal(fixture_all(fixture).count, 2);
}

static void the_settings_name_it_once(void **state)
{
    struct fixture *fixture = *state;
    struct change change;

    change_begin(&change, fixture->books.db, fixture->books.seq, clock_wall_ms());
    seller_start(&change, STR(""));
    assert_int_equal(remembered(fixture).len, 0);
    seller_start(&change, STR(SELLER));
    seller_start(&change, STR(OTHER));
    assert_int_equal(change_commit(&change, &fixture->error), 0);
    change_done(&change);
    assert_true(str_eq_text(remembered(fixture), SELLER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(nothing_is_learnt_from_an_empty_answer),
        fixture_test(a_resolved_token_teaches_it_too),
        fixture_test(another_account_changes_nothing),
        fixture_test(adoption_is_journalled),
        fixture_test(who_is_not_known_proves_no_end_by_dates),
        fixture_test(an_unknown_caller_serves_no_longer_than_the_grace),
        fixture_test(an_event_of_another_account_is_not_acted_on),
        fixture_test(the_settings_name_it_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
