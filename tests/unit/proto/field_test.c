/* Members of messages: what is set, and what is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/field.h"

static bool is_set(enum field_kind kind, const void *member)
{
    const struct field field = {.name = "x", .kind = kind, .need = OPTIONAL};

    return field_is_set(&field, member);
}

static void what_is_empty_zero_or_false_is_absent(void **state)
{
    const struct str text = {0};
    const struct any_list list = {0};
    const struct value value = {0};
    const int64_t number = 0;
    const double real = 0;
    const int choice = 0;
    const bool truth = false;
    const void *const item = NULL;
    (void)state;

    assert_false(is_set(FIELD_TEXT, &text) || is_set(FIELD_BIN, &text));
    assert_false(is_set(FIELD_INT, &number) || is_set(FIELD_TIME, &number));
    assert_false(is_set(FIELD_NUM, &real) || is_set(FIELD_BOOL, &truth));
    assert_false(is_set(FIELD_VALUE, &value) || is_set(FIELD_CHOICE, &choice));
    assert_false(is_set(FIELD_STRS, &list) || is_set(FIELD_LIST, &list));
    assert_false(is_set(FIELD_ROWS, &list) || is_set(FIELD_ENCODED, &list));
    assert_false(is_set(FIELD_ITEM, &item));
}

static void everything_else_is_set(void **state)
{
    const struct str text = STR("x");
    const struct any_list list = {.count = 1};
    const struct value value = {.kind = VALUE_INTEGER}; /* a zero that was said */
    const int64_t number = -1;
    const double real = 0.5;
    const int choice = 1;
    const bool truth = true;
    const void *const item = &text;
    (void)state;

    assert_true(is_set(FIELD_TEXT, &text) && is_set(FIELD_BIN, &text));
    assert_true(is_set(FIELD_INT, &number) && is_set(FIELD_TIME, &number));
    assert_true(is_set(FIELD_NUM, &real) && is_set(FIELD_BOOL, &truth));
    assert_true(is_set(FIELD_VALUE, &value) && is_set(FIELD_CHOICE, &choice));
    assert_true(is_set(FIELD_STRS, &list) && is_set(FIELD_LIST, &list));
    assert_true(is_set(FIELD_ROWS, &list) && is_set(FIELD_ENCODED, &list));
    assert_true(is_set(FIELD_ITEM, &item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_empty_zero_or_false_is_absent),
        cmocka_unit_test(everything_else_is_set),
    };

    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
