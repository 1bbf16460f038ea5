/* What an answer costs: work in proportion to what the handle leads to, however it hangs together.
 * And that successions found once for all are the same as each followed by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "proto/replica/replica.h"
#include "tests/support/random.h"
#include "tests/support/steps.h"

enum { H = 3600, D = 24 * H, NOW = 100 * D, NEXT_YEAR = 465 * D };

struct account {
    struct arena arena;
    struct replica *replica;
    struct replica_reader *reader;
    size_t count;
};

static struct account new_account(void)
{
    struct account account = {.replica = replica_new()};

    account.reader = replica_reader_new(account.replica);
    return account;
}

static void done(struct account *account)
{
    replica_reader_free(account->reader);
    replica_free(account->replica);
    arena_done(&account->arena);
}

static struct str text(struct account *account, const char *kind, size_t number)
{
    return arena_printf(&account->arena, "%s-%zu", kind, number);
}

/* A licence of the account; with `successor` 0 it has none. */
static void put(struct account *account, size_t number, size_t successor)
{
    struct entitlement seats = {.dimension = STR("seats"),
                                .value = {.kind = VALUE_INTEGER, .integer = (int64_t)number},
                                .expires_at = NEXT_YEAR};
    const struct subscription record = {
        .id = text(account, "s", number),
        .version = 1,
        .product_code = STR("p1"),
        .account_id = STR("123456789012"),
        .license_key = text(account, "l", number),
        .successor = successor ? text(account, "s", successor) : STR_NONE,
        .entitlements = {&seats, 1},
        .verified_at = NOW - 60,
    };

    replica_put(account->replica, &record);
    account->count++;
}

static void put_word(struct account *account, struct str handle, const char *dimension)
{
    const struct override word = {.id = text(account, "o", ++account->count),
                                  .handle = handle,
                                  .dimension = str_of(dimension),
                                  .action = OVERRIDE_DENY};

    replica_put_override(account->replica, &word);
}

/* Customers of all kinds, of so many licences. */

static void fill_plain(struct account *account, size_t licences)
{
    for (size_t i = 1; i <= licences; i++)
        put(account, i, 0);
}

static void fill_renewed(struct account *account, size_t licences)
{
    for (size_t i = 1; i <= licences; i += 2) {
        put(account, i, i + 1);
        put(account, i + 1, 0);
    }
}

static void fill_chain(struct account *account, size_t licences)
{
    for (size_t i = 1; i < licences; i++)
        put(account, i, i + 1);
    put(account, licences, 0);
}

static void fill_circle(struct account *account, size_t licences)
{
    for (size_t i = 1; i < licences; i++)
        put(account, i, i + 1);
    put(account, licences, licences / 2);
}

static void fill_with_words(struct account *account, size_t licences)
{
    fill_renewed(account, licences);
    for (size_t i = 1; i <= licences; i++)
        put_word(account, text(account, "l", i), i % 2 ? "seats" : "other");
    for (size_t i = 0; i < licences; i++)
        put_word(account, STR("123456789012"), "other");
}

typedef void fill_fn(struct account *account, size_t licences);

static fill_fn *const kinds[] = {fill_plain, fill_renewed, fill_chain, fill_circle,
                                 fill_with_words};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* What is asked. */

static void check(struct account *account, const char *license)
{
    const struct decide_question question = {.handle = STR("123456789012"),
                                             .dimension = STR("seats"),
                                             .quantity = 1,
                                             .license = str_of(license)};
    const struct replica_guidance guidance = {.policy = policy_default};
    struct arena arena = ARENA_INIT;
    struct replica_lookup lookup;
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error;

    replica_read_begin(account->reader);
    replica_seek(account->reader, &question, &lookup);
    replica_fetch(&lookup);
    assert_int_equal(replica_answer(&lookup, &guidance, NOW, &arena, id, &answer, &error),
                     ERROR_NONE);
    replica_read_end(account->reader);
    arena_done(&arena);
}

static void ask_check(struct account *account)
{
    check(account, "");
}

static void ask_check_of_license(struct account *account)
{
    check(account, "l-1");
}

static void ask_holdings(struct account *account)
{
    struct arena arena = ARENA_INIT;
    struct decide_facts facts;
    struct holding_list holdings;

    replica_read_begin(account->reader);
    replica_find(account->reader, STR("123456789012"), &arena, &facts);
    decide_holdings(&facts, STR_NONE, &policy_default, NOW, &arena, &holdings);
    replica_read_end(account->reader);
    arena_done(&arena);
}

typedef void ask_fn(struct account *account);

static ask_fn *const questions[] = {ask_check, ask_check_of_license, ask_holdings};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static double steps_of(fill_fn *fill, size_t licences, ask_fn *ask)
{
    struct account account = new_account();

    fill(&account, licences);
    uint64_t before = steps_taken;
    ask(&account);
    uint64_t after = steps_taken;
    done(&account);
    return (double)(after - before);
}

/* Twice as many licences cost twice as much, and a little for what is sorted; not four times. */
static void test_work_grows_in_proportion(void **state)
{
    enum { LICENCES = 1000 };
    (void)state;

    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t question = 0; question < QUESTIONS; question++) {
            double once = steps_of(kinds[kind], LICENCES, questions[question]);
            double twice = steps_of(kinds[kind], 2 * LICENCES, questions[question]);
            printf("kind %zu, question %zu: %.0f steps a licence\n", kind, question,
                   once / LICENCES);
            assert_true(once > LICENCES);
            assert_true(twice < 2.5 * once);
        }
    }
}

/* Successions, each followed by itself: the rule as docs/architecture.md has it. */

static const struct subscription *successor_of(const struct subscription *record,
                                               const struct decide_facts *facts)
{
    for (size_t i = 0; record->successor.len > 0 && i < facts->subscription_count; i++) {
        const struct subscription *other = facts->subscriptions[i];
        if (other != record && record_has_id(other, record->successor) &&
            str_eq(other->product_code, record->product_code))
            return other;
    }
    return NULL;
}

static enum state state_of(const struct subscription *record, const struct decide_facts *facts)
{
    const struct subscription *next = successor_of(record, facts);
    struct policy policy = policy_default;
    bool active = false, over = false;

    for (size_t steps = 0; next && steps < facts->subscription_count; steps++) {
        if (next == record) {
            active = over = false;
            break;
        }
        enum state state = record_state(next, &policy_default, NOW, false);
        active = active || state == STATE_ACTIVE || state == STATE_HELD;
        over = over || (state == STATE_ENDED && next->entitlements.count > 0);
        next = successor_of(next, facts);
    }
    if (over)
        policy.successor_wait_s = 0;
    return record_state(record, &policy, NOW, active);
}

enum { RECORDS = 24 };

struct family {
    struct subscription records[RECORDS];
    const struct subscription *pointers[RECORDS];
    struct evidence evidence[RECORDS];
    struct entitlement seats;
    struct str aliases[RECORDS];
};

static void make_family(struct family *family, struct random *random, struct arena *arena)
{
    family->seats = (struct entitlement){.dimension = STR("seats"),
                                         .value = {.kind = VALUE_INTEGER, .integer = 1}};
    for (size_t i = 0; i < RECORDS; i++) {
        struct subscription *record = &family->records[i];
        struct evidence *evidence = &family->evidence[i];
        bool ended = random_between(random, 0, 2) == 0;
        int64_t successor = random_between(random, 0, 2 * RECORDS);

        *evidence = (struct evidence){
            .empty_at = ended ? NOW - H : 0,
            .empty_again_at = ended ? NOW - 60 : 0,
            .notice = ended ? NOTICE_CANCELLED : notice_none,
            .succeeded_at = random_between(random, 0, 1) ? NOW - H : 0,
        };
        family->aliases[i] = arena_printf(arena, "a%d", (int)random_between(random, 0, RECORDS));
        *record = (struct subscription){
            .id = arena_printf(arena, "s%zu", i),
            .aliases = {&family->aliases[i], random_between(random, 0, 1)},
            .product_code = random_between(random, 0, 5) ? STR("p1") : STR("p2"),
            .successor = successor < RECORDS
                             ? arena_printf(arena, "%s%d", random_between(random, 0, 3) ? "s" : "a",
                                            (int)successor)
                             : STR_NONE,
            .entitlements = {&family->seats, random_between(random, 0, 3) > 0},
            .evidence = evidence,
            .verified_at = NOW - 60,
        };
        family->pointers[i] = record;
    }
}

static void test_successions_found_at_once_are_as_each_followed_by_itself(void **state)
{
    struct random random = random_seeded("successions");
    (void)state;

    for (int round = 0; round < 500; round++) {
        struct arena arena = ARENA_INIT;
        struct family *family = arena_alloc(&arena, sizeof(*family));
        const struct decide_facts facts = {.subscriptions = family->pointers,
                                           .subscription_count = RECORDS};
        struct holding_list holdings;

        make_family(family, &random, &arena);
        decide_holdings(&facts, STR_NONE, &policy_default, NOW, &arena, &holdings);
        assert_int_equal(holdings.count, RECORDS);
        for (size_t i = 0; i < RECORDS; i++) {
            const struct holding *holding = &holdings.items[i];
            size_t number = strtoul(holding->subscription->id.ptr + 1, NULL, 10);
            assert_int_equal(holding->state, state_of(family->pointers[number], &facts));
        }
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_grows_in_proportion),
        cmocka_unit_test(test_successions_found_at_once_are_as_each_followed_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
