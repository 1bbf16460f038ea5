/* What two records had apart, once they are one. */
#include "proto/record/record.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/record_writes.h"
#include "services/store/work/marks.h"
#include "tests/support/store_fixture.h"

static struct subscription enter(struct fixture *f, struct register_params params)
{
    struct register_result result = {0};

    params.product_code = STR(PRODUCT);
    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return fixture_get(f, result.subscription->id);
}

#define ENTER(f, ...) enter(f, (struct register_params){__VA_ARGS__})

static void begin(struct fixture *f, struct change *change)
{
    change_begin(change, f->books.db, f->books.seq + 1, clock_wall_ms());
}

static void commit(struct change *change)
{
    struct error error;

    assert_int_equal(change_commit(change, &error), 0);
    change_done(change);
}

static void of_two_marks_the_more_urgent_and_the_later_stay(void **state)
{
    struct fixture *f = *state;
    const struct str one = STR("s-1"), other = STR("s-2");
    struct stored_due due;
    struct change change;

    for (int turn = 0; turn < 2; turn++) {
        begin(f, &change);
        marks_mark(&change, f->books.due, turn ? other : one, DUE_SWEEP, STR("swept"));
        int64_t later = marks_mark(&change, f->books.due, turn ? one : other, DUE_REGISTRATION,
                                   STR("registered"));
        marks_move(&change, other, one);
        commit(&change);
        marks_get(f->books.db, one, &f->arena, &due);
        assert_int_equal(due.class, DUE_REGISTRATION);
        assert_true(str_eq(due.reason, STR("registered")));
        assert_int_equal(due.ticket, later);
        marks_get(f->books.db, other, &f->arena, &due);
        assert_int_equal(due.class, due_class_none);

        begin(f, &change);
        db_remove(change.db, TABLE_DUE, one);
        commit(&change);
    }
}

static void who_was_renewed_by_one_is_renewed_by_what_it_became(void **state)
{
    struct fixture *f = *state;
    struct subscription old = ENTER(f, .license_arn = STR(ARN(FIRST_KEY)));
    struct subscription gone = ENTER(f, .customer_identifier = STR("customer-1")), before = gone;
    struct subscription next = ENTER(f, .license_arn = STR(ARN(THIRD_KEY)));
    struct subscription survivor = ENTER(f, .license_arn = STR(ARN(SECOND_KEY)));
    struct change change;

    begin(f, &change);
    assert_true(apply_succeeded(&gone, clock_wall_s(), &change.arena)); /* nothing is inferred */
    records_update(&change, &before, &gone);
    assert_true(identity_succeed(&change, &old, &gone));
    assert_true(identity_succeed(&change, &gone, &next));
    identity_merge(&change, &survivor, &gone);
    commit(&change);
    assert_true(str_eq(fixture_get(f, gone.id).id, survivor.id));
    assert_true(str_eq(fixture_get(f, survivor.id).predecessor, old.id));
    assert_true(str_eq(fixture_get(f, survivor.id).successor, next.id));
    assert_true(str_eq(fixture_get(f, old.id).successor, survivor.id));
    assert_true(str_eq(fixture_get(f, next.id).predecessor, survivor.id));
}

static void what_was_announced_of_one_is_announced_of_both(void **state)
{
    struct fixture *f = *state;
    struct subscription gone = ENTER(f, .customer_identifier = STR("customer-1")), before = gone;
    struct subscription survivor = ENTER(f, .license_arn = STR(ARN(SECOND_KEY)));
    int64_t now_s = clock_wall_s();
    struct change change;

    begin(f, &change);
    assert_true(apply_notice(&gone, NOTICE_UNSUBSCRIBED, now_s - 10, now_s, &change.arena));
    assert_true(apply_succeeded(&gone, now_s - 5, &change.arena));
    records_update(&change, &before, &gone);
    identity_merge(&change, &survivor, &gone);
    commit(&change);
    survivor = fixture_get(f, gone.id);
    assert_true(str_eq(survivor.license_key, STR(SECOND_KEY)));
    assert_int_equal(record_evidence(&survivor).notice, NOTICE_UNSUBSCRIBED);
    assert_int_equal(record_evidence(&survivor).succeeded_at, now_s - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(of_two_marks_the_more_urgent_and_the_later_stay),
        fixture_test(who_was_renewed_by_one_is_renewed_by_what_it_became),
        fixture_test(what_was_announced_of_one_is_announced_of_both),
    };

    return cmocka_run_group_tests_name("services/store_merge", tests, NULL, NULL);
}
