/* The indexes kept by hand: what differs from the records is found and mended. */
#include "tests/support/store_fixture.h"

#include "common/base/mem.h"
#include "services/store/tables/index_rules.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/notifications.h"

enum { RULES = 4 };

struct totals {
    int64_t entries[RULES], missing[RULES], surplus[RULES];
};

static size_t place_of(const char *index)
{
    for (size_t i = 0; i < index_rules.count; i++) {
        if (strcmp(index_rules.items[i]->name, index) == 0)
            return i;
    }
    fail_msg("no index %s", index);
    return 0;
}

static struct totals check(struct fixture *f, bool report_only)
{
    struct check_indexes_params params = {.report_only = report_only, .author = STR("ops")};
    struct check_indexes_result part;
    struct totals totals = {.entries = {0}};

    assert_int_equal(index_rules.count, RULES);
    do {
        assert_int_equal(fixture_write(f, on_check_indexes, &params, &part), ERROR_NONE);
        size_t i = place_of(part.index.ptr);
        totals.entries[i] += part.entries;
        totals.missing[i] += part.missing;
        totals.surplus[i] += part.surplus;
        params.position = part.next;
    } while (part.next.len > 0);
    return totals;
}

static int64_t differing(const struct totals *totals)
{
    int64_t sum = 0;

    for (size_t i = 0; i < RULES; i++)
        sum += totals->missing[i] + totals->surplus[i];
    return sum;
}

static struct str enter(struct fixture *f, const char *account, const char *arn)
{
    struct register_params params = {
        .product_code = STR(PRODUCT), .account_id = str_of(account), .license_arn = str_of(arn)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
    return result.subscription->id;
}

static void announce(struct fixture *f, const char *event_id, const char *account)
{
    struct notification message = {.queue = STR("main"),
                                   .event_id = str_of(event_id),
                                   .source = SOURCE_EVENTBRIDGE,
                                   .kind = EVENT_AGREEMENT_AMENDED,
                                   .agreement_id = STR("agmt-1"),
                                   .product_code = STR(PRODUCT),
                                   .account_id = str_of(account),
                                   .body = STR("{}")};
    struct notify_params params = {.notification = &message};
    struct notify_result result;

    assert_int_equal(fixture_write(f, on_notify, &params, &result), ERROR_NONE);
}

/* Two subscriptions, messages about each, one of them twice, and a merge: every index has rows. */
static void fill(struct fixture *f)
{
    enter(f, "000000000001", "");
    announce(f, "event-1", "000000000001");
    enter(f, "000000000001", ARN(FIRST_KEY));
    enter(f, "000000000002", ARN(SECOND_KEY));
    announce(f, "event-2", "000000000002");
    announce(f, "event-2", "000000000002");
}

static void remove_first(struct fixture *f, enum table table)
{
    struct db_cursor cursor = db_ascend(f->books.db, table, STR_NONE);
    struct str key;
    struct error error;

    assert_true(db_step(&cursor, &key, NULL));
    key = arena_str(&f->arena, key);
    db_cursor_done(&cursor);
    db_begin(f->books.db);
    db_remove(f->books.db, table, key);
    assert_int_equal(db_commit(f->books.db, &error), 0);
}

static void put(struct fixture *f, enum table table, struct str key, struct str value)
{
    struct error error;

    db_begin(f->books.db);
    db_put(f->books.db, table, key, value);
    assert_int_equal(db_commit(f->books.db, &error), 0);
}

static struct str key_of(struct fixture *f, const char *of, struct str to)
{
    return arena_printf(&f->arena, "%s%c" STR_FMT, of, '\0', STR_ARG(to));
}

static void what_the_store_wrote_is_in_order(void **state)
{
    struct fixture *f = *state;

    fill(f);
    struct totals found = check(f, false);
    assert_int_equal(differing(&found), 0);
    for (size_t i = 0; i < RULES; i++)
        assert_true(found.entries[i] > 0);
}

static void a_missing_entry_is_put_back(void **state)
{
    static const struct {
        const char *index;
        enum table table;
    } cases[] = {{"handles", TABLE_HANDLES},
                 {"journal by subscription", TABLE_JOURNAL_OF},
                 {"notifications by subscription", TABLE_NOTIFICATIONS_OF},
                 {"notifications by event", TABLE_EVENTS}};
    struct fixture *f = *state;

    fill(f);
    for (size_t i = 0; i < RULES; i++) {
        remove_first(f, cases[i].table);
        int64_t seq = f->books.seq;
        struct totals found = check(f, true);
        assert_int_equal(found.missing[place_of(cases[i].index)], 1);
        assert_int_equal(differing(&found), 1);
        assert_int_equal(f->books.seq, seq);

        found = check(f, false);
        assert_int_equal(found.missing[place_of(cases[i].index)], 1);
        assert_int_equal(differing(&found), 1);
        assert_int_equal(f->books.seq, seq + 1);
        found = check(f, true);
        assert_int_equal(differing(&found), 0);
    }
}

static void an_entry_that_leads_nowhere_is_removed(void **state)
{
    struct fixture *f = *state;

    fill(f);
    put(f, TABLE_HANDLES, key_of(f, "nobody", STR("s-gone")), STR_NONE);
    put(f, TABLE_HANDLES, STR("without an end"), STR_NONE);
    put(f, TABLE_JOURNAL_OF, key_of(f, "s-gone", STR("123456789012")), STR_NONE);
    put(f, TABLE_NOTIFICATIONS_OF, key_of(f, "s-gone", STR("12345678")), STR_NONE);
    put(f, TABLE_EVENTS, STR("event-9"), STR("12345678"));
    struct totals found = check(f, false);
    assert_int_equal(found.surplus[place_of("handles")], 2);
    assert_int_equal(found.surplus[place_of("journal by subscription")], 1);
    assert_int_equal(found.surplus[place_of("notifications by subscription")], 1);
    assert_int_equal(found.surplus[place_of("notifications by event")], 1);
    assert_int_equal(differing(&found), 5);
    found = check(f, true);
    assert_int_equal(differing(&found), 0);
}

/* The handle of one customer that leads to another's subscription: the worst that can be. */
static void an_entry_to_the_wrong_record_is_removed(void **state)
{
    struct fixture *f = *state;
    struct find_params params = {.handle = STR("000000000001")};
    struct subscriptions_result result;

    fill(f);
    struct str other = fixture_of_license(f, SECOND_KEY).id;
    put(f, TABLE_HANDLES, key_of(f, "000000000001", other), STR_NONE);
    put(f, TABLE_EVENTS, STR("event-1"), db_key_u64(&f->arena, 2));
    fixture_read(f, on_find, &params, &result);
    assert_int_equal(result.subscriptions.count, 2);

    struct totals found = check(f, false);
    assert_int_equal(found.surplus[place_of("handles")], 1);
    assert_int_equal(found.missing[place_of("notifications by event")], 1);
    assert_int_equal(differing(&found), 2);
    fixture_read(f, on_find, &params, &result);
    assert_int_equal(result.subscriptions.count, 1);
    assert_false(str_eq(result.subscriptions.items[0].id, other));
}

static void what_was_mended_is_in_the_journal(void **state)
{
    struct fixture *f = *state;
    struct history_params params = {.limit = 1};
    struct journal_result result;

    fill(f);
    remove_first(f, TABLE_HANDLES);
    check(f, false);
    fixture_read(f, on_journal, &params, &result);
    assert_true(str_eq_text(result.entries.items[0].change,
                            "index handles rebuilt: 1 entries were missing, 0 were too many"));
    assert_true(str_eq_text(result.entries.items[0].author, "ops"));
    assert_int_equal(result.entries.items[0].cause, CAUSE_OPERATOR);
}

static void the_position_must_be_one(void **state)
{
    struct fixture *f = *state;
    struct check_indexes_params params = {.position = STR("\xff")};
    struct check_indexes_result part;

    assert_int_equal(fixture_write(f, on_check_indexes, &params, &part), ERROR_BAD_REQUEST);
}

/* A history whose owner cannot be told stays where it is. */
static void a_history_without_an_owner_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct str place = STR("\0\0\0\0\0\0\0\1\0\0\0\5");
    struct journal_entry entry = {
        .seq = 1, .index = 5, .subscription = STR("s-unknown"), .change = STR("created")};
    struct buf bytes = BUF_INIT;

    fill(f);
    codec_encode(&shape_journal_entry, &entry, &bytes);
    put(f, TABLE_JOURNAL, place, buf_str(&bytes));
    buf_done(&bytes);
    struct buf key = BUF_INIT;
    buf_append(&key, "s-other", sizeof("s-other"));
    buf_append_str(&key, place);
    put(f, TABLE_JOURNAL_OF, buf_str(&key), STR_NONE);
    buf_done(&key);
    struct totals found = check(f, true);
    assert_int_equal(differing(&found), 0);
}

static void removal_by_age_follows_merges(void **state)
{
    struct fixture *f = *state;
    struct change change;
    struct error error;

    fill(f);
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    assert_true(journal_prune(&change, INT64_MAX, 1000) > 0);
    assert_true(notifications_prune(&change, INT64_MAX, 1000) > 0);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    struct totals found = check(f, true);
    assert_int_equal(differing(&found), 0);
}

static void only_an_end_in_order_is_believed(void **state)
{
    struct fixture *f = *state;

    assert_false(f->books.indexes_unproven); /* new */
    books_close(&f->books);
    fixture_open(f);
    assert_false(f->books.indexes_unproven);

    db_close(take(f->books.db)); /* as a crash would */
    books_close(&f->books);
    fixture_open(f);
    assert_true(f->books.indexes_unproven);
    books_close(&f->books); /* before anybody checked */
    fixture_open(f);
    assert_true(f->books.indexes_unproven);
    f->books.indexes_unproven = false;
    books_close(&f->books);
    fixture_open(f);
    assert_false(f->books.indexes_unproven);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_the_store_wrote_is_in_order),
        fixture_test(a_missing_entry_is_put_back),
        fixture_test(an_entry_that_leads_nowhere_is_removed),
        fixture_test(an_entry_to_the_wrong_record_is_removed),
        fixture_test(what_was_mended_is_in_the_journal),
        fixture_test(the_position_must_be_one),
        fixture_test(a_history_without_an_owner_is_left_alone),
        fixture_test(removal_by_age_follows_merges),
        fixture_test(only_an_end_in_order_is_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
