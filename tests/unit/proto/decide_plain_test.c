/* The short way to a plain yes says what decide() says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "proto/decide/decide.h"
#include "tests/support/random.h"

enum { NOW = 1800000000, ROUNDS = 200000 };

/* About a second beside the one at which something changes. */
static int64_t near(struct random *random, int64_t time_s)
{
    return time_s + random_between(random, -2, 2);
}

static struct value any_value(struct random *random)
{
    switch (random_between(random, 0, 5)) {
    case 0:
        return (struct value){.kind = VALUE_NONE};
    case 1:
        return (struct value){.kind = VALUE_DOUBLE,
                              .number = (double)random_between(random, -4, 40) / 4};
    case 2:
        return (struct value){.kind = VALUE_BOOLEAN, .boolean = random_chance(random, 50)};
    case 3:
        return (struct value){.kind = VALUE_STRING, .string = STR("gold")};
    case 4:
        return (struct value){.kind = VALUE_INTEGER,
                              .integer =
                                  (int64_t)random_next(random) >> random_between(random, 0, 63)};
    default:
        return (struct value){.kind = VALUE_INTEGER, .integer = random_between(random, -1, 10)};
    }
}

static double any_quantity(struct random *random, const struct value *value)
{
    static const double odd[] = {-1, -0.0, 0x1p63, 0x1p62, NAN, INFINITY, 1e300};

    if (random_chance(random, 10))
        return odd[random_between(random, 0, 6)];
    if (value->kind == VALUE_INTEGER && random_chance(random, 50))
        return (double)value->integer + (double)random_between(random, -2, 2) / 2;
    return (double)random_between(random, -1, 40) / 4;
}

static struct decide_question any_question(struct random *random, const struct value *value)
{
    return (struct decide_question){
        .handle = random_chance(random, 99) ? STR("acme") : STR_NONE,
        .dimension = random_chance(random, 99) ? STR("seats") : STR_NONE,
        .quantity = any_quantity(random, value),
        .max_age_ms = random_chance(random, 50) ? 0 : random_between(random, -1, 10) * 1000,
    };
}

static void compare(struct random *random, int *plain)
{
    struct policy policy = policy_default;
    struct entitlement item = {
        .value = any_value(random),
        .expires_at = random_chance(random, 30) ? 0 : near(random, NOW),
    };
    struct decide_question question = any_question(random, &item.value);
    struct subscription record = {
        .id = STR("s-1"), .tenant = STR("acme"), .entitlements = {&item, 1}};
    const struct subscription *records[] = {&record};
    const struct decide_facts facts = {.subscriptions = records, .subscription_count = 1};
    struct arena arena = ARENA_INIT;
    struct answer wanted, got;
    struct error error;

    item.dimension = question.dimension;
    policy.stale_after_s = random_between(random, 0, 10);
    record.verified_at = near(random, NOW - random_between(random, 0, 10));
    const struct decide_plain_fact fact = {record.id, record.verified_at, item.value,
                                           item.expires_at};
    enum rpc_error code = decide(&question, &facts, &policy, NOW, &arena, &wanted, &error);
    bool is_simple = item.value.kind == VALUE_BOOLEAN ||
                     (item.value.kind == VALUE_INTEGER && item.value.integer >= 0);
    bool is_plain = decide_plain(&question, &fact, &policy, NOW, &got);

    assert_int_equal(is_plain, code == ERROR_NONE && wanted.reason == REASON_ENTITLED && is_simple);
    if (is_plain)
        assert_true(codec_equal(&shape_answer, &wanted, &got));
    *plain += is_plain;
    arena_done(&arena);
}

/* To the second, and with quantities that are just enough. */
static void a_plain_yes_is_what_decide_says(void **state)
{
    (void)state;
    struct random random = random_seeded("a_plain_yes_is_what_decide_says");
    int plain = 0;

    for (int i = 0; i < ROUNDS; i++)
        compare(&random, &plain);
    assert_true(plain > ROUNDS / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_yes_is_what_decide_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
