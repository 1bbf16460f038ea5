/* What holds of every answer, over worlds and questions made at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "tests/support/decide_fixture.h"
#include "tests/support/random.h"

static struct value random_value(struct random *random, enum value_kind kind)
{
    static const struct str texts[] = {STR_INIT("gold"), STR_INIT("silver"), STR_INIT("tin")};

    switch (kind) {
    case VALUE_NONE:
        return NO_VALUE;
    case VALUE_INTEGER:
        return INTEGER(random_chance(random, 5) ? INT64_MAX : random_between(random, -2, 20));
    case VALUE_DOUBLE:
        return DOUBLE((double)random_between(random, -20, 200) / 10);
    case VALUE_BOOLEAN:
        return BOOLEAN(random_chance(random, 50));
    case VALUE_STRING:
        return (struct value){.kind = VALUE_STRING, .string = texts[random_between(random, 0, 2)]};
    }
    return NO_VALUE;
}

static void add_random_evidence(struct random *random, struct world *world,
                                struct subscription *record)
{
    struct evidence *evidence = evidence_of(world, record);

    *evidence = (struct evidence){0};
    if (random_chance(random, 40))
        evidence->empty_at = record->verified_at - random_between(random, 0, 2 * D);
    if (evidence->empty_at != 0 && random_chance(random, 50))
        evidence->empty_again_at = evidence->empty_at + 60;
    if (random_chance(random, 20))
        evidence->notice = NOTICE_CANCELLED;
    if (random_chance(random, 10))
        evidence->succeeded_at = NOW - random_between(random, 0, 5 * D);
    if (random_chance(random, 10))
        evidence->undecided_at = NOW - random_between(random, 0, 5 * D);
}

static void add_random_record(struct random *random, struct world *world, enum value_kind kind)
{
    struct subscription *record = add_record(world);
    int64_t entitlements = random_between(random, 0, ENTITLEMENT_COUNT);

    record->verified_at = NOW - random_between(random, 0, 5 * D);
    if (random_chance(random, 20))
        record->product_code = STR("p2");
    if (random_chance(random, 20))
        record->successor =
            arena_printf(&world->arena, "s%d", (int)random_between(random, 0, RECORD_COUNT - 1));
    if (random_chance(random, 50))
        add_random_evidence(random, world, record);
    for (int64_t i = 0; i < entitlements; i++) {
        if (random_chance(random, 5))
            kind = (enum value_kind)random_between(random, VALUE_NONE, VALUE_STRING);
        struct entitlement *item = grant(record, random_chance(random, 70) ? "seats" : "storage",
                                         random_value(random, kind));
        if (random_chance(random, 50))
            item->expires_at = NOW + random_between(random, -6 * D, 2 * D);
        else if (random_chance(random, 20))
            item->expires_at = 0;
    }
}

static void add_random_override(struct random *random, struct world *world)
{
    static const char *const handles[] = {"acme", "s0", "s1", "l-2", "stranger"};
    struct override *override =
        add_override(world, handles[random_between(random, 0, 4)],
                     (enum override_action)random_between(random, OVERRIDE_ALLOW, OVERRIDE_VALUE));

    override->value = random_value(random, VALUE_INTEGER);
    override->created_at = D + random_between(random, 0, 2);
    if (random_chance(random, 50))
        override->dimension = STR("seats");
    if (random_chance(random, 30))
        override->expires_at = NOW + random_between(random, -5, 5);
}

static void make_random_world(struct random *random, struct world *world)
{
    int64_t records = random_between(random, 0, RECORD_COUNT);
    enum value_kind kind = (enum value_kind)random_between(random, VALUE_INTEGER, VALUE_STRING);

    *world = (struct world){0};
    for (int64_t i = 0; i < records; i++)
        add_random_record(random, world, kind);
}

static struct decide_question random_question(struct random *random)
{
    struct decide_question question = seats((double)random_between(random, 0, 60) / 2);

    if (random_chance(random, 80))
        question.product = STR("p1");
    if (random_chance(random, 20))
        question.license = random_chance(random, 50) ? STR("l-0") : STR("l-1");
    if (random_chance(random, 10))
        question.max_age_ms = D * 1000;
    return question;
}

static enum rpc_error decide_at(struct world *world, const struct decide_question *question,
                                int64_t now, struct answer *ret)
{
    struct decide_facts facts = facts_of(world);
    struct error error;

    return decide(question, &facts, &policy_default, now, &world->arena, ret, &error);
}

static void shuffle(struct random *random, struct world *world)
{
    for (size_t i = world->record_count; i > 1; i--) {
        size_t j = (size_t)random_between(random, 0, (int64_t)i - 1);
        const struct subscription *kept = world->record_pointers[j];
        world->record_pointers[j] = world->record_pointers[i - 1];
        world->record_pointers[i - 1] = kept;
    }
    for (size_t r = 0; r < world->record_count; r++) {
        struct entitlement_list *list = &world->records[r].entitlements;
        for (size_t i = list->count; i > 1; i--) {
            size_t j = (size_t)random_between(random, 0, (int64_t)i - 1);
            struct entitlement kept = list->items[j];
            list->items[j] = list->items[i - 1];
            list->items[i - 1] = kept;
        }
    }
    for (size_t i = world->override_count; i > 1; i--) {
        size_t j = (size_t)random_between(random, 0, (int64_t)i - 1);
        const struct override *kept = world->override_pointers[j];
        world->override_pointers[j] = world->override_pointers[i - 1];
        world->override_pointers[i - 1] = kept;
    }
}

enum { ROUNDS = 20000 };

static void the_order_of_facts_does_not_matter(void **state)
{
    (void)state;
    struct random random = random_seeded("the_order_of_facts_does_not_matter");
    int allowed = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer one, other;
        make_random_world(&random, &world);
        if (random_chance(&random, 20))
            add_random_override(&random, &world), add_random_override(&random, &world);
        struct decide_question question = random_question(&random);

        enum rpc_error first = decide_at(&world, &question, NOW, &one);
        shuffle(&random, &world);
        assert_int_equal(first, decide_at(&world, &question, NOW, &other));
        assert_true(codec_equal(&shape_answer, &one, &other));
        allowed += one.allow;
        world_done(&world);
    }
    assert_in_range(allowed, ROUNDS / 10, ROUNDS * 9 / 10);
}

/* With its own product alone, a customer gets the same answer as with others beside it. */
static void products_are_never_summed(void **state)
{
    (void)state;
    struct random random = random_seeded("products_are_never_summed");

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer with, without;
        make_random_world(&random, &world);
        struct decide_question question = random_question(&random);
        question.product = STR("p1");

        decide_at(&world, &question, NOW, &with);
        size_t kept = 0;
        for (size_t r = 0; r < world.record_count; r++) {
            if (str_eq(world.records[r].product_code, STR("p1")))
                world.record_pointers[kept++] = &world.records[r];
        }
        world.record_count = kept;
        decide_at(&world, &question, NOW, &without);
        assert_true(codec_equal(&shape_answer, &with, &without));
        world_done(&world);
    }
}

static void less_is_allowed_where_more_is(void **state)
{
    (void)state;
    struct random random = random_seeded("less_is_allowed_where_more_is");

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer more, less;
        make_random_world(&random, &world);
        if (random_chance(&random, 20))
            add_random_override(&random, &world);
        struct decide_question question = random_question(&random);

        enum rpc_error code = decide_at(&world, &question, NOW, &more);
        question.quantity = question.quantity * (double)random_between(&random, 0, 10) / 10;
        assert_int_equal(code, decide_at(&world, &question, NOW, &less));
        assert_true(!more.allow || less.allow);
        assert_true(value_eq(more.granted, less.granted) || !more.allow);
        world_done(&world);
    }
}

static bool is_going(const struct subscription *record)
{
    return record_state(record, &policy_default, NOW, false) != STATE_ENDED;
}

static void what_has_ended_allows_nothing(void **state)
{
    (void)state;
    struct random random = random_seeded("what_has_ended_allows_nothing");

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer answer;
        bool going = false;
        make_random_world(&random, &world);
        struct decide_question question = random_question(&random);

        question.quantity = 0;
        decide_at(&world, &question, NOW, &answer);
        for (size_t r = 0; r < world.record_count; r++) {
            going = going || is_going(&world.records[r]);
            if (answer.allow && str_eq(answer.subscription, world.records[r].id))
                assert_true(is_going(&world.records[r]));
        }
        assert_true(going || !answer.allow);
        world_done(&world);
    }
}

/* After every date, every hold and every wait has run out, nothing is allowed, whatever the facts
 * were; what has no date and is still listed is left out here. */
static void nothing_is_allowed_past_all_stated_times(void **state)
{
    (void)state;
    struct random random = random_seeded("nothing_is_allowed_past_all_stated_times");

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer answer;
        make_random_world(&random, &world);
        struct decide_question question = random_question(&random);
        int64_t last = NOW;

        for (size_t r = 0; r < world.record_count; r++) {
            struct subscription *record = &world.records[r];
            struct evidence evidence = record_evidence(record);
            for (size_t e = 0; e < record->entitlements.count; e++) {
                struct entitlement *item = &record->entitlements.items[e];
                if (item->expires_at == 0)
                    item->expires_at = NOW + D;
                if (item->expires_at + policy_default.grace_s > last)
                    last = item->expires_at + policy_default.grace_s;
            }
            if (evidence.succeeded_at + policy_default.successor_wait_s > last)
                last = evidence.succeeded_at + policy_default.successor_wait_s;
            if (evidence.undecided_at + policy_default.successor_wait_s > last)
                last = evidence.undecided_at + policy_default.successor_wait_s;
        }
        question.quantity = 0;
        decide_at(&world, &question, last, &answer);
        assert_false(answer.allow);
        world_done(&world);
    }
}

static void an_override_always_wins(void **state)
{
    (void)state;
    struct random random = random_seeded("an_override_always_wins");

    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        struct answer answer;
        bool allow = random_chance(&random, 50);
        make_random_world(&random, &world);
        add_random_override(&random, &world);
        struct override *override =
            add_override(&world, "acme", allow ? OVERRIDE_ALLOW : OVERRIDE_DENY);
        override->dimension = STR("seats");
        override->created_at = NOW;
        struct decide_question question = random_question(&random);

        shuffle(&random, &world);
        assert_int_equal(decide_at(&world, &question, NOW, &answer), ERROR_NONE);
        assert_reason(answer, REASON_OVERRIDE);
        assert_int_equal(answer.allow, allow);
        world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_facts_does_not_matter),
        cmocka_unit_test(products_are_never_summed),
        cmocka_unit_test(less_is_allowed_where_more_is),
        cmocka_unit_test(what_has_ended_allows_nothing),
        cmocka_unit_test(nothing_is_allowed_past_all_stated_times),
        cmocka_unit_test(an_override_always_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
