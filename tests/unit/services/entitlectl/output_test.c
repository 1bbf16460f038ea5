/* What entitlectl prints: tables, spans, sentences, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/entitlectl/print/explain.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"

enum { NOW_S = 1795435200 }; /* 2026-11-23T12:00:00Z */

static void columns_are_aligned(void **state)
{
    (void)state;
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(buf_done) struct buf out = BUF_INIT;

    table_init(&table, "ID,NAME,WHEN");
    table_cell(&table, STR("a-long-id"));
    table_cell(&table, STR("\xC3\xA9t\xC3\xA9"));
    table_cell_time(&table, NOW_S);
    table_cell_number(&table, -7);
    table_cell(&table, STR_NONE);
    table_cell_time(&table, 0);
    table_write(&table, &out);
    assert_string_equal(out.data, "ID         NAME  WHEN\n"
                                  "a-long-id  \xC3\xA9t\xC3\xA9   2026-11-23T12:00:00Z\n"
                                  "-7         -     -\n");
}

static void a_plain_table_has_no_header(void **state)
{
    (void)state;
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(buf_done) struct buf out = BUF_INIT;

    table_init_plain(&table, 2);
    table_cell(&table, STR("allowed"));
    table_cell(&table, STR("yes"));
    table_write(&table, &out);
    assert_string_equal(out.data, "allowed  yes\n");
}

static void foreign_text_cannot_steer_the_terminal(void **state)
{
    (void)state;
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(buf_done) struct buf out = BUF_INIT;

    table_init_plain(&table, 1);
    table_cell(&table, STR("\x1B[31mred\nline\x7F\xC2\x9B"));
    table_cell(&table, STR("\xFF"));
    table_write(&table, &out);
    format_wrap(&out, STR("one\x1B two"), 80);
    assert_string_equal(out.data, "?[31mred?line??\n(not text)\none? two\n");
}

static void spans_and_times_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t time_s;
        const char *want;
    } cases[] = {
        {0, "never"},
        {NOW_S, "2026-11-23T12:00:00Z (now)"},
        {NOW_S - 1, "2026-11-23T11:59:59Z (1 second ago)"},
        {NOW_S - 119, "2026-11-23T11:58:01Z (119 seconds ago)"},
        {NOW_S - 120, "2026-11-23T11:58:00Z (2 minutes ago)"},
        {NOW_S + 7200, "2026-11-23T14:00:00Z (in 2 hours)"},
        {NOW_S + 10 * 86400, "2026-12-03T12:00:00Z (in 10 days)"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(buf_done) struct buf out = BUF_INIT;
        format_when(&out, cases[i].time_s, NOW_S);
        assert_string_equal(out.data, cases[i].want);
    }
}

static void lines_break_at_blanks(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf out = BUF_INIT;

    format_wrap(&out, STR("one two three averylongword four"), 9);
    assert_string_equal(out.data, "one two\nthree\naverylongword\nfour\n");
}

static void shapes_become_json_of_the_same_names(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf out = BUF_INIT;
    struct entitlement entitlements[] = {
        {.dimension = STR("seats"), .value = {VALUE_INTEGER, {.integer = 10}}, .expires_at = NOW_S},
        {.dimension = STR("tier"), .value = {VALUE_STRING, {.string = STR("gold")}}},
        {.dimension = STR("sso"), .value = {VALUE_BOOLEAN, {.boolean = true}}},
        {.dimension = STR("hours"), .value = {VALUE_DOUBLE, {.number = 2.5}}},
    };
    struct str aliases[] = {STR("old")};
    struct evidence evidence = {.notice = NOTICE_CANCELLED, .notice_at = 5};
    struct subscription record = {
        .id = STR("s1"),
        .version = 3,
        .aliases = {aliases, 1},
        .entitlements = {entitlements, 4},
        .evidence = &evidence,
    };

    cleanup(json_freep) struct json *root = shape_to_json(&shape_subscription, &record);
    json_write(root, &out);
    assert_string_equal(
        out.data,
        "{\"id\":\"s1\",\"version\":3,\"seq\":0,\"aliases\":[\"old\"],\"free_trial\":false,"
        "\"entitlements\":[{\"dimension\":\"seats\",\"value\":10,\"expires_at\":1795435200},"
        "{\"dimension\":\"tier\",\"value\":\"gold\"},{\"dimension\":\"sso\",\"value\":true},"
        "{\"dimension\":\"hours\",\"value\":2.5}],"
        "\"evidence\":{\"notice\":\"CANCELLED\",\"notice_at\":5,\"unproven\":false}}");

    struct contact_field field = {.name = STR("e"), .value = STR("v")};
    struct signing_key key = {.id = STR("k"), .secret = STR("abc")};
    cleanup(json_freep) struct json *contact = shape_to_json(&shape_contact_field, &field);
    cleanup(json_freep) struct json *bytes = shape_to_json(&shape_signing_key, &key);
    buf_clear(&out);
    json_write(contact, &out);
    json_write(bytes, &out);
    assert_string_equal(out.data,
                        "{\"name\":\"e\",\"value\":\"v\"}{\"id\":\"k\",\"secret\":\"YWJj\"}");
}

/* One subscription with ten seats until ten days from now, asked about three minutes ago. */
struct world {
    struct subscription record;
    struct entitlement entitlement;
    struct evidence evidence;
    struct held_entitlement held;
    struct holding holding;
    struct entitlements_result holdings;
    struct answer answer;
    struct due_result due;
    const struct due_result *dues[1];
    struct explain_facts facts;
};

static void make_world(struct world *world)
{
    *world = (struct world){
        .entitlement = {.dimension = STR("seats"),
                        .value = {VALUE_INTEGER, {.integer = 10}},
                        .expires_at = NOW_S + 10 * 86400},
        .held = {.dimension = STR("seats"),
                 .value = {VALUE_INTEGER, {.integer = 10}},
                 .expires_at = NOW_S + 10 * 86400,
                 .counts = COUNTING_YES},
        .record = {.id = STR("s1"),
                   .product_code = STR("prod"),
                   .license_arn = STR("arn:aws:license-manager::1:license:l-1"),
                   .license_key = STR("l-1"),
                   .verified_at = NOW_S - 180},
        .holding = {.state = STATE_ACTIVE},
        .answer = {.allow = true,
                   .reason = REASON_ENTITLED,
                   .granted = {VALUE_INTEGER, {.integer = 10}},
                   .expires_at = NOW_S + 10 * 86400,
                   .combined = 1},
        .due = {.class = DUE_EXPIRY, .not_before = NOW_S + 10 * 86400},
    };
    world->record.entitlements = (struct entitlement_list){&world->entitlement, 1};
    world->holding.subscription = &world->record;
    world->holding.entitlements = (struct held_entitlement_list){&world->held, 1};
    world->holdings.holdings = (struct holding_list){&world->holding, 1};
    world->dues[0] = &world->due;
    world->facts = (struct explain_facts){
        .handle = STR("acme"),
        .dimension = STR("seats"),
        .quantity = 10,
        .answer = &world->answer,
        .holdings = &world->holdings,
        .dues = world->dues,
        .policy = &policy_default,
        .now_s = NOW_S,
    };
}

static void assert_explains(const struct world *world, const char *want)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    explain_write(&world->facts, &out);
    assert_string_equal(out.data, want);
}

static void assert_says(const struct world *world, const char *part)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    explain_write(&world->facts, &out);
    if (!strstr(out.data, part))
        fail_msg("'%s' does not say '%s'", out.data, part);
}

static void assert_says_not(const struct world *world, const char *part)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    explain_write(&world->facts, &out);
    assert_null(strstr(out.data, part));
}

static void explains_a_yes(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    assert_explains(
        &world,
        "Yes: 'acme' may use 10 of 'seats' (entitled). Granted is 10. Subscription s1 (product "
        "prod, licence l-1) is active: on 2026-11-23T11:57:00Z (3 minutes ago) AWS listed seats = "
        "10 until 2026-12-03T12:00:00Z (in 10 days), which counts. What would change it: a change "
        "that AWS announces or the sweep finds, or that the date passes on 2026-12-03T12:00:00Z "
        "(in 10 days) without a renewal. AWS is asked next on 2026-12-03T12:00:00Z (in 10 days) "
        "for expiry.");
}

static void explains_a_stranger(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.answer = (struct answer){.reason = REASON_NOT_SUBSCRIBED,
                                   .subscribe_url = STR("https://aws.example/p")};
    world.holdings.holdings.count = 0;
    world.facts.quantity = 0;
    assert_explains(&world,
                    "No: 'acme' may not use 'seats' (not_subscribed). No subscription is known by "
                    "this handle. What would change it: a registration, or linking the handle to "
                    "a subscription (`entitlectl link`), at https://aws.example/p.");
}

static void explains_another_dimension(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.answer = (struct answer){.reason = REASON_NOT_ENTITLED};
    world.facts.dimension = STR("admins");
    assert_says(&world, "AWS listed not 'admins' but seats.");
    assert_says(&world, "the purchase of this dimension");
}

static void explains_a_hold(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.answer.reason = REASON_HELD;
    world.holding.state = STATE_HELD;
    world.held.counts = COUNTING_HELD;
    world.evidence = (struct evidence){
        .empty_at = NOW_S - 7200, .empty_again_at = NOW_S - 3600, .listed_at = NOW_S - 86400 * 2};
    world.record.evidence = &world.evidence;
    assert_says(&world, "on 2026-11-21T12:00:00Z (2 days ago) AWS listed seats = 10");
    assert_says(&world, "Since 2026-11-23T10:00:00Z (2 hours ago) AWS lists nothing any more, "
                        "confirmed by a second call on 2026-11-23T11:00:00Z (60 minutes ago); "
                        "neither a notification nor a date explains it.");
    assert_says(&world, "or that 14 days have passed.");

    world.evidence.notice = NOTICE_CANCELLED;
    world.evidence.notice_at = NOW_S - 7200;
    assert_says(&world, "AWS announced CANCELLED on 2026-11-23T10:00:00Z (2 hours ago).");
}

static void explains_why_an_end_is_held_and_what_can_be_done(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.answer.reason = REASON_HELD;
    world.entitlement.expires_at = NOW_S + 40 * 86400;
    world.evidence =
        (struct evidence){.empty_at = NOW_S - 86400, .empty_again_at = NOW_S - 86400 + 60};
    world.record.evidence = &world.evidence;
    assert_says(&world,
                " The end is held because AWS lists no customer of the product, as it would for a "
                "wrong account: the customer is served until 2026-12-06T12:00:00Z (in 13 "
                "days). `entitlectl held accept s1` ends it now, `entitlectl held refuse "
                "s1` rejects it.");

    world.evidence.product_alive_at = NOW_S - 3600;
    world.evidence.held_at = NOW_S - 3600;
    assert_says(&world, " The end is held since 2026-11-23T11:00:00Z (60 minutes ago) as one of "
                        "many of the product at once: the customer is served until ");

    world.evidence.refused_at = NOW_S - 1800;
    assert_says(&world, " An operator refused the end on 2026-11-23T11:30:00Z (30 minutes ago): "
                        "the customer is served until 2026-12-07T11:30:00Z (in 13 days). "
                        "`entitlectl held accept s1` ends it now. What");
    assert_says_not(&world, "held refuse");

    world.evidence.refused_at = world.evidence.held_at = 0;
    world.evidence.undecided_at = NOW_S - 3600;
    assert_says(&world, " The end is held since 2026-11-23T11:00:00Z (60 minutes ago), for AWS "
                        "lists a new licence of the account, and has not said whether it renews "
                        "this subscription or another: the customer is served until "
                        "2026-11-26T11:00:00Z (in 2 days).");

    world.evidence = (struct evidence){.empty_at = NOW_S - 60};
    assert_says(&world, " Until it is confirmed the customer is served until ");
    world.evidence.empty_again_at = NOW_S;
    world.evidence.succeeded_at = NOW_S - 60;
    assert_says(&world, " AWS announced a renewal or replacement, and its successor is not active "
                        "yet: the customer is served until ");
    assert_says(&world, "`entitlectl held accept s1` ends it now");
}

static void explains_an_override(void **state)
{
    (void)state;
    struct world world;
    struct override overrides[] = {
        {.id = STR("o1"), .dimension = STR("admins"), .action = OVERRIDE_DENY},
        {.id = STR("o2"),
         .action = OVERRIDE_ALLOW,
         .author = STR("ann"),
         .reason = STR("pilot"),
         .expires_at = NOW_S + 86400 * 3},
    };

    make_world(&world);
    world.answer = (struct answer){.allow = true, .reason = REASON_OVERRIDE};
    world.holdings.overrides = (struct override_list){overrides, 2};
    assert_says(&world, "(override). Override o2 says allow, by ann, because 'pilot', until "
                        "2026-11-26T12:00:00Z (in 3 days). Subscription");
}

static void says_what_is_not_known(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.dues[0] = NULL;
    assert_says(&world, "The store does not say when AWS is asked next.");
    world.record.verified_at = 0;
    world.record.entitlements.count = 0;
    world.holding.entitlements.count = 0;
    assert_says(&world, "AWS has not answered about it yet.");
    world.record.verified_at = NOW_S;
    assert_says(&world, "AWS was asked on 2026-11-23T12:00:00Z (now) and has listed nothing so "
                        "far.");
}

static void says_how_the_next_call_stands(void **state)
{
    (void)state;
    struct world world;

    make_world(&world);
    world.due = (struct due_result){.class = DUE_NOTIFICATION,
                                    .not_before = NOW_S - 5,
                                    .failures = 2,
                                    .last_error = STR("throttled")};
    assert_says(&world, "AWS is asked as soon as the quota allows (notification). The last 2 calls "
                        "failed: throttled.");
    world.due = (struct due_result){.claimed_by = STR("checker-1")};
    assert_says(&world, "Checker checker-1 is asking AWS now.");
    world.due = (struct due_result){.class = due_class_none};
    assert_says(&world, "No call to AWS is planned");
}

static void has_words_for_every_reason(void **state)
{
    (void)state;
    struct world world;

    for (int reason = 1; reason < reason_count; reason++) {
        cleanup(buf_done) struct buf out = BUF_INIT;
        make_world(&world);
        world.answer.reason = (enum reason)reason;
        explain_write(&world.facts, &out);
        assert_null(strstr(out.data, "What would change it: not known"));
        assert_non_null(strstr(out.data, choice_text(&enumeration_reason, reason)));
    }
    for (int counting = 1; counting < counting_count; counting++) {
        cleanup(buf_done) struct buf out = BUF_INIT;
        make_world(&world);
        world.held.counts = (enum counting)counting;
        explain_write(&world.facts, &out);
        assert_null(strstr(out.data, "no known standing"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_plain_table_has_no_header),
        cmocka_unit_test(foreign_text_cannot_steer_the_terminal),
        cmocka_unit_test(spans_and_times_read_well),
        cmocka_unit_test(lines_break_at_blanks),
        cmocka_unit_test(shapes_become_json_of_the_same_names),
        cmocka_unit_test(explains_a_yes),
        cmocka_unit_test(explains_a_stranger),
        cmocka_unit_test(explains_another_dimension),
        cmocka_unit_test(explains_a_hold),
        cmocka_unit_test(explains_why_an_end_is_held_and_what_can_be_done),
        cmocka_unit_test(explains_an_override),
        cmocka_unit_test(says_what_is_not_known),
        cmocka_unit_test(says_how_the_next_call_stands),
        cmocka_unit_test(has_words_for_every_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
