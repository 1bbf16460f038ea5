/* Lines that are written once a minute at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/once_a_minute.h"

static void the_first_is_told_at_once_and_the_rest_in_a_minute(void **state)
{
    struct once_a_minute line = {0};
    uint64_t since_last = 0;
    (void)state;

    assert_true(once_a_minute(&line, 1000, 1, &since_last));
    assert_int_equal(since_last, 1);
    for (uint64_t total = 2; total < 7; total++)
        assert_false(once_a_minute(&line, 60999, total, &since_last));
    assert_int_equal(since_last, 1);
    assert_true(once_a_minute(&line, 61000, 7, &since_last));
    assert_int_equal(since_last, 6);
    assert_false(once_a_minute(&line, 120999, 8, NULL));
    assert_true(once_a_minute(&line, 121000, 8, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_told_at_once_and_the_rest_in_a_minute),
    };

    return cmocka_run_group_tests_name("once_a_minute", tests, NULL, NULL);
}
