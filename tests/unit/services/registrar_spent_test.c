#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/registrar/spent.h"

static void a_word_is_used_once(void **state)
{
    (void)state;
    struct spent *spent = spent_new(10);

    assert_false(spent_was_used(spent, STR("a")));
    assert_true(spent_use(spent, STR("a"), 100, 0));
    assert_true(spent_was_used(spent, STR("a")));
    assert_false(spent_use(spent, STR("a"), 100, 50));
    assert_true(spent_use(spent, STR("b"), 100, 50));
    spent_free(spent);
}

static void what_has_ended_is_forgotten(void **state)
{
    (void)state;
    struct spent *spent = spent_new(10);

    assert_true(spent_use(spent, STR("a"), 100, 0));
    assert_true(spent_use(spent, STR("b"), 200, 100));
    assert_false(spent_was_used(spent, STR("a")));
    assert_true(spent_was_used(spent, STR("b")));
    spent_free(spent);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct spent *spent = spent_new(2);

    assert_true(spent_use(spent, STR("a"), 100, 0));
    assert_true(spent_use(spent, STR("b"), 100, 0));
    assert_true(spent_use(spent, STR("c"), 100, 0));
    assert_false(spent_was_used(spent, STR("a")));
    assert_true(spent_was_used(spent, STR("b")));
    assert_true(spent_was_used(spent, STR("c")));
    spent_free(spent);
    spent_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_used_once),
        cmocka_unit_test(what_has_ended_is_forgotten),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
