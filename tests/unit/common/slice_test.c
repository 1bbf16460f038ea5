/* Slices of long work, by a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/slice.h"

static int64_t now_us;

int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void)
{
    return now_us;
}

static void one_is_over_when_its_time_has_passed(void **state)
{
    (void)state;
    now_us = 1000000;
    struct slice slice = slice_begin(3000);
    assert_false(slice_is_over(&slice));
    now_us += 2999;
    assert_false(slice_is_over(&slice));
    now_us++;
    assert_true(slice_is_over(&slice));
    struct slice next = slice_begin(3000);
    assert_false(slice_is_over(&next));
    assert_true(slice_is_over(&slice));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_over_when_its_time_has_passed),
    };

    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
