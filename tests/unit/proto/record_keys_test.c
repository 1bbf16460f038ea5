/* By which texts a record is known, and how its changes are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/record/record.h"
#include "tests/support/record_fixture.h"

static void a_licence_is_known_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        struct str license;
        struct str want;
    } cases[] = {
        {STR_INIT("arn:aws:license-manager::555566667777:license:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("aws:license-manager:us-east-1:555566667777:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("arn:aws-eusc:license-manager::555566667777:license:l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT("l-00aa"), STR_INIT("l-00aa")},
        {STR_INIT(" l-00aa\n"), STR_INIT("l-00aa")},
        {STR_INIT("l-"), STR_INIT("")},
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT("acme"), STR_INIT("")},
        {STR_INIT("tenant:l-00aa"), STR_INIT("")},
        {STR_INIT("l-00 aa"), STR_INIT("")},
        {STR_INIT("arn:aws:license-manager::555566667777:license:"), STR_INIT("")},
        {STR_INIT("arn:aws:license-manager::555566667777:grant:g-00aa"), STR_INIT("")},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str got = license_key(cases[i].license);
        if (!str_eq(got, cases[i].want))
            fail_msg("'" STR_FMT "' gave '" STR_FMT "'", STR_ARG(cases[i].license), STR_ARG(got));
        struct str key = got.len > 0 ? got : cases[i].license;
        assert_true(str_eq(handle_key(cases[i].license), key));
    }
}

static void a_record_is_found_by_every_handle(void **state)
{
    (void)state;
    struct str aliases[] = {STR("s0")};
    struct subscription record = {
        .id = STR("s1"),
        .aliases = {aliases, 1},
        .account_id = STR("012345678901"),
        .customer_identifier = STR("ifAPi5AcF3"),
        .license_arn = STR("arn:aws:license-manager::555566667777:license:l-00aa"),
        .license_key = STR("l-00aa"),
        .tenant = STR("acme"),
        .agreement_id = STR("agmt-1"),
    };

    assert_true(record_has_handle(&record, STR("s1")));
    assert_true(record_has_handle(&record, STR("s0")));
    assert_true(record_has_handle(&record, STR("012345678901")));
    assert_true(record_has_handle(&record, STR("ifAPi5AcF3")));
    assert_true(record_has_handle(&record, STR("l-00aa")));
    assert_true(record_has_handle(&record, record.license_arn));
    assert_true(
        record_has_handle(&record, STR("aws:license-manager:us-east-1:555566667777:l-00aa")));
    assert_true(record_has_handle(&record, STR("acme")));
    assert_false(record_has_handle(&record, STR("12345678901")));
    assert_false(record_has_handle(&record, STR("agmt-1")));
    assert_false(record_has_handle(&record, STR("")));
    record.tenant = STR_NONE;
    assert_false(record_has_handle(&record, STR("acme")));
    assert_false(record_has_handle(&(struct subscription){.id = STR("s1")}, STR("")));
}

static void check_change(const struct subscription *before, const struct subscription *after,
                         const char *want)
{
    struct buf out = BUF_INIT;

    buf_append_text(&out, "> ");
    record_describe_change(before, after, &out);
    assert_string_equal(out.data + 2, want);
    buf_done(&out);
}

static void a_change_is_one_line(void **state)
{
    (void)state;
    struct entitlement more = seats;
    struct entitlement two[] = {seats, seats};
    struct evidence evidence = {EMPTY_TWICE(T)};
    struct subscription before = {
        .id = STR("s1"),
        .product_code = STR("p1"),
        .account_id = STR("111122223333"),
        .entitlements = {&seats, 1},
    };
    struct subscription after = before;

    more.value.integer = 25;
    check_change(NULL, &before,
                 "new; product p1; account 111122223333; "
                 "granted seats 10 until 1970-04-11T00:00:00Z");
    after.version = 2;
    after.verified_at = after.updated_at = after.seq = 5;
    check_change(&before, &after, "");
    after.entitlements.items = &more;
    check_change(&before, &after,
                 "granted seats 25 until 1970-04-11T00:00:00Z; "
                 "no longer seats 10 until 1970-04-11T00:00:00Z");
    after.entitlements = (struct entitlement_list){two, 2};
    check_change(&before, &after, "granted seats 10 until 1970-04-11T00:00:00Z");
    after = before;
    after.tenant = STR("acme");
    check_change(&before, &after, "tenant acme");
    check_change(&after, &before, "tenant removed, was acme");
    after = before;
    after.evidence = &evidence;
    check_change(&before, &after,
                 "AWS lists nothing since 1970-04-11T00:00:00Z; "
                 "nothing listed, confirmed 1970-04-11T00:01:00Z");
    check_change(&after, &before, "AWS lists something again");
    evidence = (struct evidence){NOTICE(CANCELLED, T)};
    check_change(&before, &after, "end announced: CANCELLED at 1970-04-11T00:00:00Z");
    check_change(&after, &before, "announced end refuted");
}

static void a_huge_change_stays_one_short_line(void **state)
{
    (void)state;
    static char name[255];
    static struct entitlement many[1000];
    struct subscription before = {.id = STR("s1")}, after = before;
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 2 == 0 ? '\xc3' : '\xa9';
    for (size_t i = 0; i < 1000; i++)
        many[i] = (struct entitlement){.dimension = {name, sizeof(name) - 1}, .expires_at = T};
    after.entitlements = (struct entitlement_list){many, 1000};
    record_describe_change(&before, &after, &out);
    assert_true(out.len < 4000);
    assert_true(str_is_utf8(buf_str(&out)));
    assert_true(str_ends_with(buf_str(&out), STR("and 980 more granted")));

    after.tenant = after.account_id = after.offer_id = after.customer_identifier =
        (struct str){name, sizeof(name) - 1};
    after.license_key = after.license_arn = after.agreement_id = after.tenant;
    after.predecessor = after.successor = after.tenant;
    buf_clear(&out);
    record_describe_change(&before, &after, &out);
    assert_true(out.len < 4000);
    assert_true(str_is_utf8(buf_str(&out)));
    buf_done(&out);
}

static void a_policy_travels_whole(void **state)
{
    (void)state;
    const struct policy policy = {1, 2, 3, 4, 5, 6, 7, 8};
    struct decision_policy message = policy_to_message(&policy);
    struct policy again = policy_of_message(&message);

    assert_int_equal(message.grace_ms, 1000);
    assert_memory_equal(&policy, &again, sizeof(policy));
}

static int compare_owners(struct aws_entitlement a, struct aws_entitlement b)
{
    return record_compare_owners(record_row_owner(&a), record_row_owner(&b));
}

#define ROW(...) ((struct aws_entitlement){__VA_ARGS__})

static void a_row_is_of_its_licence_else_its_customer_else_its_account(void **state)
{
    (void)state;
    const struct aws_entitlement nobody = {.dimension = STR("seats")};

    assert_int_equal(
        compare_owners(ROW(.license_arn = STR("arn:aws:license-manager::1:license:l-1"),
                           .account_id = STR("1")),
                       ROW(.license_arn = STR("l-1"), .account_id = STR("2"))),
        0);
    assert_int_not_equal(compare_owners(ROW(.license_arn = STR("l-1"), .account_id = STR("1")),
                                        ROW(.license_arn = STR("l-2"), .account_id = STR("1"))),
                         0);
    assert_int_equal(compare_owners(ROW(.customer_identifier = STR("c"), .account_id = STR("1")),
                                    ROW(.customer_identifier = STR("c"), .account_id = STR("2"))),
                     0);
    assert_int_equal(compare_owners(ROW(.account_id = STR("1"), .dimension = STR("a")),
                                    ROW(.account_id = STR("1"), .dimension = STR("b"))),
                     0);
    assert_int_not_equal(
        compare_owners(ROW(.customer_identifier = STR("1")), ROW(.account_id = STR("1"))), 0);
    assert_int_equal(record_row_owner(&nobody).by, scope_none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_licence_is_known_in_every_spelling),
        cmocka_unit_test(a_record_is_found_by_every_handle),
        cmocka_unit_test(a_change_is_one_line),
        cmocka_unit_test(a_huge_change_stays_one_short_line),
        cmocka_unit_test(a_policy_travels_whole),
        cmocka_unit_test(a_row_is_of_its_licence_else_its_customer_else_its_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
