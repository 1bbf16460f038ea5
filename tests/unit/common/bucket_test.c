/* Token buckets: what may be taken at once, and how fast it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/bucket.h"

/* A token is refilled in 100 us. */
static const struct bucket_size ten = {.tokens = 10, .refill_us = 1000};

static unsigned take_all(struct bucket *bucket, int64_t reserve, int64_t now_us)
{
    unsigned taken = 0;

    while (bucket_take(bucket, &ten, 1, reserve, now_us))
        taken++;
    return taken;
}

static void a_full_one_is_emptied_at_once_and_refilled_evenly(void **state)
{
    struct bucket bucket = {0};
    (void)state;

    assert_int_equal(take_all(&bucket, 0, 5000), 10);
    assert_int_equal(take_all(&bucket, 0, 5099), 0);
    assert_int_equal(take_all(&bucket, 0, 5100), 1);
    assert_int_equal(take_all(&bucket, 0, 5399), 2);
    assert_false(bucket_is_full(&bucket, 6299));
    assert_true(bucket_is_full(&bucket, 6300));
    /* No more gathers than it holds. */
    assert_int_equal(take_all(&bucket, 0, 100000), 10);
}

static void a_reserve_is_left_for_others(void **state)
{
    struct bucket bucket = {0};
    (void)state;

    assert_int_equal(take_all(&bucket, 5, 5000), 5);
    assert_int_equal(take_all(&bucket, 0, 5000), 5);
    assert_int_equal(take_all(&bucket, 5, 5599), 0);
    assert_int_equal(take_all(&bucket, 5, 5600), 1);
}

static void a_full_one_gives_also_what_it_never_holds(void **state)
{
    struct bucket bucket = {0};
    (void)state;

    assert_true(bucket_take(&bucket, &ten, 25, 0, 5000));
    assert_false(bucket_take(&bucket, &ten, 1, 0, 6599));
    assert_true(bucket_take(&bucket, &ten, 1, 0, 6600));
    assert_false(bucket_take(&bucket, &ten, 25, 0, 7599));
    assert_true(bucket_take(&bucket, &ten, 25, 0, 7600));
}

static void one_without_tokens_gives_nothing(void **state)
{
    struct bucket bucket = {0};
    const struct bucket_size none = {.tokens = 0, .refill_us = 1000};
    (void)state;

    assert_false(bucket_take(&bucket, &none, 1, 0, 5000));
    assert_false(bucket_take(&bucket, &none, 0, 0, 5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_one_is_emptied_at_once_and_refilled_evenly),
        cmocka_unit_test(a_reserve_is_left_for_others),
        cmocka_unit_test(a_full_one_gives_also_what_it_never_holds),
        cmocka_unit_test(one_without_tokens_gives_nothing),
    };

    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
