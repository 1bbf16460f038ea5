/* The replica against a model that is searched through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/replica_fixture.h"

/* What a replica should hold, kept as simply as can be. */
enum { MODEL_RECORDS = 300, MODEL_HANDLES = 50, MODEL_STEPS = 30000 };

struct model {
    int64_t version[MODEL_RECORDS]; /* 0: absent */
    int tenant[MODEL_RECORDS], account[MODEL_RECORDS];
    int64_t next_version;
};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_equals_its_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
