/* The journal's chain: whatever is done to an entry behind the store's back shows, and where. */
#include "tests/support/store_fixture.h"

#include "services/store/tables/chain.h"
#include "services/store/tables/journal.h"

static struct str enter(struct fixture *f, const char *account)
{
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = str_of(account)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return result.subscription->id;
}

/* From `after` to `until`, in as many parts as it takes. */
static struct journal_verify_result verify(struct fixture *f, const char *until)
{
    struct journal_verify_params params = {.until = str_of(until)};
    struct journal_verify_result sum = {.entries = 0}, part;

    sum.breaks.items = arena_alloc_array(&f->arena, 1000, sizeof(struct chain_break));
    do {
        assert_int_equal(fixture_read(f, on_journal_verify, &params, &part), ERROR_NONE);
        sum.entries += part.entries;
        sum.erased += part.erased;
        for (size_t i = 0; i < part.breaks.count; i++)
            sum.breaks.items[sum.breaks.count++] = part.breaks.items[i];
        if (part.begins_after.len > 0)
            sum.begins_after = part.begins_after;
        params.after = sum.at = part.at;
        params.hash = sum.hash = part.hash;
    } while (part.more);
    return sum;
}

static void fill(struct fixture *f)
{
    for (int i = 1; i <= 5; i++)
        enter(f, arena_printf(&f->arena, "%012d", i).ptr);
}

static struct str row_at(struct fixture *f, int64_t seq)
{
    struct str row;

    assert_true(db_get(f->books.db, TABLE_JOURNAL, place_key(&f->arena, seq, 0), &f->arena, &row));
    return row;
}

static void put_row(struct fixture *f, int64_t seq, struct str row)
{
    struct error error;

    db_begin(f->books.db);
    if (row.len > 0)
        db_put(f->books.db, TABLE_JOURNAL, place_key(&f->arena, seq, 0), row);
    else
        db_remove(f->books.db, TABLE_JOURNAL, place_key(&f->arena, seq, 0));
    assert_int_equal(db_commit(f->books.db, &error), 0);
}

static void assert_broken(struct fixture *f, const char *at, const char *problem)
{
    struct journal_verify_result found = verify(f, NULL);

    assert_int_equal(found.breaks.count, 1);
    assert_true(str_eq_text(found.breaks.items[0].at, at));
    assert_true(str_eq_text(found.breaks.items[0].problem, problem));
}

static void what_the_store_wrote_is_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verify(f, NULL).breaks.count, 0);
    fill(f);
    struct journal_verify_result found = verify(f, NULL);
    assert_int_equal(found.breaks.count, 0);
    assert_int_equal(found.entries, 5);
    assert_true(str_eq_text(found.at, "5.0"));
    assert_true(str_eq_text(found.begins_after, "0.0"));

    books_close(&f->books);
    fixture_open(f);
    enter(f, "000000000006");
    struct journal_verify_result later = verify(f, NULL);
    assert_int_equal(later.breaks.count, 0);
    assert_int_equal(later.entries, 6);
    assert_true(str_eq(verify(f, "5.0").hash, found.hash));
    assert_false(str_eq(later.hash, found.hash));
}

/* Not a byte of it: each is changed in turn. */
static void an_altered_entry_shows(void **state)
{
    struct fixture *f = *state;

    fill(f);
    struct str row = row_at(f, 3);
    for (size_t i = 0; i < row.len; i++) {
        struct str altered = arena_str(&f->arena, row);
        ((char *)(uintptr_t)altered.ptr)[i] ^= 1;
        put_row(f, 3, altered);
        assert_true(verify(f, NULL).breaks.count > 0);
    }
    put_row(f, 3, row);
    assert_int_equal(verify(f, NULL).breaks.count, 0);
}

static void altered_words_show_where_they_are(void **state)
{
    struct fixture *f = *state;
    struct stored_entry stored;
    struct buf bytes = BUF_INIT, words = BUF_INIT;
    struct error error;

    fill(f);
    struct str row = row_at(f, 3);
    assert_int_equal(codec_decode(&shape_stored_entry, row, &f->arena, &stored, &error), 0);
    codec_encode(&shape_stored_words, &(struct stored_words){.change = STR("nothing happened")},
                 &words);
    stored.words = buf_str(&words);
    codec_encode(&shape_stored_entry, &stored, &bytes);
    put_row(f, 3, buf_str(&bytes));
    assert_broken(f, "3.0", "it, or the one before, is not what was chained");
    buf_done(&bytes);
    buf_done(&words);
}

static void a_missing_entry_shows(void **state)
{
    struct fixture *f = *state;

    fill(f);
    struct str row = row_at(f, 3);
    put_row(f, 3, STR_NONE);
    assert_broken(f, "4.0", "entries before it are missing");
    put_row(f, 3, row_at(f, 2));
    assert_int_equal(verify(f, NULL).breaks.count, 2); /* it, and what follows */
    put_row(f, 3, row);
    row = row_at(f, 1);
    put_row(f, 1, STR_NONE);
    assert_broken(f, "2.0", "entries before it are missing");
    put_row(f, 1, row);
    assert_int_equal(verify(f, NULL).breaks.count, 0);
}

/* The last entries can only be missed by who knows a later head. */
static void a_cut_end_shows_by_an_earlier_head(void **state)
{
    struct fixture *f = *state;

    fill(f);
    put_row(f, 5, STR_NONE);
    struct journal_verify_result found = verify(f, "5.0");
    assert_int_equal(found.breaks.count, 0);
    assert_true(str_eq_text(found.at, "4.0"));
}

static void what_is_removed_by_age_leaves_the_rest_provable(void **state)
{
    struct fixture *f = *state;
    struct change change;
    struct error error;

    fill(f);
    struct journal_verify_result before = verify(f, NULL);
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    assert_int_equal(journal_prune(&change, INT64_MAX, 3), 3);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    struct journal_verify_result found = verify(f, NULL);
    assert_int_equal(found.breaks.count, 0);
    assert_int_equal(found.entries, 2);
    assert_true(str_eq_text(found.begins_after, "3.0"));
    assert_true(str_eq(found.hash, before.hash));
    put_row(f, 4, STR_NONE);
    assert_broken(f, "5.0", "entries before it are missing");
}

static int64_t erase(struct fixture *f, struct journal_erase_params params)
{
    struct journal_erase_result part;
    int64_t entries = 0;

    params.author = STR("ops");
    do {
        assert_int_equal(fixture_write(f, on_journal_erase, &params, &part), ERROR_NONE);
        entries += part.entries;
        params.after = part.at;
    } while (part.more);
    return entries;
}

static void link_tenant(struct fixture *f, struct str id, const char *tenant, const char *author)
{
    struct link_params params = {.handle = id, .tenant = str_of(tenant), .author = str_of(author)};
    struct subscription_result result;

    assert_int_equal(fixture_write(f, on_link, &params, &result), ERROR_NONE);
}

static size_t count_in_journal(struct fixture *f, struct str id, const char *text)
{
    struct history_params params = {.limit = 1000, .subscription = id};
    struct journal_result result;
    size_t count = 0;

    fixture_read(f, on_journal, &params, &result);
    for (size_t i = 0; i < result.entries.count; i++) {
        struct str change = result.entries.items[i].change;
        count += change.len > 0 && memmem(change.ptr, change.len, text, strlen(text)) != NULL;
    }
    return count;
}

static size_t count_in_rows(struct fixture *f, const char *text)
{
    struct db_cursor cursor = db_ascend(f->books.db, TABLE_JOURNAL, STR_NONE);
    struct str key, value;
    size_t count = 0;

    while (db_step(&cursor, &key, &value))
        count += memmem(value.ptr, value.len, text, strlen(text)) != NULL;
    db_cursor_done(&cursor);
    return count;
}

static void erased_words_are_gone_and_stay_proved(void **state)
{
    struct fixture *f = *state;
    struct history_params history = {.limit = 1000};
    struct journal_result shown;

    fill(f);
    struct str id = enter(f, ACCOUNT);
    link_tenant(f, id, "jane.doe@example.com", "kim");
    struct str other = enter(f, "999900001111");
    link_tenant(f, other, "other", "kim");
    assert_int_equal(count_in_journal(f, id, "jane.doe"), 1);
    struct journal_verify_result before = verify(f, NULL);

    assert_int_equal(erase(f, (struct journal_erase_params){.subscription = id}), 2);
    assert_int_equal(count_in_rows(f, "jane.doe"), 0);
    assert_int_equal(count_in_rows(f, ACCOUNT), 0);
    history.subscription = id;
    fixture_read(f, on_journal, &history, &shown);
    assert_int_equal(shown.entries.count, 2); /* that something happened, and when */
    assert_true(shown.entries.items[0].erased && shown.entries.items[0].time > 0);
    struct journal_verify_result found = verify(f, NULL);
    assert_int_equal(found.breaks.count, 0);
    assert_int_equal(found.erased, 2);
    assert_true(found.entries > before.entries); /* it is an event itself */

    assert_int_equal(erase(f, (struct journal_erase_params){.name = STR("kim")}), 1);
    assert_int_equal(count_in_rows(f, "kim"), 0);
    assert_int_equal(erase(f, (struct journal_erase_params){.subscription = id}), 0);
    assert_int_equal(verify(f, NULL).breaks.count, 0);
    struct check_indexes_params check = {.report_only = true};
    struct check_indexes_result part;
    do {
        assert_int_equal(fixture_write(f, on_check_indexes, &check, &part), ERROR_NONE);
        assert_int_equal(part.missing + part.surplus, 0);
        check.position = part.next;
    } while (part.next.len > 0);
}

static void what_stands_before_the_chain_is_a_break(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = BUF_INIT;
    struct error error;

    enter(f, ACCOUNT);
    codec_encode(&shape_journal_entry,
                 &(struct journal_entry){.override = STR("o-1"), .change = STR("forged")}, &bytes);
    put_row(f, 0, buf_str(&bytes));
    buf_done(&bytes);
    struct journal_verify_result found = verify(f, NULL);
    assert_int_equal(found.breaks.count, 1);
    assert_true(str_eq_text(found.breaks.items[0].at, "0.0"));
    assert_non_null(strstr(found.breaks.items[0].problem.ptr, "before the chain begins"));
    assert_int_equal(count_in_journal(f, STR_NONE, "forged"), 0);

    db_begin(f->books.db);
    db_remove(f->books.db, TABLE_META, STR("journal_anchor"));
    assert_int_equal(db_commit(f->books.db, &error), 0);
    books_close(&f->books);
    fixture_open(f);
    found = verify(f, NULL);
    assert_non_null(strstr(found.breaks.items[0].problem.ptr, "does not know"));
}

static void events_are_recorded_within_a_ration(void **state)
{
    struct fixture *f = *state;
    struct record_event_params params = {
        .event = AUDIT_REFUSED, .text = STR("a key that nobody knows"), .author = STR("ops")};
    struct nothing nothing;
    int recorded = 0;

    for (int i = 0; i < 200; i++)
        recorded += fixture_write(f, on_record_event, &params, &nothing) == ERROR_NONE;
    assert_in_range(recorded, 60, 120); /* the minute may have ended meanwhile */
    assert_int_equal(count_in_journal(f, STR_NONE, "nobody knows"), (size_t)recorded);
    assert_int_equal(verify(f, NULL).breaks.count, 0);
}

static void places_are_checked(void **state)
{
    struct fixture *f = *state;
    struct journal_verify_params verify_params = {.after = STR("1.x")};
    struct journal_verify_result verified;
    struct journal_erase_params erase_params = {.after = STR("1.0")};
    struct journal_erase_result erased;

    assert_int_equal(fixture_read(f, on_journal_verify, &verify_params, &verified),
                     ERROR_BAD_REQUEST);
    verify_params.after = STR("1.0");
    assert_int_equal(fixture_read(f, on_journal_verify, &verify_params, &verified),
                     ERROR_BAD_REQUEST);
    assert_int_equal(fixture_write(f, on_journal_erase, &erase_params, &erased), ERROR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_the_store_wrote_is_whole),
        fixture_test(an_altered_entry_shows),
        fixture_test(altered_words_show_where_they_are),
        fixture_test(a_missing_entry_shows),
        fixture_test(a_cut_end_shows_by_an_earlier_head),
        fixture_test(what_is_removed_by_age_leaves_the_rest_provable),
        fixture_test(erased_words_are_gone_and_stay_proved),
        fixture_test(what_stands_before_the_chain_is_a_break),
        fixture_test(events_are_recorded_within_a_ration),
        fixture_test(places_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
