/* The replica: what is put, found, merged and kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "tests/support/replica_fixture.h"

static size_t found(struct fixture *fixture, const char *handle)
{
    return find(fixture, handle).subscription_count;
}

static struct subscription record_of(const char *id, int64_t version)
{
    return (struct subscription){.id = str_of(id), .version = version};
}

static void put(struct fixture *fixture, const char *id, int64_t version, const char *tenant)
{
    struct subscription record = record_of(id, version);

    record.tenant = str_of(tenant);
    replica_put(fixture->replica, &record);
}

static void a_record_is_found_by_every_handle(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct str alias = STR("s0");
    struct subscription record = {
        .id = STR("s1"),
        .version = 1,
        .aliases = {&alias, 1},
        .tenant = STR("acme"),
        .account_id = STR("012345678901"),
        .customer_identifier = STR("ifAPi5AcF3"),
        .license_key = STR("l-00aa"),
        .license_arn = STR("arn:aws:license-manager::1:license:l-00aa"),
        .agreement_id = STR("agmt-1"),
    };
    static const char *const handles[] = {
        "s1",
        "s0",
        "acme",
        "012345678901",
        "ifAPi5AcF3",
        "l-00aa",
        "arn:aws:license-manager::1:license:l-00aa",
        "aws:license-manager:us-east-1:1:l-00aa",
    };

    assert_int_equal(found(&fixture, "acme"), 0);
    replica_put(fixture.replica, &record);
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        assert_int_equal(found(&fixture, handles[i]), 1);
    assert_int_equal(found(&fixture, "agmt-1"), 0);
    assert_int_equal(found(&fixture, ""), 0);
    replica_remove(fixture.replica, STR("s1"));
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        assert_int_equal(found(&fixture, handles[i]), 0);
    end(&fixture);
}

static void handles_of_several_records_unite_them(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct subscription record = record_of("s3", 1);

    put(&fixture, "s1", 1, "acme");
    put(&fixture, "s2", 1, "acme");
    record.account_id = STR("acme");
    replica_put(fixture.replica, &record);
    assert_int_equal(found(&fixture, "acme"), 3);
    assert_int_equal(found(&fixture, "s2"), 1);
    end(&fixture);
}

static void the_higher_version_is_kept(void **state)
{
    (void)state;
    struct fixture fixture = begin();

    put(&fixture, "s1", 2, "new");
    put(&fixture, "s1", 1, "old");
    put(&fixture, "s1", 2, "other");
    assert_int_equal(found(&fixture, "new"), 1);
    assert_int_equal(found(&fixture, "old"), 0);
    assert_int_equal(found(&fixture, "other"), 0);
    put(&fixture, "s1", 3, "newest");
    assert_int_equal(found(&fixture, "new"), 0);
    assert_int_equal(found(&fixture, "newest"), 1);
    assert_int_equal(replica_count(fixture.replica), 1);
    end(&fixture);
}

static void what_was_merged_does_not_come_back(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct str alias = STR("s1");
    struct subscription survivor = record_of("s2", 1);

    put(&fixture, "s1", 1, "acme");
    survivor.aliases = (struct str_list){&alias, 1};
    replica_put(fixture.replica, &survivor);
    replica_remove(fixture.replica, STR("s1"));
    put(&fixture, "s1", 1, "acme");
    assert_int_equal(found(&fixture, "acme"), 0);
    assert_int_equal(found(&fixture, "s1"), 1);
    assert_int_equal(replica_count(fixture.replica), 1);
    end(&fixture);
}

static void what_was_found_stays_until_the_reader_leaves(void **state)
{
    (void)state;
    struct fixture fixture = begin();

    put(&fixture, "s1", 1, "acme");
    struct decide_facts facts = find(&fixture, "acme");
    for (int version = 2; version < 2000; version++)
        put(&fixture, "s1", version, version % 2 ? "odd" : "even");
    replica_clear(fixture.replica);
    assert_int_equal(facts.subscription_count, 1);
    assert_int_equal(facts.subscriptions[0]->version, 1);
    assert_true(str_eq(facts.subscriptions[0]->tenant, STR("acme")));
    end(&fixture);
}

static void a_copy_owns_all_it_points_to(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct arena arena = ARENA_INIT;
    struct entitlement items[] = {
        {STR("seats"), {.kind = VALUE_INTEGER, .integer = 10}, 5},
        {STR("tier"), {.kind = VALUE_STRING, .string = arena_str(&arena, STR("gold"))}, 6},
        {STR("none"), {.kind = VALUE_NONE, .integer = 0}, 0},
    };
    struct evidence evidence = {.empty_at = 1, .notice = NOTICE_EXPIRED, .notice_at = 2};
    struct str aliases[] = {arena_str(&arena, STR("s7")), STR("s8"), STR_NONE};
    struct subscription record = {
        .id = arena_str(&arena, STR("s1")),
        .version = 3,
        .seq = 4,
        .tenant = arena_str(&arena, STR("acme")),
        .aliases = {aliases, 3},
        .free_trial = true,
        .entitlements = {items, 3},
        .evidence = &evidence,
    };
    struct buf before = BUF_INIT, after = BUF_INIT;

    replica_put(fixture.replica, &record);
    codec_encode(&shape_subscription, &record, &before);
    memset(items, 0, sizeof(items));
    memset(&evidence, 0, sizeof(evidence));
    memset(aliases, 0, sizeof(aliases));
    arena_done(&arena);
    struct decide_facts facts = find(&fixture, "acme");
    assert_int_equal(facts.subscription_count, 1);
    codec_encode(&shape_subscription, facts.subscriptions[0], &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    buf_done(&before);
    buf_done(&after);
    end(&fixture);
}

static void put_with_successor(struct fixture *fixture, const char *id, const char *tenant,
                               const char *successor)
{
    struct subscription record = record_of(id, 1);

    record.tenant = str_of(tenant);
    record.successor = str_of(successor);
    replica_put(fixture->replica, &record);
}

static void successors_are_followed(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct str alias = STR("s9");
    struct subscription last = record_of("s4", 1);

    put_with_successor(&fixture, "s1", "acme", "s2");
    assert_int_equal(found(&fixture, "acme"), 1);
    put_with_successor(&fixture, "s2", "", "s3");
    put_with_successor(&fixture, "s3", "", "s9");
    last.aliases = (struct str_list){&alias, 1};
    last.successor = STR("s1");
    replica_put(fixture.replica, &last);
    put(&fixture, "s5", 1, "s2"); /* a tenant that is called like a record is no successor */

    struct decide_facts facts = find(&fixture, "acme");
    assert_int_equal(facts.subscription_count, 4);
    assert_true(leads_to(&facts, "s2") && leads_to(&facts, "s3") && leads_to(&facts, "s4"));
    end(&fixture);
}

static void put_override(struct fixture *fixture, const char *id, const char *handle)
{
    struct override override = {
        .id = str_of(id), .handle = str_of(handle), .action = OVERRIDE_ALLOW};

    replica_put_override(fixture->replica, &override);
}

static size_t words(struct fixture *fixture, const char *handle)
{
    return find(fixture, handle).override_count;
}

static void overrides_are_found_by_handle_and_record(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct subscription record = record_of("s1", 1);

    put_override(&fixture, "o1", "stranger");
    assert_int_equal(words(&fixture, "stranger"), 1);
    assert_int_equal(words(&fixture, "acme"), 0);
    record.tenant = STR("acme");
    record.account_id = STR("1");
    record.license_key = STR("l-00aa");
    record.successor = STR("s2");
    replica_put(fixture.replica, &record);
    put(&fixture, "s2", 1, "");
    put_override(&fixture, "o2", "acme");
    put_override(&fixture, "o3", "s1");
    put_override(&fixture, "o4", "arn:aws:license-manager::1:license:l-00aa");
    put_override(&fixture, "o5", "s2");
    put_override(&fixture, "o6", "1");
    assert_int_equal(words(&fixture, "acme"), 5);
    assert_int_equal(words(&fixture, "s2"), 1);
    put_override(&fixture, "o2", "other");
    assert_int_equal(words(&fixture, "acme"), 4);
    assert_int_equal(words(&fixture, "other"), 1);
    replica_remove_override(fixture.replica, STR("o3"));
    replica_remove_override(fixture.replica, STR("o3"));
    assert_int_equal(words(&fixture, "acme"), 3);
    end(&fixture);
}

static void all_are_visited_in_order(void **state)
{
    (void)state;
    struct fixture fixture = begin();
    struct buf ids = BUF_INIT;

    put(&fixture, "b", 1, "");
    put(&fixture, "ab", 1, "");
    put(&fixture, "a", 1, "");
    const struct subscription *record = NULL;
    while ((record = replica_next(fixture.replica, record ? record->id : STR_NONE,
                                  &fixture.arena)) != NULL)
        buf_append_str(&ids, record->id);
    assert_string_equal(ids.data, "aabb");
    assert_true(str_eq(replica_next(fixture.replica, STR("aa"), &fixture.arena)->id, STR("ab")));
    assert_null(replica_next(fixture.replica, STR("b"), &fixture.arena));

    buf_clear(&ids);
    put_override(&fixture, "o2", "x");
    put_override(&fixture, "o1", "x");
    const struct override *override = NULL;
    while ((override = replica_next_override(fixture.replica, override ? override->id : STR_NONE,
                                             &fixture.arena)) != NULL)
        buf_append_str(&ids, override->id);
    assert_string_equal(ids.data, "o1o2");

    replica_clear(fixture.replica);
    assert_null(replica_next(fixture.replica, STR_NONE, &fixture.arena));
    assert_int_equal(replica_count(fixture.replica), 0);
    assert_int_equal(words(&fixture, "x"), 0);
    buf_done(&ids);
    end(&fixture);
}

/* As put one by one: the higher version wins, also of two in one batch; what is merged stays away.
 */
static void many_are_put_as_one_by_one(void **state)
{
    enum { MANY = 100, ALIASES = 40 };
    (void)state;
    struct fixture fixture = begin();
    struct arena arena = ARENA_INIT;
    struct subscription records[MANY + 4];
    struct str aliases[ALIASES];

    put(&fixture, "s050", 9, "kept");
    for (size_t i = 0; i < ALIASES; i++)
        aliases[i] = arena_printf(&arena, "alias-%02zu", i);
    for (size_t i = 0; i < MANY; i++) {
        records[i] = record_of(arena_printf(&arena, "s%03zu", i).ptr, 3);
        records[i].tenant = arena_printf(&arena, "tenant-%zu", i);
    }
    records[7].aliases = (struct str_list){aliases, ALIASES};
    records[MANY] = record_of("s009", 4);
    records[MANY + 1] = record_of("s009", 2);
    records[MANY + 2] = record_of("alias-03", 1);
    records[MANY + 3] = record_of("s010", 5);
    records[MANY + 3].tenant = STR("newer");
    replica_put_all(fixture.replica, records, MANY + 4);

    assert_int_equal(replica_count(fixture.replica), MANY);
    assert_int_equal(found(&fixture, "tenant-50"), 0);
    assert_int_equal(found(&fixture, "kept"), 1);
    assert_int_equal(found(&fixture, "tenant-9"), 0);
    assert_int_equal(found(&fixture, "tenant-10"), 0);
    struct decide_facts newer = find(&fixture, "newer");
    assert_true(leads_to(&newer, "s010"));
    for (size_t i = 0; i < ALIASES; i++) {
        struct decide_facts facts = find(&fixture, aliases[i].ptr);
        assert_true(leads_to(&facts, "s007"));
    }
    const struct subscription *record = replica_next(fixture.replica, STR_NONE, &arena);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(str_eq(record->id, records[i].id));
        record = replica_next(fixture.replica, records[i].id, &arena);
    }
    assert_null(record);
    arena_done(&arena);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_put_as_one_by_one),
        cmocka_unit_test(a_record_is_found_by_every_handle),
        cmocka_unit_test(handles_of_several_records_unite_them),
        cmocka_unit_test(the_higher_version_is_kept),
        cmocka_unit_test(what_was_merged_does_not_come_back),
        cmocka_unit_test(what_was_found_stays_until_the_reader_leaves),
        cmocka_unit_test(a_copy_owns_all_it_points_to),
        cmocka_unit_test(successors_are_followed),
        cmocka_unit_test(overrides_are_found_by_handle_and_record),
        cmocka_unit_test(all_are_visited_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
