/* A replica follows a store: snapshots, events, gaps, and a long random life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/follow_fixture.h"

static void a_snapshot_is_taken_while_commits_flow(void **state)
{
    struct stage *stage = *state;

    stage->commits_per_chunk = 10;
    catch_up(stage);
    stage->commits_per_chunk = 0;
    catch_up(stage);
    assert_int_equal(state_of(stage).snapshots, 1);
}

static void a_record_that_cannot_be_read_is_passed_over(void **state)
{
    struct stage *stage = *state;

    stage->has_unreadable = true;
    catch_up(stage);
    assert_int_equal(state_of(stage).unreadable, 1);
    assert_int_equal(state_of(stage).snapshots, 1);
}

static void events_are_applied_as_they_come(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    for (int i = 0; i < 500; i++)
        commit_something(stage);
    catch_up(stage);
    assert_int_equal(state_of(stage).gaps, 0);
    assert_int_equal(stage->changes_asked, 0);
}

static void a_gap_is_closed_by_changes(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    stage->lose_events = true;
    commit_record(stage, 3, true);
    commit_record(stage, 4, false);
    commit_override(stage, 1, false);
    stage->lose_events = false;
    commit_record(stage, 5, true);
    catch_up(stage);
    assert_int_equal(state_of(stage).gaps, 1);
    assert_int_equal(state_of(stage).snapshots, 1);
    assert_int_equal(stage->times_incomplete, 0);
}

static void a_heartbeat_reveals_a_gap_at_the_end(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    stage->lose_events = true;
    commit_record(stage, 3, true);
    catch_up(stage);
    assert_int_equal(state_of(stage).gaps, 1);
}

static void a_truncated_event_asks_for_changes(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    stage->lose_events = true;
    commit_record(stage, 3, true);
    stage->lose_events = false;
    const struct commit_event event = {
        .incarnation = STR("first"), .seq = stage->seq, .truncated = true};
    publish(stage, &event);
    catch_up(stage);
    assert_true(stage->changes_asked > 0);
}

static void without_history_a_snapshot_closes_the_gap(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    stage->lose_events = true;
    for (size_t i = 0; i < 10; i++)
        commit_record(stage, i, i % 2 == 0);
    commit_override(stage, 0, false);
    commit_override(stage, 5, true);
    stage->lose_events = false;
    stage->history_from = stage->seq;
    catch_up(stage);
    assert_int_equal(state_of(stage).snapshots, 2);
    /* It went on answering from what it had. */
    assert_int_equal(stage->times_incomplete, 0);
}

static void whatever_happens_the_replica_converges(void **state)
{
    enum { ROUNDS = 60, STEPS = 20 };
    struct stage *stage = *state;

    for (int round = 0; round < ROUNDS; round++) {
        stage->commits_per_chunk = (unsigned)rand() % 5;
        for (int step = 0; step < STEPS; step++) {
            stage->lose_events = rand() % 5 == 0;
            commit_something(stage);
        }
        if (rand() % 3 == 0)
            stage->history_from = stage->seq - rand() % STEPS;
        if (rand() % 10 == 0) {
            close_source(stage);
            open_source(stage);
        }
        stage->lose_events = false;
        catch_up(stage);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_is_taken_while_commits_flow),
        TEST(a_record_that_cannot_be_read_is_passed_over),
        TEST(events_are_applied_as_they_come),
        TEST(a_gap_is_closed_by_changes),
        TEST(a_heartbeat_reveals_a_gap_at_the_end),
        TEST(a_truncated_event_asks_for_changes),
        TEST(without_history_a_snapshot_closes_the_gap),
        TEST(whatever_happens_the_replica_converges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
