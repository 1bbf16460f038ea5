/* The replica: put, found, merged, and read while it is written. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/replica/replica.h"
#include "tests/support/random.h"

/* A replica with one reader inside a section, and an arena for what it finds. */
struct fixture {
    struct replica *replica;
    struct replica_reader *reader;
    struct arena arena;
};

static struct fixture begin(void)
{
    struct fixture fixture = {.replica = replica_new()};

    fixture.reader = replica_reader_new(fixture.replica);
    replica_read_begin(fixture.reader);
    return fixture;
}

static void end(struct fixture *fixture)
{
    replica_read_end(fixture->reader);
    replica_reader_free(fixture->reader);
    replica_free(fixture->replica);
    arena_done(&fixture->arena);
}

static struct decide_facts find(struct fixture *fixture, const char *handle)
{
    struct decide_facts facts;

    replica_find(fixture->reader, str_of(handle), &fixture->arena, &facts);
    return facts;
}

static bool leads_to(const struct decide_facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->subscription_count; i++) {
        if (str_eq_text(facts->subscriptions[i]->id, id))
            return true;
    }
    return false;
}

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

/* What a replica should hold, kept as simply as can be. */
enum { MODEL_RECORDS = 300, MODEL_HANDLES = 50, MODEL_STEPS = 30000 };

struct model {
    int64_t version[MODEL_RECORDS]; /* 0: absent */
    int tenant[MODEL_RECORDS], account[MODEL_RECORDS];
    int64_t next_version;
};

static struct str number_text(char text[32], const char *prefix, int number)
{
    snprintf(text, 32, "%s%03d", prefix, number);
    return str_of(text);
}

static void change_both(struct random *random, struct fixture *fixture, struct model *model)
{
    int i = (int)random_between(random, 0, MODEL_RECORDS - 1);
    char id[32], tenant[32], account[32];
    struct subscription record = {.id = number_text(id, "s", i)};

    if (random_chance(random, 30)) {
        replica_remove(fixture->replica, record.id);
        model->version[i] = 0;
        return;
    }
    record.version = random_chance(random, 90) ? ++model->next_version
                                               : random_between(random, 1, model->next_version + 1);
    int with_tenant = (int)random_between(random, 0, MODEL_HANDLES - 1);
    int with_account = (int)random_between(random, 0, MODEL_HANDLES - 1);
    record.tenant = number_text(tenant, "h", with_tenant);
    record.account_id = number_text(account, "h", with_account);
    replica_put(fixture->replica, &record);
    if (record.version > model->version[i]) {
        model->version[i] = record.version;
        model->tenant[i] = with_tenant;
        model->account[i] = with_account;
    }
}

static void compare_both(struct random *random, struct fixture *fixture, const struct model *model)
{
    int handle = (int)random_between(random, 0, MODEL_HANDLES - 1);
    char text[32];
    size_t want = 0, count = 0;

    number_text(text, "h", handle);
    struct decide_facts facts = find(fixture, text);
    for (int i = 0; i < MODEL_RECORDS; i++) {
        char id[32];
        count += model->version[i] != 0;
        if (model->version[i] == 0 || (model->tenant[i] != handle && model->account[i] != handle))
            continue;
        want++;
        number_text(id, "s", i);
        assert_true(leads_to(&facts, id));
    }
    assert_int_equal(facts.subscription_count, want);
    assert_int_equal(replica_count(fixture->replica), count);
}

static void check_order(struct fixture *fixture, const struct model *model)
{
    const struct subscription *record = replica_next(fixture->replica, STR_NONE, &fixture->arena);

    for (int i = 0; i < MODEL_RECORDS; i++) {
        char id[32];
        if (model->version[i] == 0)
            continue;
        assert_non_null(record);
        assert_true(str_eq(record->id, number_text(id, "s", i)));
        assert_int_equal(record->version, model->version[i]);
        record = replica_next(fixture->replica, record->id, &fixture->arena);
    }
    assert_null(record);
}

static void it_equals_its_model(void **state)
{
    (void)state;
    static struct model model;
    struct random random = random_seeded("it_equals_its_model");
    struct fixture fixture = begin();

    for (int step = 0; step < MODEL_STEPS; step++) {
        change_both(&random, &fixture, &model);
        if (step % 50 == 0)
            compare_both(&random, &fixture, &model);
        if (step % 5000 == 0)
            check_order(&fixture, &model);
        if (step % 100 == 0) {
            replica_read_end(fixture.reader);
            arena_done(&fixture.arena);
            replica_read_begin(fixture.reader);
        }
    }
    check_order(&fixture, &model);
    end(&fixture);
}

/* One thread writes, others read all the while. The steady record is replaced again and again and
 * never gone; the others come and go. A record's parts all tell the same version. */
enum { READERS = 3, WRITES = 30000, PASSERS_BY = 200, PRODUCTS = 2000 };

struct stress {
    struct replica *replica;
    pthread_barrier_t start;
    atomic_bool done;
    atomic_int torn, missing;
    atomic_long reads;
};

/* So many that the words too grow under their readers. */
static struct str product_of(int64_t version, char text[32])
{
    return number_text(text, "product", (int)(version % PRODUCTS));
}

static void put_versioned(struct replica *replica, struct str id, int64_t version)
{
    char text[32], moving[32], product[32];
    struct entitlement items[] = {
        {.dimension = STR("seats"), .value = {.kind = VALUE_STRING}, .expires_at = version},
        {.dimension = STR("users"), .value = {.kind = VALUE_INTEGER, .integer = version}},
    };
    struct subscription record = {
        .id = id,
        .version = version,
        .tenant = STR("all"),
        .entitlements = {items, 2},
        .verified_at = version,
    };

    snprintf(text, sizeof(text), "%lld", (long long)version);
    items[0].value.string = str_of(text);
    record.account_id = number_text(moving, "a", (int)(version % 7));
    record.customer_identifier = id;
    record.product_code = product_of(version, product);
    replica_put(replica, &record);
}

static bool is_whole(const struct subscription *record)
{
    const struct entitlement *item = &record->entitlements.items[0];
    char product[32];
    int64_t told;

    return record->entitlements.count == 2 && item[1].value.integer == record->version &&
           str_eq(record->product_code, product_of(record->version, product)) &&
           item->expires_at == record->version && record->verified_at == record->version &&
           str_to_i64(item->value.string, &told) && told == record->version &&
           str_eq(record->customer_identifier, record->id);
}

static void read_once(struct stress *stress, struct replica_reader *reader, struct arena *arena,
                      struct str handle, bool must_be_there)
{
    struct decide_facts facts;
    bool steady = false;

    replica_read_begin(reader);
    replica_find(reader, handle, arena, &facts);
    for (size_t i = 0; i < facts.subscription_count; i++) {
        const struct subscription *record = facts.subscriptions[i];
        if (!is_whole(record) || !record_has_handle(record, handle))
            atomic_fetch_add(&stress->torn, 1);
        steady = steady || str_eq(record->id, STR("steady"));
    }
    replica_read_end(reader);
    arena_done(arena);
    if (must_be_there && !steady)
        atomic_fetch_add(&stress->missing, 1);
    atomic_fetch_add(&stress->reads, 1);
}

static void ask_once(struct stress *stress, struct replica_reader *reader, struct arena *arena)
{
    const struct decide_question question = {.handle = STR("steady"), .dimension = STR("seats")};
    struct decide_facts facts;

    replica_read_begin(reader);
    replica_find_for(reader, &question, arena, &facts);
    if (facts.subscription_count != 1) {
        atomic_fetch_add(&stress->missing, 1);
    } else {
        const struct subscription *record = facts.subscriptions[0];
        if (record->entitlements.count != 1 ||
            record->entitlements.items[0].expires_at != record->verified_at)
            atomic_fetch_add(&stress->torn, 1);
    }
    replica_read_end(reader);
    arena_clear(arena);
}

/* An answer that stands as it is in the record's bytes. */
static void check_once(struct stress *stress, struct replica_reader *reader)
{
    const struct decide_question question = {.handle = STR("steady"), .dimension = STR("users")};
    const struct replica_guidance guidance = {.policy = policy_default};
    struct replica_lookup lookup;
    struct arena arena = ARENA_INIT;
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error;

    replica_read_begin(reader);
    replica_seek(reader, &question, &lookup);
    replica_fetch(&lookup);
    replica_answer(&lookup, &guidance, 0, &arena, id, &answer, &error);
    if (!answer.allow || !str_eq(answer.subscription, STR("steady")))
        atomic_fetch_add(&stress->missing, 1);
    else if (answer.granted.integer != answer.verified_at)
        atomic_fetch_add(&stress->torn, 1);
    replica_read_end(reader);
    arena_done(&arena);
}

static void *read_all_the_while(void *arg)
{
    struct stress *stress = arg;
    struct replica_reader *reader = replica_reader_new(stress->replica);
    struct arena arena = ARENA_INIT;

    pthread_barrier_wait(&stress->start);
    for (int i = 0; !atomic_load(&stress->done); i++) {
        char text[32];
        read_once(stress, reader, &arena, STR("steady"), true);
        ask_once(stress, reader, &arena);
        check_once(stress, reader);
        read_once(stress, reader, &arena, number_text(text, "a", i % 7), false);
        if (i % 50 == 0)
            read_once(stress, reader, &arena, STR("all"), true);
    }
    arena_done(&arena);
    replica_reader_free(reader);
    return NULL;
}

/* So many that the index grows under its readers. */
static void put_one_of_a_crowd(struct replica *replica, int64_t version)
{
    char id[32], tenant[32], account[32];
    struct subscription record = {
        .id = number_text(id, "c", (int)version),
        .version = version,
        .tenant = number_text(tenant, "t", (int)version),
        .account_id = number_text(account, "b", (int)version),
    };

    replica_put(replica, &record);
}

static void churn(struct random *random, struct replica *replica)
{
    for (int64_t version = 2; version < WRITES; version++) {
        char text[32];
        struct str id = number_text(text, "p", (int)random_between(random, 0, PASSERS_BY - 1));
        put_versioned(replica, STR("steady"), version);
        put_one_of_a_crowd(replica, version);
        if (random_chance(random, 50))
            put_versioned(replica, id, version);
        else
            replica_remove(replica, id);
    }
}

static void readers_see_whole_records_while_the_writer_churns(void **state)
{
    (void)state;
    struct random random = random_seeded("readers_see_whole_records_while_the_writer_churns");
    struct stress stress = {.replica = replica_new()};
    pthread_t threads[READERS];

    pthread_barrier_init(&stress.start, NULL, READERS + 1);
    put_versioned(stress.replica, STR("steady"), 1);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_while, &stress), 0);
    pthread_barrier_wait(&stress.start);
    churn(&random, stress.replica);
    atomic_store(&stress.done, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&stress.start);
    replica_free(stress.replica);
    assert_int_equal(atomic_load(&stress.torn), 0);
    assert_int_equal(atomic_load(&stress.missing), 0);
    assert_true(atomic_load(&stress.reads) > 0);
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
        cmocka_unit_test(it_equals_its_model),
        cmocka_unit_test(readers_see_whole_records_while_the_writer_churns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
