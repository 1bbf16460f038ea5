/* Readers of a replica while its writer writes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/replica_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_records_while_the_writer_churns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
