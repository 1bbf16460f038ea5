/* What an answer proves: old ones, rows that cannot be read, and those it does not list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/store/work/marks.h"
#include "tests/support/identity_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(rows_of_a_licence_call_belong_to_it_whatever_they_repeat),
        fixture_test(an_older_answer_changes_nothing),
        fixture_test(verifying_alone_is_written_but_no_change),
        fixture_test(an_older_answer_asks_about_nobody_that_it_does_not_list),
        fixture_test(others_that_an_account_does_not_list_are_asked_about_once),
        fixture_test(what_cannot_be_read_is_unknown_and_not_absent),
        fixture_test(beside_one_that_cannot_be_read_the_same_dimension_stays),
        fixture_test(a_row_of_nobody_shows_nobodys_end),
    };

    return cmocka_run_group_tests_name("services/store_identity", tests, NULL, NULL);
}
