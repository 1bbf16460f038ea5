/* What a question is answered: quantities, kinds of values, several records, reasons. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/decide_fixture.h"

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
        cmocka_unit_test(products_are_named_or_refused),
        cmocka_unit_test(an_announcement_alone_makes_no_handle_ambiguous),
        cmocka_unit_test(a_licence_narrows_in_any_spelling),
        cmocka_unit_test(ended_ones_are_left_out),
        cmocka_unit_test(grace_and_held_are_taken_only_if_needed),
        cmocka_unit_test(the_first_reason_that_applies_is_given),
        cmocka_unit_test(who_may_subscribe_is_told_where),
        cmocka_unit_test(holdings_show_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
