/* Ends that nothing certain explains: counted, held, and decided by an operator. */
#include "proto/record/record.h"
#include "services/store/rules/ends.h"
#include "services/store/tables/journal.h"
#include "services/store/work/held.h"
#include "tests/support/store_fixture.h"

/* As many as end without being held; see many_ends. */
enum { MANY = 5 };

static struct str buyer(struct fixture *f, int number)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = arena_printf(&f->arena, "%012d", 100 + number),
                                     .license_arn = arena_printf(&f->arena, ARN("l-%032d"), number),
                                     .signed_by = STR(SELLER)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    struct str id = arena_str(&f->arena, result.subscription->id);
    fixture_apply(f, id, SCOPE_LICENSE, clock_wall_s() - 1000,
                  ROWS_OF(SEATS(10, .license_arn = params.license_arn)));
    return id;
}

static void answer_nothing(struct fixture *f, struct str id, int64_t began_at, bool product_alive)
{
    struct apply_params params = {.subscription = id,
                                  .fence = fixture_claim(f, id),
                                  .began_at = began_at,
                                  .scope = SCOPE_ACCOUNT,
                                  .product_alive = product_alive,
                                  .signed_by = STR(SELLER)};
    struct apply_result result = {0};

    assert_int_equal(fixture_write(f, apply_as_stated, &params, &result), ERROR_NONE);
}

static void end(struct fixture *f, struct str id, bool product_alive)
{
    answer_nothing(f, id, clock_wall_s() - 500, product_alive);
    answer_nothing(f, id, clock_wall_s() - 400, product_alive);
}

static enum state state_of(struct fixture *f, struct str id)
{
    struct subscription record = fixture_get(f, id);

    return record_state(&record, &f->books.policy, clock_wall_s(), false);
}

static enum held_reason why(struct fixture *f, struct str id)
{
    struct subscription record = fixture_get(f, id);
    int64_t until_s;

    return record_held(&record, &f->books.policy, clock_wall_s(), &until_s);
}

static void announce_end(struct fixture *f, struct str id)
{
    struct subscription before = fixture_get(f, id);
    struct notification message = {.source = SOURCE_EVENTBRIDGE,
                                   .kind = EVENT_LICENSE_DEPROVISIONED,
                                   .event_id = id,
                                   .event_time = clock_wall_s() - 450,
                                   .product_code = STR(PRODUCT),
                                   .account_id = before.account_id,
                                   .license = before.license_arn,
                                   .seller_account = STR(SELLER)};
    struct notify_params params = {.notification = &message};
    struct notify_result result;

    assert_int_equal(fixture_write(f, on_notify, &params, &result), ERROR_NONE);
    assert_int_equal(result.outcome, OUTCOME_APPLIED);
}

static void end_a_few(struct fixture *f, int first)
{
    for (int i = first; i < first + MANY; i++) {
        struct str id = buyer(f, i);
        end(f, id, true);
        assert_int_equal(state_of(f, id), STATE_ENDED);
    }
}

static void a_few_end(void **state)
{
    end_a_few(*state, 0);
    assert_int_equal(fixture_alarms(*state), 0);
}

/* The ends so far, as if they had been earlier. */
static void make_older(struct fixture *f, int64_t by_s)
{
    const struct str key = STR("ends " PRODUCT);
    struct stored_ends ends;
    struct change change;
    struct error error;
    struct str bytes;

    assert_true(db_get(f->books.db, TABLE_META, key, &f->arena, &bytes));
    assert_int_equal(codec_decode(&shape_stored_ends, bytes, &f->arena, &ends, &error), 0);
    for (size_t i = 0; i < ends.recent.count; i++)
        ends.recent.items[i].at -= by_s;
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    change_put(&change, TABLE_META, key, &shape_stored_ends, &ends);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
}

static void what_ended_at_another_time_is_not_counted(void **state)
{
    struct fixture *f = *state;

    end_a_few(f, 0);
    make_older(f, 3600);
    end_a_few(f, 10);
    /* Of a clock that was ahead. */
    make_older(f, -7200);
    end_a_few(f, 20);
    assert_int_equal(fixture_alarms(f), 0);
}

static void many_are_held_and_those_before_them(void **state)
{
    struct fixture *f = *state;
    struct str ids[MANY + 3];

    for (int i = 0; i < MANY + 3; i++) {
        ids[i] = buyer(f, i);
        end(f, ids[i], true);
    }
    for (int i = 0; i < MANY + 3; i++) {
        assert_int_equal(state_of(f, ids[i]), STATE_HELD);
        assert_int_equal(why(f, ids[i]), HELD_MANY);
    }
    assert_int_equal(fixture_alarms(f), 1);
    assert_int_equal(held_count(&f->books, clock_wall_s()).waiting, MANY + 3);
}

static void a_restart_forgets_no_end(void **state)
{
    struct fixture *f = *state;
    struct str ids[MANY + 1];

    for (int i = 0; i < MANY; i++) {
        ids[i] = buyer(f, i);
        end(f, ids[i], true);
    }
    ids[MANY] = buyer(f, MANY);
    books_close(&f->books);
    fixture_open(f);
    end(f, ids[MANY], true);
    for (int i = 0; i < MANY + 1; i++)
        assert_int_equal(state_of(f, ids[i]), STATE_HELD);
    books_close(&f->books);
    fixture_open(f);
    assert_int_equal(held_count(&f->books, clock_wall_s()).waiting, MANY + 1);
}

/* As if the clock had been a little ahead when they ended. */
static void put_back_the_clock(struct fixture *f, int64_t by_s)
{
    struct change change;
    struct stored_ends ends;
    struct str bytes, key = STR("ends " PRODUCT);

    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    assert_true(db_get(change.db, TABLE_META, key, &change.arena, &bytes));
    assert_int_equal(codec_decode(&shape_stored_ends, bytes, &change.arena, &ends, &f->error), 0);
    for (size_t i = 0; i < ends.recent.count; i++)
        ends.recent.items[i].at += by_s;
    ends.alarmed_at += ends.alarmed_at ? by_s : 0;
    change_put(&change, TABLE_META, key, &shape_stored_ends, &ends);
    assert_int_equal(change_commit(&change, &f->error), 0);
    change_done(&change);
}

static void a_clock_that_is_put_right_forgets_no_end(void **state)
{
    struct fixture *f = *state;
    struct str ids[MANY + 2];

    for (int i = 0; i < MANY + 1; i++) {
        if (i == MANY)
            put_back_the_clock(f, 20);
        ids[i] = buyer(f, i);
        end(f, ids[i], true);
    }
    for (int i = 0; i < MANY + 1; i++)
        assert_int_equal(state_of(f, ids[i]), STATE_HELD);
    put_back_the_clock(f, 20);
    ids[MANY + 1] = buyer(f, MANY + 1);
    end(f, ids[MANY + 1], true);
    assert_int_equal(fixture_alarms(f), 1);
}

static void announced_ends_are_never_held_nor_counted(void **state)
{
    struct fixture *f = *state;
    struct str ids[2 * MANY];

    for (int i = 0; i < 2 * MANY; i++) {
        ids[i] = buyer(f, i);
        announce_end(f, ids[i]);
        end(f, ids[i], true);
        assert_int_equal(state_of(f, ids[i]), STATE_ENDED);
    }
    struct str one = buyer(f, 2 * MANY);
    end(f, one, true);
    assert_int_equal(state_of(f, one), STATE_ENDED);
    assert_int_equal(fixture_alarms(f), 0);
}

static void an_announcement_ends_what_is_held(void **state)
{
    struct fixture *f = *state;
    struct str ids[MANY + 1];

    for (int i = 0; i < MANY + 1; i++) {
        ids[i] = buyer(f, i);
        end(f, ids[i], true);
    }
    announce_end(f, ids[2]);
    assert_int_equal(state_of(f, ids[2]), STATE_ENDED);
    assert_int_equal(state_of(f, ids[1]), STATE_HELD);
}

static enum rpc_error decide(struct fixture *f, struct held_decide_params params,
                             struct held_decide_result *result)
{
    params.author = STR("olga");
    return fixture_write(f, on_held_decide, &params, result);
}

static void an_operator_accepts_or_refuses(void **state)
{
    struct fixture *f = *state;
    struct str first = buyer(f, 1), second = buyer(f, 2);
    struct held_decide_result result;

    end(f, first, false);
    end(f, second, false);
    assert_int_equal(why(f, first), HELD_UNEXPLAINED);
    assert_int_equal(fixture_alarms(f), 1);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_ACCEPT, .handle = first}, &result),
        ERROR_NONE);
    assert_int_equal(result.subscriptions.count, 1);
    assert_int_equal(state_of(f, first), STATE_ENDED);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_REFUSE, .handle = second}, &result),
        ERROR_NONE);
    assert_int_equal(why(f, second), HELD_REFUSED);
    answer_nothing(f, second, clock_wall_s() - 300, false);
    assert_int_equal(why(f, second), HELD_REFUSED);
    answer_nothing(f, second, clock_wall_s() - 200, true);
    assert_int_equal(why(f, second), HELD_MANY);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_ACCEPT, .handle = first}, &result),
        ERROR_NOT_FOUND);
    assert_int_equal(decide(f, (struct held_decide_params){.decision = HELD_ACCEPT}, &result),
                     ERROR_BAD_REQUEST);
}

/* "Refuse the exception, accept the rest." */
static void what_is_refused_is_no_part_of_its_product(void **state)
{
    struct fixture *f = *state;
    struct str exception = buyer(f, 1), other = buyer(f, 2);
    struct held_decide_result result;

    end(f, exception, false);
    end(f, other, false);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_REFUSE, .handle = exception},
               &result),
        ERROR_NONE);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_ACCEPT, .product = STR(PRODUCT)},
               &result),
        ERROR_NONE);
    assert_int_equal(result.subscriptions.count, 1);
    assert_int_equal(state_of(f, other), STATE_ENDED);
    assert_int_equal(state_of(f, exception), STATE_HELD);
}

static void what_is_refused_is_served_no_longer_than_the_limit(void **state)
{
    struct fixture *f = *state;
    struct str id = buyer(f, 1);
    struct held_decide_result result;

    end(f, id, false);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_REFUSE, .handle = id}, &result),
        ERROR_NONE);
    struct subscription record = fixture_get(f, id);
    struct evidence evidence = record_evidence(&record);
    int64_t limit_s = evidence.refused_at + f->books.policy.hold_limit_s, until_s;
    assert_true(evidence.refused_at > evidence.empty_at);
    assert_int_equal(record_held(&record, &f->books.policy, limit_s - 1, &until_s), HELD_REFUSED);
    assert_int_equal(until_s, limit_s);
    assert_int_equal(record_held(&record, &f->books.policy, limit_s, &until_s), held_reason_none);
    assert_int_equal(record_state(&record, &f->books.policy, limit_s, false), STATE_ENDED);
}

static void what_aws_lists_again_undoes_an_acceptance(void **state)
{
    struct fixture *f = *state;
    struct str id = buyer(f, 1);
    struct held_decide_result result;

    end(f, id, false);
    assert_int_equal(
        decide(f, (struct held_decide_params){.decision = HELD_ACCEPT, .handle = id}, &result),
        ERROR_NONE);
    fixture_apply(f, id, SCOPE_LICENSE, clock_wall_s() - 100,
                  ROWS_OF(SEATS(10, .license_arn = fixture_get(f, id).license_arn)));
    assert_int_equal(state_of(f, id), STATE_ACTIVE);
}

/* Part by part: how many a part holds depends on how long it takes. */
static size_t count_held(struct fixture *f, const char *product)
{
    struct held_params params = {.product = str_of(product)};
    size_t count = 0;

    do {
        struct held_result part;
        assert_int_equal(fixture_read(f, on_held, &params, &part), ERROR_NONE);
        count += part.ends.count;
        params.after = part.next;
    } while (params.after.len > 0);
    return count;
}

static size_t refuse_all(struct fixture *f)
{
    struct held_decide_params params = {.decision = HELD_REFUSE, .product = STR(PRODUCT)};
    size_t count = 0;

    do {
        struct held_decide_result part;
        assert_int_equal(decide(f, params, &part), ERROR_NONE);
        count += part.subscriptions.count;
        params.after = part.next;
    } while (params.after.len > 0);
    return count;
}

static void a_product_is_listed_and_decided_as_one(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < MANY + 1; i++)
        end(f, buyer(f, i), true);
    assert_int_equal(count_held(f, PRODUCT), MANY + 1);
    assert_int_equal(count_held(f, "other"), 0);
    assert_int_equal(refuse_all(f), MANY + 1);
    assert_int_equal(held_count(&f->books, clock_wall_s()).waiting, 0);
    assert_int_equal(held_count(&f->books, clock_wall_s()).refused, MANY + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_few_end),
        fixture_test(what_ended_at_another_time_is_not_counted),
        fixture_test(many_are_held_and_those_before_them),
        fixture_test(a_restart_forgets_no_end),
        fixture_test(a_clock_that_is_put_right_forgets_no_end),
        fixture_test(announced_ends_are_never_held_nor_counted),
        fixture_test(an_announcement_ends_what_is_held),
        fixture_test(an_operator_accepts_or_refuses),
        fixture_test(what_is_refused_is_no_part_of_its_product),
        fixture_test(what_is_refused_is_served_no_longer_than_the_limit),
        fixture_test(what_aws_lists_again_undoes_an_acceptance),
        fixture_test(a_product_is_listed_and_decided_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
