/* Answers read out of packed records are those of decide(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec/codec.h"
#include "proto/replica/pack.h"
#include "proto/replica/replica.h"
#include "tests/support/packed_fixture.h"

/* A small world in which records share handles and dimensions, so that questions find something. */
enum { NOW = 1800000000, DAY = 86400 };

static struct str one_of(struct random *random, const char *const *texts, int count)
{
    return str_of(texts[random_between(random, 0, count - 1)]);
}

static struct str any_handle(struct random *random)
{
    static const char *const handles[] = {
        "acme",
        "s1",
        "s2",
        "s-00112233445566aa",
        "012345678901",
        "l-00112233445566778899aabbccddeeff",
        "arn:aws:license-manager::012345678901:license:l-00112233445566778899aabbccddeeff",
        "aws:license-manager:us-east-1:012345678901:l-00112233445566778899aabbccddeeff",
        "l-odd",
        "arn:of:something:else",
        "",
        "0b9c6e0e-5b1e-4c7a-8d5e-6f1a2b3c4d5e",
    };

    return one_of(random, handles, sizeof(handles) / sizeof(handles[0]));
}

static struct str any_dimension(struct random *random)
{
    static const char *const dimensions[] = {"seats", "tier", "other", ""};

    return one_of(random, dimensions, 4);
}

static int64_t any_date(struct random *random)
{
    return random_chance(random, 20) ? 0 : NOW + random_between(random, -40, 40) * (DAY / 8);
}

/* Often one that may just be enough. */
static struct value near_quantity(struct random *random, struct arena *arena)
{
    if (random_chance(random, 30))
        return any_value(random, arena);
    return (struct value){.kind = VALUE_INTEGER, .integer = random_between(random, -1, 30)};
}

static struct str any_id(struct random *random)
{
    static const char *const ids[] = {"s1", "s2", "s3", "s-00112233445566aa"};

    return one_of(random, ids, 4);
}

static void put_any_record(struct random *random, struct arena *arena, struct replica *replica,
                           int64_t version)
{
    static const char *const products[] = {"p1", "p1", "p1", "p2"};
    struct entitlement items[4];
    struct str alias = any_handle(random);
    struct evidence evidence = {.empty_at = random_chance(random, 50) ? any_date(random) : 0,
                                .empty_again_at = random_chance(random, 50) ? any_date(random) : 0,
                                .notice = (enum notice)random_between(random, 0, 2),
                                .listed_at = any_date(random)};
    int odd = random_chance(random, 50) ? 10 : 0;
    struct subscription record = {
        .id = any_id(random),
        .version = version,
        .product_code = one_of(random, products, 4),
        .tenant = random_chance(random, odd * 2) ? any_handle(random) : STR("acme"),
        .account_id = random_chance(random, odd * 2) ? any_handle(random) : STR("012345678901"),
        .license_arn = random_chance(random, odd * 2) ? any_handle(random) : STR_NONE,
        .aliases = {&alias, random_chance(random, odd) ? 1 : 0},
        .entitlements = {items,
                         (size_t)random_between(random, 0, random_chance(random, 50) ? 1 : 4)},
        .verified_at = any_date(random),
        .evidence = random_chance(random, odd * 2) ? &evidence : NULL,
        .payment_failed_at = random_chance(random, odd / 2) ? any_date(random) : 0,
        .successor = random_chance(random, odd) ? any_id(random) : STR_NONE,
    };

    record.license_key =
        random_chance(random, 90) ? license_key(record.license_arn) : any_handle(random);
    for (size_t i = 0; i < record.entitlements.count; i++)
        items[i] = (struct entitlement){any_dimension(random), near_quantity(random, arena),
                                        any_date(random)};
    let_some_end_together(random, &record.entitlements);
    replica_put(replica, &record);
}

static void put_any_override(struct random *random, struct arena *arena, struct replica *replica)
{
    static const char *const ids[] = {"o1", "o2"};
    struct override override = {
        .id = one_of(random, ids, 2),
        .handle = any_handle(random),
        .dimension = any_dimension(random),
        .action = (enum override_action)random_between(random, 0, 3),
        .value = any_value(random, arena),
        .expires_at = any_date(random),
        .created_at = any_date(random),
    };

    if (random_chance(random, 50))
        replica_put_override(replica, &override);
    else
        replica_remove_override(replica, override.id);
}

/* What an answer depends on beside question and records. */
struct deciding {
    struct replica_guidance guidance;
    int64_t now_s;
};

static struct deciding by_default(void)
{
    static struct product_page pages[] = {{STR_INIT("p1"), STR_INIT("https://one")},
                                          {STR_INIT("p2"), STR_INIT("https://two")}};

    return (struct deciding){{policy_default, {pages, 2}}, NOW};
}

/* Any times, often the very seconds at which an answer changes. */
static struct deciding by_any(struct random *random)
{
    struct deciding by = by_default();

    by.guidance.policy.stale_after_s = random_between(random, 0, 8) * (DAY / 8);
    by.guidance.policy.grace_s = random_between(random, 0, 4) * (DAY / 8);
    by.guidance.policy.settling_s = random_between(random, 0, 2) * (DAY / 8);
    by.now_s += random_between(random, -8, 8) * (DAY / 8) + random_between(random, -1, 1);
    return by;
}

static void encode(enum rpc_error code, const struct error *error, const struct answer *answer,
                   struct buf *out)
{
    buf_clear(out);
    if (code != ERROR_NONE)
        buf_append_text(out, error->text);
    else
        codec_encode(&shape_answer, answer, out);
}

static void encode_answer(const struct deciding *by, const struct decide_question *question,
                          const struct decide_facts *facts, struct arena *arena, struct buf *out)
{
    struct answer answer;
    struct error error = {""};
    enum rpc_error code =
        decide(question, facts, &by->guidance.policy, by->now_s, arena, &answer, &error);

    answer.subscribe_url = decide_subscribe_url(
        &answer, question, facts, by->guidance.products.items, by->guidance.products.count);
    encode(code, &error, &answer, out);
}

/* Returns whether it was answered without finding facts. */
static bool encode_replica_answer(const struct deciding *by, struct replica_lookup *lookup,
                                  struct buf *out)
{
    struct arena arena = ARENA_INIT;
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error = {""};
    enum rpc_error code =
        replica_answer(lookup, &by->guidance, by->now_s, &arena, id, &answer, &error);
    bool is_plain = code == ERROR_NONE && answer.allow && arena_size(&arena) == 0;

    encode(code, &error, &answer, out);
    arena_done(&arena);
    return is_plain;
}

/* Whether something was left packed. */
static bool is_lean(const struct decide_facts *whole, const struct decide_facts *lean)
{
    return whole->subscription_count > 0 && whole->subscriptions[0]->account_id.len > 0 &&
           lean->subscriptions[0]->account_id.len == 0;
}

static struct decide_question any_question(struct random *random)
{
    return (struct decide_question){
        .handle = random_chance(random, 50) ? STR("acme") : any_handle(random),
        .dimension = random_chance(random, 50) ? STR("seats") : any_dimension(random),
        .quantity = (double)random_between(random, -2, 30) / 2,
        .product = random_chance(random, 70) ? STR_NONE : STR("p1"),
        .license = random_chance(random, 80) ? STR_NONE : any_handle(random),
        .max_age_ms =
            random_chance(random, 50) ? 0 : random_between(random, 1, 8) * (DAY / 8) * 1000,
    };
}

struct ways {
    int lean, plain;
};

static void ask_all_ways(struct random *random, struct replica_reader *reader, struct arena *arena,
                         struct ways *ways)
{
    struct decide_question question = any_question(random);
    const struct deciding by = by_any(random);
    struct decide_facts whole, lean;
    struct replica_lookup lookup;
    struct buf wanted = BUF_INIT, got = BUF_INIT;

    replica_read_begin(reader);
    replica_find(reader, question.handle, arena, &whole);
    encode_answer(&by, &question, &whole, arena, &wanted);
    replica_find_for(reader, &question, arena, &lean);
    encode_answer(&by, &question, &lean, arena, &got);
    assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    ways->lean += is_lean(&whole, &lean);
    replica_seek(reader, &question, &lookup);
    replica_fetch(&lookup);
    ways->plain += encode_replica_answer(&by, &lookup, &got);
    assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    replica_read_end(reader);
    buf_done(&wanted);
    buf_done(&got);
}

static void the_short_ways_give_the_same_answer(void **state)
{
    (void)state;
    struct random random = random_seeded("the_short_ways_give_the_same_answer");
    struct arena arena = ARENA_INIT;
    struct replica *replica = replica_new();
    struct replica_reader *reader = replica_reader_new(replica);
    struct ways ways = {0, 0};

    for (int i = 1; i < 100000; i++) {
        if (random_chance(&random, 15))
            replica_clear(replica);
        if (random_chance(&random, 30))
            put_any_record(&random, &arena, replica, i);
        if (random_chance(&random, 1))
            put_any_override(&random, &arena, replica);
        if (random_chance(&random, 2))
            replica_remove(replica, any_id(&random));
        ask_all_ways(&random, reader, &arena, &ways);
        arena_clear(&arena);
    }
    assert_true(ways.lean > 1000);
    assert_true(ways.plain > 300);
    replica_reader_free(reader);
    replica_free(replica);
    arena_done(&arena);
}

static void ask_in_stages(struct random *random, struct replica_reader *reader, struct arena *arena)
{
    enum { QUESTIONS = 5 };
    const struct deciding by = by_default();
    struct decide_question questions[QUESTIONS];
    struct replica_lookup lookups[QUESTIONS];
    struct buf wanted = BUF_INIT, got = BUF_INIT;
    struct decide_facts facts;

    replica_read_begin(reader);
    for (int i = 0; i < QUESTIONS; i++) {
        questions[i] = any_question(random);
        replica_seek(reader, &questions[i], &lookups[i]);
    }
    for (int i = 0; i < QUESTIONS; i++)
        replica_fetch(&lookups[i]);
    for (int i = 0; i < QUESTIONS; i++) {
        encode_replica_answer(&by, &lookups[i], &got);
        replica_find(reader, questions[i].handle, arena, &facts);
        encode_answer(&by, &questions[i], &facts, arena, &wanted);
        assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
    }
    replica_read_end(reader);
    buf_done(&wanted);
    buf_done(&got);
}

static void many_questions_in_stages_get_the_same_answers(void **state)
{
    (void)state;
    struct random random = random_seeded("many_questions_in_stages_get_the_same_answers");
    struct arena arena = ARENA_INIT;
    struct replica *replica = replica_new();
    struct replica_reader *reader = replica_reader_new(replica);

    for (int i = 1; i < 10000; i++) {
        put_any_record(&random, &arena, replica, i);
        if (random_chance(&random, 1))
            put_any_override(&random, &arena, replica);
        ask_in_stages(&random, reader, &arena);
        arena_clear(&arena);
    }
    replica_reader_free(reader);
    replica_free(replica);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_ways_give_the_same_answer),
        cmocka_unit_test(many_questions_in_stages_get_the_same_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
