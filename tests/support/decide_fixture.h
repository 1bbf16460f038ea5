/* A world of records and overrides, and questions about it. */
#ifndef TESTS_SUPPORT_DECIDE_FIXTURE_H
#define TESTS_SUPPORT_DECIDE_FIXTURE_H

#include <string.h>

#include "proto/decide/decide.h"

enum { H = 3600, D = 24 * H, NOW = 100 * D, NEXT_YEAR = 465 * D };

#define INTEGER(n)   ((struct value){.kind = VALUE_INTEGER, .integer = (n)})
#define DOUBLE(n)    ((struct value){.kind = VALUE_DOUBLE, .number = (n)})
#define BOOLEAN(b)   ((struct value){.kind = VALUE_BOOLEAN, .boolean = (b)})
#define STRING(text) ((struct value){.kind = VALUE_STRING, .string = STR(text)})
#define NO_VALUE     ((struct value){.kind = VALUE_NONE})

/* A little world: up to eight records of one customer with up to four entitlements each. */
enum { RECORD_COUNT = 8, ENTITLEMENT_COUNT = 4, OVERRIDE_COUNT = 4 };

struct world {
    struct arena arena;
    struct subscription records[RECORD_COUNT];
    struct entitlement entitlements[RECORD_COUNT][ENTITLEMENT_COUNT];
    struct evidence evidence[RECORD_COUNT];
    struct override overrides[OVERRIDE_COUNT];
    const struct subscription *record_pointers[RECORD_COUNT];
    const struct override *override_pointers[OVERRIDE_COUNT];
    size_t record_count, override_count;
};

static inline void world_done(struct world *world)
{
    arena_done(&world->arena);
}

/* A record s0, s1, ... of product p1, verified a minute ago. */
static inline struct subscription *add_record(struct world *world)
{
    size_t i = world->record_count++;
    struct subscription *record = &world->records[i];

    *record = (struct subscription){
        .id = arena_printf(&world->arena, "s%zu", i),
        .product_code = STR("p1"),
        .tenant = STR("acme"),
        .license_key = arena_printf(&world->arena, "l-%zu", i),
        .entitlements = {world->entitlements[i], 0},
        .verified_at = NOW - 60,
        .created_at = D,
    };
    world->record_pointers[i] = record;
    return record;
}

static inline struct entitlement *grant(struct subscription *record, const char *dimension,
                                        struct value value)
{
    struct entitlement *item = &record->entitlements.items[record->entitlements.count++];

    *item = (struct entitlement){
        .dimension = str_of(dimension), .value = value, .expires_at = NEXT_YEAR};
    return item;
}

static inline struct evidence *evidence_of(struct world *world, struct subscription *record)
{
    return record->evidence = &world->evidence[record - world->records];
}

/* Two empty answers that nothing explains. */
static inline void hold(struct world *world, struct subscription *record)
{
    *evidence_of(world, record) =
        (struct evidence){.empty_at = NOW - H, .empty_again_at = NOW - 60, .listed_at = NOW - D};
}

static inline void end(struct world *world, struct subscription *record)
{
    hold(world, record);
    record->evidence->notice = NOTICE_CANCELLED;
}

static inline struct override *add_override(struct world *world, const char *handle,
                                            enum override_action action)
{
    size_t i = world->override_count++;
    struct override *override = &world->overrides[i];

    *override = (struct override){
        .id = arena_printf(&world->arena, "o%zu", i),
        .handle = str_of(handle),
        .action = action,
        .created_at = D,
    };
    world->override_pointers[i] = override;
    return override;
}

static inline struct decide_facts facts_of(const struct world *world)
{
    return (struct decide_facts){
        .subscriptions = world->record_pointers,
        .subscription_count = world->record_count,
        .overrides = world->override_pointers,
        .override_count = world->override_count,
    };
}

static inline struct decide_question seats(double quantity)
{
    return (struct decide_question){
        .handle = STR("acme"), .dimension = STR("seats"), .quantity = quantity};
}

static inline struct answer ask(struct world *world, struct decide_question question)
{
    struct decide_facts facts = facts_of(world);
    struct error error = {""};
    struct answer answer;

    enum rpc_error code =
        decide(&question, &facts, &policy_default, NOW, &world->arena, &answer, &error);
    if (code != ERROR_NONE)
        fail_msg("refused: %s", error.text);
    assert_true(answer.reason != reason_none);
    return answer;
}

#define assert_reason(answer, want)                                                                \
    assert_string_equal(choice_text(&enumeration_reason, (int)(answer).reason),                    \
                        choice_text(&enumeration_reason, (int)(want)))

static inline void check(struct world *world, double quantity, enum reason want, bool want_allow)
{
    struct answer answer = ask(world, seats(quantity));

    assert_reason(answer, want);
    assert_int_equal(answer.allow, want_allow);
}

static inline const char *refusal(struct world *world, struct decide_question question)
{
    static struct error error;
    struct decide_facts facts = facts_of(world);
    struct answer answer;

    assert_int_equal(
        decide(&question, &facts, &policy_default, NOW, &world->arena, &answer, &error),
        ERROR_BAD_REQUEST);
    return error.text;
}

#endif
