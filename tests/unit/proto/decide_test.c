/* What a question is answered, over records, dates, overrides and successions. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "proto/decide/decide.h"
#include "tests/support/random.h"

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

static void world_done(struct world *world)
{
    arena_done(&world->arena);
}

/* A record s0, s1, ... of product p1, verified a minute ago. */
static struct subscription *add_record(struct world *world)
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

static struct entitlement *grant(struct subscription *record, const char *dimension,
                                 struct value value)
{
    struct entitlement *item = &record->entitlements.items[record->entitlements.count++];

    *item = (struct entitlement){
        .dimension = str_of(dimension), .value = value, .expires_at = NEXT_YEAR};
    return item;
}

static struct evidence *evidence_of(struct world *world, struct subscription *record)
{
    return record->evidence = &world->evidence[record - world->records];
}

/* Two empty answers that nothing explains. */
static void hold(struct world *world, struct subscription *record)
{
    *evidence_of(world, record) =
        (struct evidence){.empty_at = NOW - H, .empty_again_at = NOW - 60, .listed_at = NOW - D};
}

static void end(struct world *world, struct subscription *record)
{
    hold(world, record);
    record->evidence->notice = NOTICE_CANCELLED;
}

static struct override *add_override(struct world *world, const char *handle,
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

static struct decide_facts facts_of(const struct world *world)
{
    return (struct decide_facts){
        .subscriptions = world->record_pointers,
        .subscription_count = world->record_count,
        .overrides = world->override_pointers,
        .override_count = world->override_count,
    };
}

static struct decide_question seats(double quantity)
{
    return (struct decide_question){
        .handle = STR("acme"), .dimension = STR("seats"), .quantity = quantity};
}

static struct answer ask(struct world *world, struct decide_question question)
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

static void check(struct world *world, double quantity, enum reason want, bool want_allow)
{
    struct answer answer = ask(world, seats(quantity));

    assert_reason(answer, want);
    assert_int_equal(answer.allow, want_allow);
}

static const char *refusal(struct world *world, struct decide_question question)
{
    static struct error error;
    struct decide_facts facts = facts_of(world);
    struct answer answer;

    assert_int_equal(
        decide(&question, &facts, &policy_default, NOW, &world->arena, &answer, &error),
        ERROR_BAD_REQUEST);
    return error.text;
}

static void quantities_are_compared(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);

    grant(record, "seats", INTEGER(10));
    check(&world, 10, REASON_ENTITLED, true);
    check(&world, 11, REASON_INSUFFICIENT_QUANTITY, false);
    check(&world, 10.5, REASON_INSUFFICIENT_QUANTITY, false);
    check(&world, 0, REASON_ENTITLED, true);
    struct answer answer = ask(&world, seats(3));
    assert_true(value_eq(answer.granted, INTEGER(10)));
    assert_int_equal(answer.expires_at, NEXT_YEAR);
    assert_int_equal(answer.verified_at, NOW - 60);
    assert_false(answer.stale);
    assert_true(str_eq(answer.subscription, STR("s0")));
    assert_int_equal(answer.combined, 0);

    struct decide_question other = seats(1);
    other.dimension = STR("storage");
    answer = ask(&world, other);
    assert_reason(answer, REASON_NOT_ENTITLED);
    assert_int_equal(answer.granted.kind, VALUE_NONE);
    assert_true(str_eq(answer.subscription, STR("s0")));
    world_done(&world);
}

static void bad_questions_are_refused(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question question = seats(1);

    assert_non_null(strstr(refusal(&world, seats(-1)), "quantity"));
    assert_non_null(strstr(refusal(&world, seats(NAN)), "quantity"));
    assert_non_null(strstr(refusal(&world, seats(INFINITY)), "quantity"));
    struct decide_question negative = seats(1);
    negative.max_age_ms = -1;
    assert_non_null(strstr(refusal(&world, negative), "max_age_ms"));
    question.dimension = STR("");
    assert_non_null(strstr(refusal(&world, question), "dimension"));
    question = seats(1);
    question.handle = STR("");
    assert_non_null(strstr(refusal(&world, question), "handle"));
    world_done(&world);
}

/* What one entitlement says to quantities: of every kind, and beyond what numbers hold. */
static void every_kind_of_value_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct value value;
        double quantity;
        enum reason want;
    } cases[] = {
        {"integer 0, held at all", {VALUE_INTEGER, .integer = 0}, 0, REASON_ENTITLED},
        {"integer 0", {VALUE_INTEGER, .integer = 0}, 1, REASON_INSUFFICIENT_QUANTITY},
        {"largest integer",
         {VALUE_INTEGER, .integer = INT64_MAX},
         9223372036854774784.0,
         REASON_ENTITLED},
        {"beyond it", {VALUE_INTEGER, .integer = INT64_MAX}, 0x1p63, REASON_INSUFFICIENT_QUANTITY},
        {"an integer that no double holds",
         {VALUE_INTEGER, .integer = 9007199254740993},
         9007199254740994.0,
         REASON_INSUFFICIENT_QUANTITY},
        {"double", {VALUE_DOUBLE, .number = 2.5}, 2.5, REASON_ENTITLED},
        {"too small a double", {VALUE_DOUBLE, .number = 2.5}, 2.6, REASON_INSUFFICIENT_QUANTITY},
        {"infinity", {VALUE_DOUBLE, .number = INFINITY}, DBL_MAX, REASON_ENTITLED},
        {"no number", {VALUE_DOUBLE, .number = NAN}, 0, REASON_BAD_DATA},
        {"true", {VALUE_BOOLEAN, .boolean = true}, 1000, REASON_ENTITLED},
        {"false", {VALUE_BOOLEAN, .boolean = false}, 0, REASON_NOT_ENTITLED},
        {"text", {VALUE_STRING, .string = STR_INIT("gold")}, 1000, REASON_ENTITLED},
        {"unknown kind", {VALUE_NONE, .integer = 0}, 0, REASON_BAD_DATA},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world = {0};
        grant(add_record(&world), "seats", cases[i].value);
        struct answer answer = ask(&world, seats(cases[i].quantity));
        if (answer.reason != cases[i].want || answer.allow != (cases[i].want == REASON_ENTITLED))
            fail_msg("%s: %s", cases[i].name, choice_text(&enumeration_reason, (int)answer.reason));
        world_done(&world);
    }
}

static struct value combined(struct value a, struct value b, enum reason want)
{
    struct world world = {0};

    grant(add_record(&world), "seats", a);
    grant(add_record(&world), "seats", b);
    struct answer answer = ask(&world, seats(0));
    assert_reason(answer, want);
    /* Texts of the answer lie in the world. */
    struct value granted = answer.granted;
    static char text[64];
    if (granted.kind == VALUE_STRING) {
        snprintf(text, sizeof(text), STR_FMT, STR_ARG(granted.string));
        granted.string = str_of(text);
    }
    assert_int_equal(answer.combined, want == REASON_BAD_DATA ? 0 : 2);
    assert_true(str_is_empty(answer.subscription));
    world_done(&world);
    return granted;
}

static void licences_are_combined_by_kind(void **state)
{
    (void)state;
    assert_true(value_eq(combined(INTEGER(10), INTEGER(5), REASON_ENTITLED), INTEGER(15)));
    assert_true(value_eq(combined(INTEGER(10), INTEGER(-5), REASON_ENTITLED), INTEGER(10)));
    assert_true(
        value_eq(combined(INTEGER(INT64_MAX), INTEGER(1), REASON_ENTITLED), INTEGER(INT64_MAX)));
    assert_true(value_eq(combined(DOUBLE(1.5), DOUBLE(2), REASON_ENTITLED), DOUBLE(3.5)));
    assert_true(
        value_eq(combined(DOUBLE(DBL_MAX), DOUBLE(DBL_MAX), REASON_ENTITLED), DOUBLE(DBL_MAX)));
    assert_true(value_eq(combined(BOOLEAN(false), BOOLEAN(true), REASON_ENTITLED), BOOLEAN(true)));
    assert_true(value_eq(combined(STRING("silver"), STRING("gold"), REASON_ENTITLED),
                         STRING("gold, silver")));
    assert_true(
        value_eq(combined(STRING("gold"), STRING("gold"), REASON_ENTITLED), STRING("gold")));
    combined(INTEGER(1), DOUBLE(1), REASON_BAD_DATA);
    combined(STRING("1"), INTEGER(1), REASON_BAD_DATA);
}

static void a_long_list_of_texts_is_cut(void **state)
{
    (void)state;
    struct world world = {0};
    static char texts[3][2000];

    for (size_t i = 0; i < 3; i++) {
        memset(texts[i], 'a' + (int)i, sizeof(texts[i]));
        grant(add_record(&world), "seats",
              (struct value){.kind = VALUE_STRING, .string = {texts[i], sizeof(texts[i])}});
    }
    struct answer answer = ask(&world, seats(1));
    assert_reason(answer, REASON_ENTITLED);
    assert_in_range(answer.granted.string.len, 2000, 4096);
    assert_true(str_ends_with(answer.granted.string, STR(", ...")));
    world_done(&world);
}

static void a_value_of_unknown_kind_spoils_no_other(void **state)
{
    (void)state;
    struct world world = {0};

    grant(add_record(&world), "seats", NO_VALUE);
    grant(add_record(&world), "seats", INTEGER(10));
    check(&world, 10, REASON_ENTITLED, true);
    world_done(&world);
}

static void unknown_handles_are_not_subscribed(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question question = seats(1);

    check(&world, 1, REASON_NOT_SUBSCRIBED, false);
    grant(add_record(&world), "seats", INTEGER(10));
    question.product = STR("p2");
    assert_reason(ask(&world, question), REASON_NOT_SUBSCRIBED);
    question = seats(1);
    question.license = STR("l-9");
    assert_reason(ask(&world, question), REASON_NOT_SUBSCRIBED);
    world_done(&world);
}

static void products_are_named_or_refused(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question question = seats(10);

    grant(add_record(&world), "seats", INTEGER(10));
    struct subscription *other = add_record(&world);
    other->product_code = STR("p2");
    grant(other, "seats", INTEGER(5));
    const char *sentence = refusal(&world, question);
    assert_non_null(strstr(sentence, "p1, p2"));
    question.product = STR("p2");
    struct answer answer = ask(&world, question);
    assert_reason(answer, REASON_INSUFFICIENT_QUANTITY);
    assert_true(value_eq(answer.granted, INTEGER(5)));
    question.product = STR("p1");
    assert_true(ask(&world, question).allow);
    question.product = STR_NONE;
    question.license = STR("l-1");
    assert_true(value_eq(ask(&world, question).granted, INTEGER(5)));
    world_done(&world);
}

static struct subscription *add_hearsay(struct world *world, const char *product)
{
    struct subscription *record = add_record(world);

    record->product_code = str_of(product);
    record->tenant = STR_NONE;
    record->account_id = STR("111122223333");
    return record;
}

static void an_announcement_alone_makes_no_handle_ambiguous(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question question = seats(10);

    question.handle = STR("111122223333");
    struct subscription *record = add_hearsay(&world, "p1");
    struct subscription *other = add_hearsay(&world, "p2");
    assert_non_null(strstr(refusal(&world, question), "p1, p2"));
    grant(record, "seats", INTEGER(10));
    assert_true(ask(&world, question).allow);
    /* It may have been bought: whoever asks about that product hears so. */
    question.product = STR("p2");
    assert_reason(ask(&world, question), REASON_PENDING);
    question.product = STR_NONE;
    other->registered_at = NOW;
    assert_non_null(strstr(refusal(&world, question), "p1, p2"));
    world_done(&world);
}

static void a_licence_narrows_in_any_spelling(void **state)
{
    (void)state;
    static const char *const spellings[] = {"arn:aws:license-manager::1:license:l-1",
                                            "aws:license-manager:us-east-1:1:l-1", "l-1"};
    struct world world = {0};

    grant(add_record(&world), "seats", INTEGER(10));
    grant(add_record(&world), "seats", INTEGER(5));
    assert_true(value_eq(ask(&world, seats(1)).granted, INTEGER(15)));
    for (size_t i = 0; i < 3; i++) {
        struct decide_question question = seats(6);
        question.license = str_of(spellings[i]);
        struct answer answer = ask(&world, question);
        assert_reason(answer, REASON_INSUFFICIENT_QUANTITY);
        assert_true(value_eq(answer.granted, INTEGER(5)));
        assert_true(str_eq(answer.subscription, STR("s1")));
    }
    world_done(&world);
}

static void ended_ones_are_left_out(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *ended = add_record(&world);

    grant(ended, "seats", INTEGER(10));
    end(&world, ended);
    check(&world, 1, REASON_ENDED, false);
    assert_int_equal(ask(&world, seats(1)).verified_at, NOW - 60);
    grant(add_record(&world), "seats", INTEGER(5));
    check(&world, 5, REASON_ENTITLED, true);
    check(&world, 6, REASON_INSUFFICIENT_QUANTITY, false);
    world_done(&world);
}

static void grace_and_held_are_taken_only_if_needed(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *late = add_record(&world), *held = add_record(&world);

    grant(add_record(&world), "seats", INTEGER(1));
    grant(late, "seats", INTEGER(10))->expires_at = NOW - 60;
    grant(held, "seats", INTEGER(100));
    hold(&world, held);
    check(&world, 1, REASON_ENTITLED, true);
    check(&world, 2, REASON_GRACE, true);
    check(&world, 11, REASON_GRACE, true);
    check(&world, 12, REASON_HELD, true);
    check(&world, 111, REASON_HELD, true);
    check(&world, 112, REASON_INSUFFICIENT_QUANTITY, false);
    struct answer answer = ask(&world, seats(1));
    assert_true(value_eq(answer.granted, INTEGER(111)));
    assert_int_equal(answer.combined, 3);
    assert_int_equal(answer.expires_at, NOW - 60);
    world_done(&world);
}

static void the_first_reason_that_applies_is_given(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);

    check(&world, 1, REASON_PENDING, false);
    record->payment_failed_at = D;
    check(&world, 1, REASON_NOT_ENTITLED, false);
    record->payment_failed_at = 0;
    record = add_record(&world);
    grant(record, "seats", INTEGER(1))->expires_at = NOW - 2 * H;
    check(&world, 1, REASON_EXPIRED, false);
    record = add_record(&world);
    grant(record, "seats", INTEGER(1))->expires_at = NOW - 5 * D;
    record->verified_at = NOW - 6 * D;
    check(&world, 1, REASON_UNVERIFIED, false);
    assert_true(ask(&world, seats(1)).stale);
    world_done(&world);
}

static void a_successor_takes_over_when_it_is_active(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *old = add_record(&world), *new = add_record(&world);
    struct decide_question by_old_licence = seats(1);

    by_old_licence.license = STR("l-0");
    grant(old, "seats", INTEGER(10));
    old->successor = STR("s1");
    check(&world, 10, REASON_ENTITLED, true);
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s0")));

    grant(new, "seats", INTEGER(25));
    struct answer answer = ask(&world, seats(25));
    assert_reason(answer, REASON_ENTITLED);
    assert_true(value_eq(answer.granted, INTEGER(25)));
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s1")));

    /* Renewed again: the middle one has ended, the chain goes on. */
    struct subscription *newest = add_record(&world);
    grant(newest, "seats", INTEGER(7));
    new->successor = STR("s2");
    end(&world, new);
    assert_true(value_eq(ask(&world, seats(1)).granted, INTEGER(7)));
    assert_true(str_eq(ask(&world, by_old_licence).subscription, STR("s2")));
    world_done(&world);
}

static void an_ended_successor_is_not_awaited_any_more(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *old = add_record(&world), *new = add_record(&world);

    grant(old, "seats", INTEGER(10));
    end(&world, old);
    old->evidence->succeeded_at = NOW - H;
    old->successor = STR("s1");
    check(&world, 10, REASON_HELD, true);

    grant(new, "seats", INTEGER(25));
    check(&world, 25, REASON_ENTITLED, true);
    end(&world, new);
    check(&world, 1, REASON_ENDED, false);

    /* One that AWS itself still lists is served, whatever became of the other. */
    old->evidence = NULL;
    check(&world, 10, REASON_ENTITLED, true);
    world_done(&world);
}

static void a_circle_of_successors_ends_nobody(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *a = add_record(&world), *b = add_record(&world);

    grant(a, "seats", INTEGER(1));
    grant(b, "seats", INTEGER(2));
    a->successor = STR("s1");
    b->successor = STR("s0");
    check(&world, 3, REASON_ENTITLED, true);
    a->successor = STR("s0");
    check(&world, 1, REASON_ENTITLED, true);
    world_done(&world);
}

static void a_successor_may_be_named_by_an_alias(void **state)
{
    (void)state;
    struct world world = {0};
    struct str alias = STR("s9");
    struct subscription *old = add_record(&world), *new = add_record(&world);

    grant(old, "seats", INTEGER(1));
    grant(new, "seats", INTEGER(2));
    old->successor = alias;
    new->aliases = (struct str_list){&alias, 1};
    assert_true(value_eq(ask(&world, seats(1)).granted, INTEGER(2)));
    world_done(&world);
}

/* Verified at 0.9 s and asked about at 1.0 s looks like one second, verified at 0.0 s and asked
 * about at 1.9 s too. */
static void no_data_is_older_than_asked(void **state)
{
    static const struct {
        int64_t age_s, max_age_ms;
        bool stale;
    } cases[] = {
        {0, 1, true},      {0, 999, true},    {0, 1000, false},       {0, 1999, false},
        {1, 1000, true},   {1, 1999, true},   {1, 2000, false},       {1, 2999, false},
        {9, 10000, false}, {10, 10000, true}, {10, INT64_MAX, false}, {12 * H + 1, INT64_MAX, true},
    };
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);
    struct decide_question question = seats(1);

    grant(record, "seats", INTEGER(1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        record->verified_at = NOW - cases[i].age_s;
        question.max_age_ms = cases[i].max_age_ms;
        if (ask(&world, question).stale != cases[i].stale)
            fail_msg("an age of %lld s against %lld ms", (long long)cases[i].age_s,
                     (long long)cases[i].max_age_ms);
    }
    world_done(&world);
}

static void age_is_marked(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *record = add_record(&world);
    struct decide_question question = seats(1);

    grant(record, "seats", INTEGER(1));
    record->verified_at = NOW - 12 * H;
    assert_false(ask(&world, question).stale);
    question.max_age_ms = (12 * H - 1) * 1000;
    assert_true(ask(&world, question).stale);
    question.max_age_ms = 0;
    record->verified_at--;
    struct answer answer = ask(&world, question);
    assert_true(answer.stale);
    assert_true(answer.allow);

    /* A refusal rests on what did not count as well. */
    grant(add_record(&world), "storage", INTEGER(1));
    question.dimension = STR("storage");
    assert_false(ask(&world, question).stale);
    question.quantity = 2;
    assert_true(ask(&world, question).stale);
    world_done(&world);
}

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

static struct str subscribe_url(struct world *world, struct decide_question question,
                                enum reason reason, size_t product_count)
{
    static const struct product_page products[] = {
        {STR_INIT("p1"), STR_INIT("https://one.example")},
        {STR_INIT("p2"), STR_INIT("https://two.example")}};
    const struct answer answer = {.reason = reason};
    struct decide_facts facts = facts_of(world);

    return decide_subscribe_url(&answer, &question, &facts, products, product_count);
}

static void who_may_subscribe_is_told_where(void **state)
{
    (void)state;
    struct world world = {0};
    struct decide_question named = seats(1), unnamed = seats(1);

    named.product = STR("p2");
    assert_string_equal(subscribe_url(&world, named, REASON_NOT_SUBSCRIBED, 2).ptr,
                        "https://two.example");
    assert_int_equal(subscribe_url(&world, named, REASON_NOT_SUBSCRIBED, 1).len, 0);
    assert_string_equal(subscribe_url(&world, unnamed, REASON_NOT_SUBSCRIBED, 1).ptr,
                        "https://one.example");
    assert_int_equal(subscribe_url(&world, unnamed, REASON_NOT_SUBSCRIBED, 2).len, 0);

    add_record(&world)->product_code = STR("p2");
    assert_string_equal(subscribe_url(&world, unnamed, REASON_ENDED, 2).ptr, "https://two.example");
    assert_int_equal(subscribe_url(&world, unnamed, REASON_ENTITLED, 2).len, 0);
    world_done(&world);
}

static void holdings_show_everything(void **state)
{
    (void)state;
    struct world world = {0};
    struct subscription *ended = add_record(&world), *other = add_record(&world);
    struct subscription *old = add_record(&world), *new = add_record(&world);
    struct holding_list holdings;

    grant(ended, "seats", INTEGER(10));
    end(&world, ended);
    other->product_code = STR("p2");
    grant(old, "seats", INTEGER(1));
    old->successor = STR("s3");
    grant(new, "seats", INTEGER(2))->expires_at = NOW - 5;
    new->verified_at = 5;
    world.record_pointers[0] = new;
    world.record_pointers[3] = ended;

    struct decide_facts facts = facts_of(&world);
    decide_holdings(&facts, STR_NONE, &policy_default, NOW, &world.arena, &holdings);
    assert_int_equal(holdings.count, 4);
    assert_true(str_eq(holdings.items[0].subscription->id, STR("s0")));
    assert_int_equal(holdings.items[0].state, STATE_ENDED);
    assert_int_equal(holdings.items[0].entitlements.items[0].counts, COUNTING_ENDED);
    assert_int_equal(holdings.items[1].state, STATE_PENDING);
    assert_int_equal(holdings.items[2].state, STATE_ENDED);
    assert_int_equal(holdings.items[2].entitlements.items[0].counts, COUNTING_ENDED);
    assert_int_equal(holdings.items[3].state, STATE_ACTIVE);
    assert_int_equal(holdings.items[3].entitlements.items[0].counts, COUNTING_GRACE);
    assert_true(holdings.items[3].stale);
    assert_false(holdings.items[1].stale);
    decide_holdings(&facts, STR("p2"), &policy_default, NOW, &world.arena, &holdings);
    assert_int_equal(holdings.count, 1);
    world_done(&world);
}

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

/* While a store that came back with less catches up: by what was kept, or by what it says now? */
static void
between_two_answers_the_operator_then_a_yes_of_before_then_the_later_counts(void **state)
{
    static const struct {
        struct answer kept, now;
        int64_t kept_word_at, now_word_at;
        bool kept_counts;
    } cases[] = {
        {{.allow = true, .reason = REASON_ENTITLED}, {.reason = REASON_NOT_SUBSCRIBED}, 0, 0, true},
        {{.allow = true, .reason = REASON_ENTITLED, .verified_at = 5},
         {.reason = REASON_ENDED, .verified_at = 9},
         0,
         0,
         true},
        {{.reason = REASON_NOT_SUBSCRIBED}, {.allow = true, .verified_at = 9}, 0, 0, false},
        {{.reason = REASON_NOT_SUBSCRIBED}, {.reason = REASON_PENDING}, 0, 0, false},
        /* A backup does not know yet that it ended; a renewal came since. */
        {{.reason = REASON_ENDED, .verified_at = 9}, {.allow = true, .verified_at = 5}, 0, 0, true},
        {{.reason = REASON_EXPIRED, .verified_at = 5},
         {.allow = true, .verified_at = 9},
         0,
         0,
         false},
        /* An operator's word, the newer of two. */
        {{.reason = REASON_OVERRIDE}, {.allow = true, .verified_at = 9}, 5, 0, true},
        {{.allow = true, .reason = REASON_ENTITLED}, {.reason = REASON_OVERRIDE}, 0, 5, false},
        {{.reason = REASON_OVERRIDE}, {.allow = true, .reason = REASON_OVERRIDE}, 5, 9, false},
        {{.reason = REASON_OVERRIDE}, {.allow = true, .reason = REASON_OVERRIDE}, 9, 5, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(decide_prefers_kept(&cases[i].kept, cases[i].kept_word_at, &cases[i].now,
                                             cases[i].now_word_at),
                         cases[i].kept_counts);
}

static void a_refusal_is_known_if_aws_was_asked_since(void **state)
{
    (void)state;
    assert_true(decide_is_known(&(struct answer){.allow = true}, 7));
    assert_true(decide_is_known(&(struct answer){.reason = REASON_OVERRIDE}, 7));
    assert_true(decide_is_known(&(struct answer){.reason = REASON_ENDED, .verified_at = 7}, 7));
    assert_false(decide_is_known(&(struct answer){.reason = REASON_EXPIRED, .verified_at = 6}, 7));
    assert_false(decide_is_known(&(struct answer){.reason = REASON_NOT_SUBSCRIBED}, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantities_are_compared),
        cmocka_unit_test(bad_questions_are_refused),
        cmocka_unit_test(every_kind_of_value_has_its_meaning),
        cmocka_unit_test(licences_are_combined_by_kind),
        cmocka_unit_test(a_long_list_of_texts_is_cut),
        cmocka_unit_test(a_value_of_unknown_kind_spoils_no_other),
        cmocka_unit_test(unknown_handles_are_not_subscribed),
        cmocka_unit_test(
            between_two_answers_the_operator_then_a_yes_of_before_then_the_later_counts),
        cmocka_unit_test(a_refusal_is_known_if_aws_was_asked_since),
        cmocka_unit_test(products_are_named_or_refused),
        cmocka_unit_test(an_announcement_alone_makes_no_handle_ambiguous),
        cmocka_unit_test(a_licence_narrows_in_any_spelling),
        cmocka_unit_test(ended_ones_are_left_out),
        cmocka_unit_test(grace_and_held_are_taken_only_if_needed),
        cmocka_unit_test(the_first_reason_that_applies_is_given),
        cmocka_unit_test(a_successor_takes_over_when_it_is_active),
        cmocka_unit_test(an_ended_successor_is_not_awaited_any_more),
        cmocka_unit_test(a_circle_of_successors_ends_nobody),
        cmocka_unit_test(a_successor_may_be_named_by_an_alias),
        cmocka_unit_test(age_is_marked),
        cmocka_unit_test(no_data_is_older_than_asked),
        cmocka_unit_test(overrides_answer_first),
        cmocka_unit_test(an_overriding_value_is_weighed),
        cmocka_unit_test(the_closest_override_wins),
        cmocka_unit_test(an_override_stays_with_its_product),
        cmocka_unit_test(who_may_subscribe_is_told_where),
        cmocka_unit_test(holdings_show_everything),
        cmocka_unit_test(the_order_of_facts_does_not_matter),
        cmocka_unit_test(products_are_never_summed),
        cmocka_unit_test(less_is_allowed_where_more_is),
        cmocka_unit_test(what_has_ended_allows_nothing),
        cmocka_unit_test(nothing_is_allowed_past_all_stated_times),
        cmocka_unit_test(an_override_always_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
