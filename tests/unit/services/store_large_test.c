/* A customer with thousands of licences: asked about, answered in parts, and one of them ended. */
#include "common/base/mem.h"
#include "proto/record/record.h"
#include "tests/support/steps.h"
#include "tests/support/store_fixture.h"

enum { LICENCES = 2000, PART = 500 };

static struct str arn(struct fixture *f, size_t number)
{
    return arena_printf(&f->arena, ARN("l-%032zu"), number);
}

/* Rows of the licences from `first` to `last`. */
static struct aws_entitlement_list rows_of(struct fixture *f, size_t first, size_t last)
{
    struct aws_entitlement_list rows = {
        .items = arena_alloc_array(&f->arena, last - first + 1, sizeof(*rows.items))};

    for (size_t number = first; number <= last; number++)
        rows.items[rows.count++] =
            SEATS(10, .account_id = STR(ACCOUNT), .license_arn = arn(f, number));
    return rows;
}

static struct str registered(struct fixture *f)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = STR(ACCOUNT),
                                     .license_arn = arn(f, 1),
                                     .signed_by = STR(SELLER)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return arena_str(&f->arena, result.subscription->id);
}

static enum rpc_error send_part(struct fixture *f, struct str id, int64_t fence, int64_t part,
                                struct aws_entitlement_list rows)
{
    struct apply_part_params params = {
        .subscription = id, .fence = fence, .part = part, .rows = rows};
    char nothing;

    return fixture_read(f, on_apply_part, &params, &nothing);
}

static enum rpc_error send_rest(struct fixture *f, struct str id, int64_t fence, int64_t parts,
                                int64_t began_at, struct aws_entitlement_list rows)
{
    struct apply_params params = {.subscription = id,
                                  .fence = fence,
                                  .began_at = began_at,
                                  .scope = SCOPE_ACCOUNT,
                                  .rows = rows,
                                  .parts = parts,
                                  .checker = STR("test"),
                                  .signed_by = STR(SELLER)};
    struct apply_result result = {0};

    return fixture_write(f, apply_as_stated, &params, &result);
}

static void answer(struct fixture *f, struct str id, int64_t began_at, size_t first, size_t last)
{
    int64_t fence = fixture_claim(f, id), parts = 0;

    for (; first + PART <= last; first += PART, parts++)
        assert_int_equal(send_part(f, id, fence, parts, rows_of(f, first, first + PART - 1)),
                         ERROR_NONE);
    assert_int_equal(send_rest(f, id, fence, parts, began_at, rows_of(f, first, last)), ERROR_NONE);
}

static struct subscription_list all_of_account(struct fixture *f)
{
    return records_find(f->books.db, STR(ACCOUNT), STR_NONE, &f->arena);
}

static void all_are_taken_in_and_the_end_of_one_is_confirmed(void **state)
{
    struct fixture *f = *state;
    struct str id = registered(f);
    int64_t now_s = clock_wall_s();
    struct mark_params mark = {.handle = STR(ACCOUNT), .class = DUE_MAX_AGE};
    struct mark_result marked;

    answer(f, id, now_s - 1000, 1, LICENCES);
    assert_int_equal(all_of_account(f).count, LICENCES);
    assert_int_equal(fixture_write(f, on_mark, &mark, &marked), ERROR_NONE);
    assert_int_equal(marked.subscriptions.count, LICENCES);

    struct subscription record = fixture_get(f, id);
    assert_int_equal(fixture_seats(&record), 10);
    NOTIFY(f, .source = SOURCE_EVENTBRIDGE, .kind = EVENT_LICENSE_DEPROVISIONED,
           .event_id = STR("e-1"), .event_time = now_s - 600, .product_code = STR(PRODUCT),
           .account_id = STR(ACCOUNT), .license = record.license_arn,
           .seller_account = STR(SELLER));
    answer(f, id, now_s - 500, 2, LICENCES);
    answer(f, id, now_s - 400, 2, LICENCES);
    record = fixture_get(f, id);
    /* Which of the others renews it, if any, is for AWS to say; the end itself is confirmed. */
    assert_int_equal(record_evidence(&record).empty_at, now_s - 500);
    assert_int_equal(record_evidence(&record).empty_again_at, now_s - 400);
    assert_int_equal(record_evidence(&record).notice, NOTICE_DEPROVISIONED);
    assert_int_equal(all_of_account(f).count, LICENCES);
}

static void parts_come_one_after_the_other_and_belong_to_a_claim(void **state)
{
    struct fixture *f = *state;
    struct str id = registered(f);
    int64_t fence = fixture_claim(f, id);

    assert_int_equal(send_part(f, id, fence + 1, 0, rows_of(f, 1, 10)), ERROR_CONFLICT);
    assert_int_equal(send_part(f, id, fence, 1, rows_of(f, 1, 10)), ERROR_CONFLICT);
    assert_int_equal(send_part(f, id, fence, 0, rows_of(f, 1, 10)), ERROR_NONE);
    assert_int_equal(send_part(f, id, fence, 0, rows_of(f, 1, 10)), ERROR_NONE); /* again */
    assert_int_equal(send_part(f, id, fence, 1, rows_of(f, 1, PARTS_ROWS_MAX)), ERROR_BAD_REQUEST);
    assert_int_equal(send_rest(f, id, fence, 2, 1700000000, rows_of(f, 11, 12)), ERROR_CONFLICT);
    assert_int_equal(all_of_account(f).count, 1);
    assert_int_equal(send_rest(f, id, fence, 1, 1700000000, rows_of(f, 11, 12)), ERROR_NONE);
    assert_int_equal(all_of_account(f).count, 12);

    /* What came under another claim is not taken for this one's. */
    fence = fixture_claim(f, id);
    assert_int_equal(send_rest(f, id, fence, 1, 1700000001, rows_of(f, 11, 12)), ERROR_CONFLICT);
}

/* Applies an answer about so many licences twice, and returns what the second time took. */
static double steps_of(size_t licences)
{
    void *state = NULL;

    assert_int_equal(fixture_set_up(&state), 0);
    struct fixture *f = state;
    struct str id = registered(f);
    answer(f, id, clock_wall_s() - 1000, 1, licences);
    uint64_t before = steps_taken;
    answer(f, id, clock_wall_s() - 500, 2, licences);
    uint64_t after = steps_taken;
    fixture_tear_down(&state);
    return (double)(after - before);
}

static void work_grows_in_proportion(void **state)
{
    (void)state;
    assert_true(steps_of(2 * PART) < 2.5 * steps_of(PART));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(all_are_taken_in_and_the_end_of_one_is_confirmed),
        fixture_test(parts_come_one_after_the_other_and_belong_to_a_claim),
        cmocka_unit_test(work_grows_in_proportion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
