/* The commits that a checker keeps, to give out what others missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/checker/history.h"

enum { RING = 65536 };

struct seen {
    size_t subscriptions, overrides;
    struct str last;
};

static void note(void *arg, enum history_kind kind, struct str id)
{
    struct seen *seen = arg;

    if (kind == HISTORY_SUBSCRIPTION)
        seen->subscriptions++;
    else
        seen->overrides++;
    seen->last = id;
}

static void commit(struct history *history, int64_t seq, const char *id)
{
    struct subscription record = {.id = str_of(id)};

    history_add(history, &(struct commit_event){.seq = seq, .subscriptions = {&record, 1}});
}

static void an_unbroken_run_is_held(void **state)
{
    struct history *history = history_new();
    struct seen seen = {0};
    (void)state;

    history_restart(history, 10);
    commit(history, 11, "a");
    commit(history, 12, "b");
    struct str gone = STR("c");
    struct override override = {.id = STR("d")};
    history_add(history, &(struct commit_event){.seq = 13,
                                                .removed = {&gone, 1},
                                                .overrides = {&override, 1},
                                                .overrides_removed = {&gone, 1}});
    assert_int_equal(history_last(history), 13);
    assert_true(history_each(history, 10, note, &seen));
    assert_int_equal(seen.subscriptions, 3);
    assert_int_equal(seen.overrides, 2);
    seen = (struct seen){0};
    assert_true(history_each(history, 12, note, &seen));
    assert_int_equal(seen.subscriptions, 1);
    assert_true(history_each(history, 13, note, &(struct seen){0}));
    assert_false(history_each(history, 9, note, &seen));
    history_free(history);
}

static void a_gap_or_a_truncated_event_begins_anew(void **state)
{
    struct history *history = history_new();
    struct seen seen = {0};
    (void)state;

    history_restart(history, 10);
    commit(history, 11, "a");
    commit(history, 13, "b");
    assert_false(history_each(history, 12, note, &seen));
    assert_true(history_each(history, 13, note, &seen));
    assert_int_equal(seen.subscriptions, 0);
    history_add(history, &(struct commit_event){.seq = 14, .truncated = true});
    assert_false(history_each(history, 13, note, &seen));
    assert_true(history_each(history, 14, note, &seen));
    history_free(history);
}

static void the_oldest_gives_way(void **state)
{
    struct history *history = history_new();
    struct seen seen = {0};
    char id[32];
    (void)state;

    history_restart(history, 0);
    for (int64_t seq = 1; seq <= RING + 100; seq++) {
        snprintf(id, sizeof(id), "sub-%lld", (long long)seq);
        commit(history, seq, id);
    }
    assert_false(history_each(history, 99, note, &seen));
    assert_true(history_each(history, 100, note, &seen));
    assert_int_equal(seen.subscriptions, RING);
    assert_true(str_eq(seen.last, str_of(id)));
    history_free(history);
}

static void half_a_commit_is_not_given_out(void **state)
{
    struct history *history = history_new();
    struct seen seen = {0};
    struct subscription records[3] = {{.id = STR("a")}, {.id = STR("b")}, {.id = STR("c")}};
    (void)state;

    history_restart(history, 0);
    history_add(history, &(struct commit_event){.seq = 1, .subscriptions = {records, 3}});
    for (int64_t seq = 2; seq <= RING - 1; seq++)
        commit(history, seq, "x");
    /* The ring is one over: the first commit has lost a part, so all of it is gone. */
    assert_false(history_each(history, 0, note, &seen));
    assert_true(history_each(history, 1, note, &seen));
    assert_int_equal(seen.subscriptions, RING - 2);
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unbroken_run_is_held),
        cmocka_unit_test(a_gap_or_a_truncated_event_begins_anew),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(half_a_commit_is_not_given_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
