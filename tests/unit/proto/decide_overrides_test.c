/* Overrides: when they answer, and whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/decide_fixture.h"

static void overrides_answer_first(void **state)
{
    (void)state;
    struct world world = {0};

    add_override(&world, "acme", OVERRIDE_ALLOW)->expires_at = NOW + 5;
    struct answer answer = ask(&world, seats(1000));
    assert_reason(answer, REASON_OVERRIDE);
    assert_true(answer.allow);
    assert_int_equal(answer.expires_at, NOW + 5);
    world.overrides[0].expires_at = NOW;
    check(&world, 1, REASON_NOT_SUBSCRIBED, false);
    world.overrides[0].expires_at = 0;
    world.overrides[0].dimension = STR("storage");
    check(&world, 1, REASON_NOT_SUBSCRIBED, false);

    grant(add_record(&world), "seats", INTEGER(10));
    add_override(&world, "s0", OVERRIDE_DENY);
    check(&world, 1, REASON_OVERRIDE, false);
    world.overrides[1].handle = STR("arn:aws:license-manager::1:license:l-0");
    check(&world, 1, REASON_OVERRIDE, false);
    world.overrides[1].action = override_action_none;
    check(&world, 1, REASON_ENTITLED, true);
    world_done(&world);
}

static void an_overriding_value_is_weighed(void **state)
{
    (void)state;
    struct world world = {0};

    add_override(&world, "acme", OVERRIDE_VALUE)->value = INTEGER(3);
    check(&world, 3, REASON_OVERRIDE, true);
    check(&world, 4, REASON_OVERRIDE, false);
    assert_true(value_eq(ask(&world, seats(4)).granted, INTEGER(3)));
    world.overrides[0].value = NO_VALUE;
    check(&world, 0, REASON_OVERRIDE, false);
    world_done(&world);
}

static void the_closest_override_wins(void **state)
{
    (void)state;
    struct world world = {0};

    grant(add_record(&world), "seats", INTEGER(10));
    add_override(&world, "acme", OVERRIDE_DENY)->created_at = NOW;
    add_override(&world, "s0", OVERRIDE_ALLOW)->dimension = STR("seats");
    check(&world, 1, REASON_OVERRIDE, true);
    world.overrides[1].dimension = STR_NONE;
    check(&world, 1, REASON_OVERRIDE, false);
    world.overrides[1].handle = STR("acme");
    check(&world, 1, REASON_OVERRIDE, false);
    world.overrides[1].created_at = NOW + 1;
    check(&world, 1, REASON_OVERRIDE, true);
    world.overrides[0].seq = 8;
    world.overrides[1].seq = 7; /* made before, by a clock that was ahead */
    check(&world, 1, REASON_OVERRIDE, false);
    world_done(&world);
}

static void an_override_stays_with_its_product(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question question = seats(1);

    grant(add_record(&world), "seats", INTEGER(10));
    struct subscription *other = add_record(&world);
    other->product_code = STR("p2");
    add_override(&world, "s1", OVERRIDE_DENY);
    refusal(&world, question);
    question.product = STR("p1");
    assert_reason(ask(&world, question), REASON_ENTITLED);
    question.product = STR("p2");
    assert_reason(ask(&world, question), REASON_OVERRIDE);
    world.overrides[0].handle = STR("acme");
    question.product = STR_NONE;
    assert_reason(ask(&world, question), REASON_OVERRIDE);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrides_answer_first),
        cmocka_unit_test(an_overriding_value_is_weighed),
        cmocka_unit_test(the_closest_override_wins),
        cmocka_unit_test(an_override_stays_with_its_product),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
