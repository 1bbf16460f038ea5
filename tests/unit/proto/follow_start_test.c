/* A source that starts anew, knows less, or was away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/support/follow_fixture.h"

static void a_new_incarnation_replaces_everything(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    strcpy(stage->incarnation, "second");
    stage->seq = 0;
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        stage->records[i].present = false;
        stage->records[i].version = 0;
    }
    for (size_t i = 10; i < 20; i++)
        commit_record(stage, i, true);
    catch_up(stage);
    assert_int_equal(stage->times_incomplete, 1);
}

/* The source is another one, with nothing, and goes on to say since when it catches up. */
static void begin_another(struct stage *stage, int64_t catching_up_since)
{
    strcpy(stage->incarnation, "second");
    stage->seq = 0;
    stage->catching_up_since = catching_up_since;
    for (size_t i = 0; i < RECORDS_MAX; i++)
        stage->records[i] = (struct fake_record){.present = false};
    for (size_t i = 0; i < RECORDS_MAX; i++)
        snprintf(stage->records[i].id, sizeof(stage->records[i].id), "sub-%03zu", i);
    for (size_t i = 0; i < OVERRIDES_MAX; i++)
        stage->overrides[i].present = false;
    commit_record(stage, 50, true);
}

static bool finds(const struct stage *stage, const char *id)
{
    struct replica_reader *reader = replica_reader_new(stage->replica);
    struct arena arena = ARENA_INIT;
    struct decide_facts facts;

    replica_read_begin(reader);
    replica_find(reader, str_of(id), &arena, &facts);
    bool found = facts.subscription_count > 0;
    replica_read_end(reader);
    replica_reader_free(reader);
    arena_done(&arena);
    return found;
}

static void until_let_go(struct stage *stage)
{
    while (state_of(stage).kept)
        loop_run(stage->fixture.loop);
}

static void what_was_known_is_kept_until_the_store_has_caught_up(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    int64_t seq = stage->seq;
    begin_another(stage, 1);
    catch_up(stage);
    assert_true(state_of(stage).kept);
    assert_int_equal(state_of(stage).kept_seq, seq);
    assert_true(str_eq_text(state_of(stage).kept_incarnation, "first"));
    assert_int_equal(state_of(stage).catching_up_since_s, 1);
    assert_true(finds(stage, "sub-003"));
    assert_true(finds(stage, "sub-050"));
    /* Another store again: what was complete first is the fullest. */
    strcpy(stage->incarnation, "third");
    catch_up(stage);
    assert_int_equal(state_of(stage).kept_seq, seq);
    stage->catching_up_since = 0;
    until_let_go(stage);
    assert_false(finds(stage, "sub-003"));
    assert_true(finds(stage, "sub-050"));
}

static void a_source_is_believed_once_it_was_told(void **state)
{
    struct stage *stage = *state;

    stage->follower_reports = true;
    replica_follow_close(take(stage->follow));
    rpc_client_close(take(stage->client));
    open_follower(stage, NULL);
    catch_up(stage);
    begin_another(stage, 0);
    catch_up(stage);
    assert_true(state_of(stage).kept);
    /* By a commit that it has not heard of yet. */
    replica_follow_reported(stage->follow, stage->seq + 1);
    commit_record(stage, 51, true);
    until_let_go(stage);
    assert_false(finds(stage, "sub-003"));
}

/* It had acknowledged what it lacks now, and has gone beyond that already. */
static void an_older_start_is_noticed_whatever_came_since(void **state)
{
    struct stage *stage = *state;

    stage->start = 7;
    stage->start_seq = stage->seq;
    commit_record(stage, 1, true);
    catch_up(stage);
    int64_t held = state_of(stage).seq;
    stage->start = 8;
    stage->start_seq = held - 3;
    for (int i = 0; i < 10; i++)
        commit_record(stage, 2, true);
    catch_up(stage);
    assert_int_equal(state_of(stage).older_starts, 1);
    assert_int_equal(state_of(stage).lost_commits, 3);
    assert_int_equal(state_of(stage).kept_seq, held);
    assert_int_equal(state_of(stage).snapshots, 2);
}

static void a_start_that_lost_nothing_is_none(void **state)
{
    struct stage *stage = *state;

    stage->start = 7;
    stage->start_seq = stage->seq;
    catch_up(stage);
    close_source(stage);
    stage->start = 8;
    stage->start_seq = stage->seq;
    for (int i = 0; i < 30; i++)
        commit_something(stage);
    open_source(stage);
    catch_up(stage);
    assert_int_equal(state_of(stage).older_starts, 0);
    assert_int_equal(state_of(stage).snapshots, 1);
}

static void a_source_that_was_away_is_caught_up_with(void **state)
{
    struct stage *stage = *state;

    catch_up(stage);
    close_source(stage);
    for (int i = 0; i < 30; i++)
        commit_something(stage);
    assert_true(state_of(stage).complete);
    open_source(stage);
    catch_up(stage);
    assert_int_equal(state_of(stage).snapshots, 1);
    assert_int_equal(stage->times_incomplete, 0);
}

static void what_a_checker_passes_on_has_its_age(void **state)
{
    struct stage *stage = *state;

    stage->heartbeat_age_ms = 5000;
    catch_up(stage);
    int64_t age_ms = clock_mono_ms() - state_of(stage).last_heard_mono_ms;
    assert_true(age_ms >= 5000);
    assert_true(age_ms < 60000);
}

static void another_follower_goes_on_where_one_left(void **state)
{
    struct stage *stage = *state;
    char incarnation[32];

    catch_up(stage);
    struct replica_follow_state left = state_of(stage);
    strcpy(incarnation, stage->incarnation);
    left.incarnation = str_of(incarnation);
    replica_follow_close(stage->follow);
    rpc_client_close(stage->client);
    for (int i = 0; i < 30; i++)
        commit_something(stage);
    open_follower(stage, &left);
    assert_true(state_of(stage).complete);
    catch_up(stage);
    assert_int_equal(state_of(stage).snapshots, 0);
    assert_int_equal(stage->times_incomplete, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_incarnation_replaces_everything),
        TEST(what_was_known_is_kept_until_the_store_has_caught_up),
        TEST(a_source_is_believed_once_it_was_told),
        TEST(an_older_start_is_noticed_whatever_came_since),
        TEST(a_start_that_lost_nothing_is_none),
        TEST(a_source_that_was_away_is_caught_up_with),
        TEST(what_a_checker_passes_on_has_its_age),
        TEST(another_follower_goes_on_where_one_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
