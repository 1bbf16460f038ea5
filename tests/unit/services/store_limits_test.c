/* What a record, a page and a message hold, and what happens to more. */
#include "services/store/tables/chain.h"
#include "services/store/tables/journal.h"
#include "services/store/work/settle.h"
#include "tests/support/store_fixture.h"

/* A record that cannot be read again would be lost. */
static void a_key_longer_than_a_record_holds_is_none(void **state)
{
    struct fixture *f = *state;
    struct str key = arena_printf(&f->arena, "l-%0300d", 7);
    struct register_params params = {.product_code = STR(PRODUCT), .license_arn = key};
    struct register_result result = {0};

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_BAD_REQUEST);
    assert_int_equal(NOTIFY(f, .kind = EVENT_LICENSE_UPDATED, .product_code = STR(PRODUCT),
                            .account_id = STR(ACCOUNT), .license = key, .event_time = 1700000000)
                         .outcome,
                     OUTCOME_NOT_UNDERSTOOD);
    params.license_arn = arena_printf(&f->arena, "l-%0253d", 7);
    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    assert_true(str_eq(fixture_get(f, result.subscription->id).license_key, params.license_arn));
}

static void an_answer_that_no_record_holds_is_refused(void **state)
{
    enum { MOST = 1000 };
    struct fixture *f = *state;
    struct register_params registration = {.product_code = STR(PRODUCT),
                                           .license_arn = STR(ARN(FIRST_KEY))};
    struct register_result registered = {0};
    struct aws_entitlement rows[MOST + 1];
    struct apply_result result = {0};

    for (int64_t i = 0; i <= MOST; i++)
        rows[i] = SEATS(i, .license_arn = STR(ARN(FIRST_KEY)));
    assert_int_equal(fixture_write(f, on_register, &registration, &registered), ERROR_NONE);
    struct apply_params params = {.subscription = registered.subscription->id,
                                  .fence = fixture_claim(f, registered.subscription->id),
                                  .began_at = clock_wall_s(),
                                  .scope = SCOPE_LICENSE,
                                  .rows = {rows, MOST + 1}};
    assert_int_equal(fixture_write(f, apply_as_stated, &params, &result), ERROR_BAD_REQUEST);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).entitlements.count, 0);
    params.rows.count = MOST;
    assert_int_equal(fixture_write(f, apply_as_stated, &params, &result), ERROR_NONE);
    assert_int_equal(fixture_of_license(f, FIRST_KEY).entitlements.count, MOST);
}

/* What tells people nothing may outnumber the rest by far: a page reaches only so far over it. */
static void a_page_of_the_journal_ends_among_what_is_silent(void **state)
{
    enum { SILENT = 10000 };
    struct fixture *f = *state;
    struct register_params registration = {.product_code = STR(PRODUCT),
                                           .account_id = STR(ACCOUNT)};
    struct history_params params = {.limit = 10};
    struct register_result result = {0};
    struct change change;
    size_t pages = 0, found = 0;

    assert_int_equal(fixture_write(f, on_register, &registration, &result), ERROR_NONE);
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    for (int i = 0; i < SILENT; i++)
        journal_append(&change, &(struct journal_entry){.subscription = STR("s-1"), .version = i});
    assert_int_equal(change_commit(&change, &f->error), 0);
    settle_commit(&f->books, &change);
    change_done(&change);
    do {
        struct journal_result page = {0};
        assert_int_equal(fixture_read(f, on_journal, &params, &page), ERROR_NONE);
        found += page.entries.count;
        params.before = page.next;
        pages++;
    } while (params.before.len > 0);
    assert_int_equal(found, 1);
    assert_in_range(pages, 3, 20);
}

/* A backup proves millions of entries, part by part. */
static void a_part_of_the_proof_keeps_next_to_nothing(void **state)
{
    struct fixture *f = *state;
    struct journal_verify_params params = {.after = STR_NONE};
    struct journal_verify_result part;
    struct arena arena = ARENA_INIT;

    assert_int_equal(chain_verify(f->books.db, &params, &arena, &part, &f->error), 0);
    assert_int_equal(part.breaks.count, 0);
    assert_in_range(arena_size(&arena), 0, 16384);
    arena_done(&arena);
}

/* A sweep of a small product beside a large one is finished in parts, too. */
static void what_is_walked_over_counts_as_read(void **state)
{
    struct fixture *fixture = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result registered;
    struct str after = STR_NONE;
    size_t pages = 0, found = 0;

    assert_int_equal(fixture_write(fixture, on_register, &params, &registered), ERROR_NONE);
    params.product_code = STR("another");
    for (int i = 0; i < 50; i++) {
        params.account_id = arena_printf(&fixture->arena, "%012d", i);
        assert_int_equal(fixture_write(fixture, on_register, &params, &registered), ERROR_NONE);
    }
    do {
        struct subscription_list page = records_page(fixture->books.db, after, STR(PRODUCT), 100,
                                                     1000, &fixture->arena, &after);
        found += page.count;
        pages++;
    } while (after.len > 0);
    assert_int_equal(found, 1);
    assert_in_range(pages, 5, 50);
}

static enum rpc_error put_override(struct fixture *f, struct str id, int number, char fill,
                                   struct override_result *result)
{
    static char text[4000];
    struct override override = {
        .id = id,
        .handle = arena_printf(&f->arena, "%01200d", number),
        .action = OVERRIDE_VALUE,
        .value = {.kind = VALUE_STRING, .string = str_from(text, sizeof(text))}};
    struct override_put_params params = {.override = &override};

    memset(text, fill, sizeof(text));
    return fixture_write(f, on_override_put, &params, result);
}

/* Whoever takes a snapshot gets all overrides in one message. */
static void overrides_fit_into_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct override_result first = {0}, result = {0};
    struct snapshot_params params = {.limit = 1000};
    struct snapshot_result snapshot = {0};
    struct buf reply = BUF_INIT;
    int count = 1;

    assert_int_equal(put_override(f, STR_NONE, 0, 'a', &first), ERROR_NONE);
    while (count < 500 && put_override(f, STR_NONE, count, 'b', &result) == ERROR_NONE)
        count++;
    assert_in_range(count, 100, 200);
    assert_non_null(strstr(f->error.text, "remove"));
    assert_int_equal(put_override(f, first.override->id, 0, 'c', &result), ERROR_NONE);
    assert_int_equal(fixture_read(f, on_snapshot, &params, &snapshot), ERROR_NONE);
    assert_int_equal(snapshot.overrides.count, count);
    codec_encode(&shape_snapshot_result, &snapshot, &reply);
    assert_in_range(reply.len, 1, 1 << 20); /* records have as much of a message */
    buf_done(&reply);
    struct override_params remove = {.id = first.override->id};
    struct nothing nothing;
    assert_int_equal(fixture_write(f, on_override_remove, &remove, &nothing), ERROR_NONE);
    assert_int_equal(put_override(f, STR_NONE, 0, 'd', &result), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_key_longer_than_a_record_holds_is_none),
        fixture_test(an_answer_that_no_record_holds_is_refused),
        fixture_test(a_page_of_the_journal_ends_among_what_is_silent),
        fixture_test(a_part_of_the_proof_keeps_next_to_nothing),
        fixture_test(what_is_walked_over_counts_as_read),
        fixture_test(overrides_fit_into_a_snapshot),
    };

    return cmocka_run_group_tests_name("services/store_limits", tests, NULL, NULL);
}
