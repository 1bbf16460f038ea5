/* Whatever is served as held is shown to the operator, who can end it. */
#include "proto/decide/decide.h"
#include "services/store/rules/ends.h"
#include "services/store/tables/record_writes.h"
#include "services/store/work/held.h"
#include "tests/support/store_fixture.h"

/* What the queue brings now of AWS's past. */
static int64_t begin_s;

static struct str buy(struct fixture *f)
{
    NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = STR(FIRST_KEY), .agreement_id = STR("agmt-1"),
           .event_time = begin_s);
    struct str id = fixture_of_license(f, FIRST_KEY).id;
    fixture_apply(f, id, SCOPE_ACCOUNT, begin_s,
                  ROWS_OF(SEATS(10, .license_arn = STR(ARN(FIRST_KEY)))));
    return id;
}

static void renew(struct fixture *f, int64_t event_time)
{
    NOTIFY(f, .kind = EVENT_AGREEMENT_ENDED, .account_id = STR(ACCOUNT),
           .agreement_id = STR("agmt-1"), .status = STR("RENEWED"), .event_time = event_time);
}

static void find_nothing(struct fixture *f, struct str id, int64_t at_s)
{
    struct apply_params params = {.subscription = id,
                                  .fence = fixture_claim(f, id),
                                  .began_at = at_s,
                                  .scope = SCOPE_ACCOUNT,
                                  .product_alive = true,
                                  .signed_by = STR(SELLER)};
    struct apply_result result = {0};

    assert_int_equal(fixture_write(f, apply_as_stated, &params, &result), ERROR_NONE);
}

static enum held_reason shown(struct fixture *f, struct str id)
{
    enum held_reason reason = held_reason_none;
    struct held_params params = {0};

    do {
        struct held_result part;
        assert_int_equal(fixture_read(f, on_held, &params, &part), ERROR_NONE);
        for (size_t i = 0; i < part.ends.count; i++) {
            if (str_eq(part.ends.items[i].subscription->id, id))
                reason = part.ends.items[i].reason;
        }
        params.after = part.next;
    } while (params.after.len > 0);
    return reason;
}

static enum rpc_error decide_one(struct fixture *f, struct held_decide_params params, size_t want)
{
    size_t count = 0;
    enum rpc_error code;

    params.author = STR("olga");
    do {
        struct held_decide_result part = {0};
        code = fixture_write(f, on_held_decide, &params, &part);
        count += part.subscriptions.count;
        params.after = part.next;
    } while (params.after.len > 0);
    assert_int_equal(count, want);
    return code;
}

#define ACCEPT(f, want, ...)                                                                       \
    decide_one(f, (struct held_decide_params){.decision = HELD_ACCEPT, __VA_ARGS__}, want)

static enum state state_at(struct fixture *f, struct str id, int64_t at_s)
{
    struct subscription record = fixture_get(f, id);

    return record_state(&record, &f->books.policy, at_s, false);
}

static void what_awaits_its_successor_is_shown_and_can_be_accepted(void **state)
{
    struct fixture *f = *state;
    struct str id = buy(f);

    renew(f, begin_s + 5);
    find_nothing(f, id, begin_s + 10);
    find_nothing(f, id, begin_s + 100);
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_HELD);
    assert_int_equal(shown(f, id), HELD_SUCCESSOR);
    assert_int_equal(held_count(&f->books, clock_wall_s()).waiting, 0);
    assert_int_equal(ACCEPT(f, 0, .product = STR(PRODUCT)), ERROR_NONE);
    assert_int_equal(ACCEPT(f, 1, .handle = id), ERROR_NONE);
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ENDED);
    assert_int_equal(shown(f, id), held_reason_none);
}

static void what_its_successor_serves_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct str id = buy(f);

    renew(f, begin_s + 5);
    find_nothing(f, id, begin_s + 10);
    fixture_apply(f, id, SCOPE_ACCOUNT, begin_s + 100,
                  ROWS_OF(SEATS(9, .license_arn = STR(ARN(SECOND_KEY)))));
    assert_true(fixture_get(f, id).successor.len > 0);
    assert_int_equal(shown(f, id), held_reason_none);
}

static void what_one_call_did_not_list_is_shown_and_can_be_accepted(void **state)
{
    struct fixture *f = *state;
    struct str id = buy(f);

    find_nothing(f, id, begin_s + 10);
    assert_int_equal(shown(f, id), HELD_UNCONFIRMED);
    assert_int_equal(held_count(&f->books, clock_wall_s()).waiting, 0);
    assert_int_equal(ACCEPT(f, 0, .product = STR(PRODUCT)), ERROR_NONE);
    assert_int_equal(ACCEPT(f, 1, .handle = id), ERROR_NONE);
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ENDED);
}

/* AWS repeats a date that has passed, and has announced a renewal. */
static void what_is_listed_with_its_old_date_is_shown_and_stays_accepted(void **state)
{
    struct fixture *f = *state;
    struct str id = buy(f);
    struct aws_entitlement old = SEATS(10, .license_arn = STR(ARN(FIRST_KEY)));

    old.expires_at = begin_s + 1;
    renew(f, begin_s + 5);
    fixture_apply(f, id, SCOPE_LICENSE, begin_s + 3700, ROWS_OF(old));
    assert_int_equal(shown(f, id), HELD_SUCCESSOR);
    assert_int_equal(ACCEPT(f, 1, .handle = id), ERROR_NONE);
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ENDED);
    fixture_apply(f, id, SCOPE_LICENSE, begin_s + 3800, ROWS_OF(old));
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ENDED);
    old.expires_at = 4000000000;
    fixture_apply(f, id, SCOPE_LICENSE, begin_s + 3900, ROWS_OF(old));
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ACTIVE);
}

static struct subscription after_event_of(struct fixture *f, int64_t event_time)
{
    struct history_params params = {.limit = 1};
    struct notifications_result kept;
    struct str id = buy(f);

    find_nothing(f, id, begin_s + 10);
    find_nothing(f, id, begin_s + 100);
    assert_int_equal(state_at(f, id, clock_wall_s()), STATE_ENDED);
    renew(f, event_time);
    assert_int_equal(fixture_read(f, on_notifications, &params, &kept), ERROR_NONE);
    assert_true(kept.notifications.items[0].event_time <= kept.notifications.items[0].received_at);
    return fixture_get(f, id);
}

static void a_stated_time_reaches_no_further_than_its_receipt(void **state)
{
    static const int64_t ahead[] = {60, 365 * 86400, 253402300799};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
        struct subscription record = after_event_of(f, clock_wall_s() + ahead[i]);
        int64_t now_s = clock_wall_s();
        assert_true(record_evidence(&record).succeeded_at <= now_s);
        assert_int_equal(shown(f, record.id), HELD_SUCCESSOR);
        assert_int_equal(state_at(f, record.id, now_s + f->books.policy.successor_wait_s),
                         STATE_ENDED);
        fixture_tear_down(state);
        fixture_set_up(state);
        f = *state;
    }
}

/* What a clock stamped that was ahead is set right by AWS's next answer. */
static void an_announcement_of_the_future_is_one_of_now(void **state)
{
    struct fixture *f = *state;
    struct str id = buy(f);
    struct subscription before, after;
    struct evidence evidence;
    struct change change;

    renew(f, begin_s + 5);
    find_nothing(f, id, begin_s + 10);
    before = after = fixture_get(f, id);
    evidence = record_evidence(&before);
    evidence.succeeded_at = clock_wall_s() + 365 * 86400;
    after.evidence = &evidence;
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    records_update(&change, &before, &after);
    assert_int_equal(change_commit(&change, &f->error), 0);
    change_done(&change);
    find_nothing(f, id, begin_s + 100);
    after = fixture_get(f, id);
    assert_int_equal(record_evidence(&after).succeeded_at, begin_s + 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_awaits_its_successor_is_shown_and_can_be_accepted),
        fixture_test(what_its_successor_serves_is_not_shown),
        fixture_test(what_one_call_did_not_list_is_shown_and_can_be_accepted),
        fixture_test(what_is_listed_with_its_old_date_is_shown_and_stays_accepted),
        fixture_test(a_stated_time_reaches_no_further_than_its_receipt),
        fixture_test(an_announcement_of_the_future_is_one_of_now),
    };

    begin_s = clock_wall_s() - 3 * 3600;
    return cmocka_run_group_tests_name("services/store_held", tests, NULL, NULL);
}
