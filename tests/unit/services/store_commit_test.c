/* The database and what is committed to it: groups, journal, snapshot, changes, crashes. */
#include "tests/support/store_fixture.h"

#include <db.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/store/tables/journal.h"

static enum rpc_error enter(struct fixture *f, const char *account, struct register_result *result)
{
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = str_of(account)};

    return fixture_write(f, on_register, &params, result);
}

static void tables_are_walked_both_ways(void **state)
{
    struct fixture *f = *state;
    struct db *db = f->books.db;
    struct str key, value;
    struct error error;

    db_begin(db);
    static const char *const keys[] = {"b", "d", "a", "c"};
    for (int i = 0; i < 4; i++)
        db_put(db, TABLE_TOKENS, str_of(keys[i]), str_of(keys[i]));
    assert_int_equal(db_commit(db, &error), 0);

    static const struct {
        bool down;
        const char *from, *want;
    } cases[] = {{false, "", "abcd"},  {false, "b", "bcd"}, {false, "bb", "cd"}, {false, "e", ""},
                 {true, "", "dcba"},   {true, "c", "ba"},   {true, "cc", "cba"}, {true, "a", ""},
                 {true, "zz", "dcba"}, {true, "0", ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf seen = BUF_INIT;
        struct db_cursor cursor = cases[i].down
                                      ? db_descend(db, TABLE_TOKENS, str_of(cases[i].from))
                                      : db_ascend(db, TABLE_TOKENS, str_of(cases[i].from));
        while (db_step(&cursor, &key, &value)) {
            assert_true(str_eq(key, value));
            buf_append_str(&seen, key);
        }
        db_cursor_done(&cursor);
        assert_string_equal(seen.data ? seen.data : "", cases[i].want);
        buf_done(&seen);
    }
}

enum { LARGE = 100000 };

/* Their keys; a plus if there are more. */
static void read_rows(struct db *db, const char *from, size_t limit, size_t bytes, struct buf *out)
{
    struct arena arena = ARENA_INIT;
    struct db_rows rows;

    buf_clear(out);
    db_read_rows(db, TABLE_TOKENS, str_of(from), limit, bytes, &arena, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.items[i].value.len, LARGE);
        assert_int_equal(rows.items[i].value.ptr[LARGE - 1], rows.items[i].key.ptr[0]);
        buf_append_str(out, rows.items[i].key);
    }
    if (rows.more)
        buf_append_char(out, '+');
    arena_done(&arena);
}

static void tables_are_read_in_bulk(void **state)
{
    struct fixture *f = *state;
    struct db *db = f->books.db;
    struct buf seen = BUF_INIT;
    struct error error;
    static char value[LARGE];

    read_rows(db, "", 10, 1024, &seen);
    assert_int_equal(seen.len, 0);
    db_begin(db);
    for (char key = 'a'; key <= 'd'; key++) {
        memset(value, key, sizeof(value));
        db_put(db, TABLE_TOKENS, str_from(&key, 1), str_from(value, sizeof(value)));
    }
    assert_int_equal(db_commit(db, &error), 0);
    static const struct {
        const char *from;
        size_t limit, bytes;
        const char *want;
    } cases[] = {{"", 10, 1 << 20, "abcd"},
                 {"", 4, 1 << 20, "abcd"},
                 {"", 3, 1 << 20, "abc+"},
                 {"b", 2, 1 << 20, "bc+"},
                 {"bb", 9, 1 << 20, "cd"},
                 {"e", 9, 1 << 20, ""},
                 {"", 9, 1, "a+"},
                 {"d", 9, 1, "d"},
                 {"b", 9, 2 * LARGE + LARGE / 2, "bc+"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_rows(db, cases[i].from, cases[i].limit, cases[i].bytes, &seen);
        assert_string_equal(seen.data, cases[i].want);
    }
    buf_done(&seen);
}

static void what_is_aborted_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct db *db = f->books.db;

    db_begin(db);
    db_put(db, TABLE_TOKENS, STR("key"), STR("value"));
    assert_true(db_has(db, TABLE_TOKENS, STR("key")));
    db_abort(db);
    assert_false(db_has(db, TABLE_TOKENS, STR("key")));
}

static void another_schema_is_refused_in_one_sentence(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {.directory = f->directory, .cache_bytes = 1 << 20};
    struct error error = {.text = ""};
    struct db *db;

    db_begin(f->books.db);
    db_put(f->books.db, TABLE_META, STR("schema"), db_key_u64(&f->arena, DB_SCHEMA + 1));
    assert_int_equal(db_commit(f->books.db, &error), 0);
    books_close(&f->books);
    assert_int_equal(db_open(&db, &options, &error), -1);
    assert_non_null(strstr(error.text, "another version of entitled-store"));
}

static void checkpoints_remove_logs_and_lose_nothing(void **state)
{
    struct fixture *f = *state;
    struct register_result result = {0};

    assert_int_equal(enter(f, ACCOUNT, &result), ERROR_NONE);
    db_checkpoint(f->books.db, 1 << 30);
    db_checkpoint(f->books.db, 0);
    books_close(&f->books);
    fixture_open(f);
    assert_true(str_eq(fixture_get(f, result.subscription->id).account_id, STR(ACCOUNT)));
    assert_true(db_free_bytes(f->books.db) > 0);
}

static enum rpc_error spoil(struct work *work)
{
    db_put(work->change->db, TABLE_TOKENS, STR("spoiled"), STR("1"));
    error_set(work->error, "thought better of it");
    return ERROR_CONFLICT;
}

static enum rpc_error refuse(struct work *work)
{
    error_set(work->error, "not like this");
    return ERROR_BAD_REQUEST;
}

static void keep_code(struct commit_job *job, enum rpc_error code, const char *message)
{
    (void)message;
    job->code = code;
}

static void run_group(struct fixture *f, struct commit_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i].arena = &f->arena;
        jobs[i].done = keep_code;
        jobs[i].arg = f;
        commit_submit(&f->commit, &jobs[i]);
    }
    while (commit_run(&f->commit))
        ;
}

static void a_group_is_one_commit_with_one_seq(void **state)
{
    struct fixture *f = *state;
    struct register_params params[2] = {
        {.product_code = STR(PRODUCT), .account_id = STR("000000000001")},
        {.product_code = STR(PRODUCT), .account_id = STR("000000000002")}};
    struct register_result results[2];
    struct nothing nothing;
    struct commit_job jobs[3] = {{.fn = on_register,
                                  .params = &params[0],
                                  .result = &results[0],
                                  .result_size = sizeof(results[0])},
                                 {.fn = refuse, .result = &nothing},
                                 {.fn = on_register,
                                  .params = &params[1],
                                  .result = &results[1],
                                  .result_size = sizeof(results[1])}};

    run_group(f, jobs, 3);
    assert_int_equal(f->commits, 1);
    assert_int_equal(f->books.seq, 1);
    assert_int_equal(f->event.seq, 1);
    assert_int_equal(f->event.subscriptions.count, 2);
    assert_int_equal(jobs[0].code, ERROR_NONE);
    assert_int_equal(jobs[1].code, ERROR_BAD_REQUEST);
    assert_int_equal(results[0].subscription->seq, 1);
    assert_int_equal(results[1].subscription->seq, 1);
}

static void a_spoiler_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct register_params params = {.product_code = STR(PRODUCT), .account_id = STR(ACCOUNT)};
    struct register_result result;
    struct nothing nothing;
    struct commit_job jobs[2] = {
        {.fn = on_register, .params = &params, .result = &result, .result_size = sizeof(result)},
        {.fn = spoil, .result = &nothing}};

    run_group(f, jobs, 2);
    assert_int_equal(jobs[0].code, ERROR_NONE);
    assert_int_equal(jobs[1].code, ERROR_CONFLICT);
    assert_int_equal(f->commit.stats.spoiled, 1);
    assert_int_equal(fixture_all(f).count, 1);
    assert_int_equal(f->books.seq, 1);
    assert_false(db_has(f->books.db, TABLE_TOKENS, STR("spoiled")));
}

static void below_the_floor_writes_are_refused(void **state)
{
    struct fixture *f = *state;
    struct register_result result = {0};

    f->commit.free_space_floor = INT64_MAX;
    assert_int_equal(enter(f, ACCOUNT, &result), ERROR_UNAVAILABLE);
    assert_non_null(strstr(f->error.text, "free_space_floor"));
    assert_int_equal(fixture_all(f).count, 0);
    f->commit.free_space_floor = 0;
    assert_int_equal(enter(f, ACCOUNT, &result), ERROR_NONE);
}

static void the_journal_is_paged_newest_first(void **state)
{
    struct fixture *f = *state;
    struct history_params params = {.limit = 3};
    struct register_result result = {0};
    int64_t want = 10;

    for (int i = 0; i < 10; i++) {
        char account[16];
        snprintf(account, sizeof(account), "%012d", i);
        assert_int_equal(enter(f, account, &result), ERROR_NONE);
    }
    do {
        struct journal_result page = {0};
        assert_int_equal(fixture_read(f, on_journal, &params, &page), ERROR_NONE);
        for (size_t i = 0; i < page.entries.count; i++) {
            assert_int_equal(page.entries.items[i].seq, want--);
            assert_int_equal(page.entries.items[i].cause, CAUSE_REGISTRATION);
            assert_true(page.entries.items[i].change.len > 0);
        }
        params.before = page.next;
    } while (params.before.len > 0);
    assert_int_equal(want, 0);
    params = (struct history_params){.limit = 9, .subscription = result.subscription->id};
    struct journal_result of_one = {0};
    assert_int_equal(fixture_read(f, on_journal, &params, &of_one), ERROR_NONE);
    assert_int_equal(of_one.entries.count, 1);
    params.before = STR("nonsense");
    assert_int_equal(fixture_read(f, on_journal, &params, &of_one), ERROR_BAD_REQUEST);
}

static void what_is_past_its_time_leaves_the_journal(void **state)
{
    struct fixture *f = *state;
    struct register_result result = {0};
    struct change change;
    struct error error;

    for (int i = 0; i < 5; i++) {
        char account[16];
        snprintf(account, sizeof(account), "%012d", i);
        enter(f, account, &result);
    }
    change_begin(&change, f->books.db, f->books.seq, clock_wall_ms());
    assert_int_equal(journal_prune(&change, change_now_s(&change) - 10, 100), 0);
    assert_int_equal(journal_prune(&change, change_now_s(&change) + 10, 3), 3);
    assert_int_equal(journal_prune(&change, change_now_s(&change) + 10, 100), 1);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
    assert_int_equal(journal_last_seq(f->books.db), 5);

    struct changes_params params = {.incarnation = str_of(f->books.incarnation), .since = 3};
    struct changes_result changes = {0};
    assert_int_equal(fixture_read(f, on_changes, &params, &changes), ERROR_NOT_FOUND);
    params.since = 4;
    assert_int_equal(fixture_read(f, on_changes, &params, &changes), ERROR_NONE);
    assert_int_equal(changes.subscriptions.count, 1);
}

static void changes_come_in_pieces_that_end_between_commits(void **state)
{
    struct fixture *f = *state;
    struct changes_params params = {.incarnation = str_of(f->books.incarnation)};
    struct aws_entitlement rows[400];
    char names[400][200];
    size_t pieces = 0, seen = 0;

    for (int i = 0; i < 400; i++) {
        snprintf(names[i], sizeof(names[i]), "%0150d", i);
        rows[i] = SEATS(i);
        rows[i].dimension = str_of(names[i]);
    }
    for (int i = 0; i < 20; i++) {
        struct register_result result = {0};
        char account[16];
        snprintf(account, sizeof(account), "%012d", i);
        enter(f, account, &result);
        fixture_apply(f, result.subscription->id, SCOPE_ACCOUNT, 1700000000,
                      (struct aws_entitlement_list){rows, 400});
    }
    for (bool more = true; more; pieces++) {
        struct changes_result piece = {0};
        assert_int_equal(fixture_read(f, on_changes, &params, &piece), ERROR_NONE);
        assert_true(piece.seq > params.since);
        seen += piece.subscriptions.count;
        params.since = piece.seq;
        more = piece.more;
    }
    assert_int_equal(params.since, f->books.seq);
    assert_true(pieces >= 2 && pieces < 10);
    assert_true(seen >= 20);

    struct snapshot_params ask = {.limit = 1000};
    struct snapshot_result chunk = {0};
    assert_int_equal(fixture_read(f, on_snapshot, &ask, &chunk), ERROR_NONE);
    assert_true(chunk.subscriptions.count < 20 && chunk.next.len > 0);
}

static void a_snapshot_passes_on_what_is_stored(void **state)
{
    struct fixture *f = *state;
    struct snapshot_params ask = {.limit = 1};
    struct snapshot_result chunk = {0};
    size_t seen = 0;
    struct error error;

    for (int i = 0; i < 3; i++) {
        struct register_result result = {0};
        char account[16];
        snprintf(account, sizeof(account), "%012d", i);
        enter(f, account, &result);
    }
    /* Not one whole map, which would spoil the message for all others. */
    db_begin(f->books.db);
    db_put(f->books.db, TABLE_SUBSCRIPTIONS, STR("s-"), STR("\x82\xa2id"));
    db_put(f->books.db, TABLE_SUBSCRIPTIONS, STR("t"), STR("\x93\x01\x02\x03"));
    assert_int_equal(db_commit(f->books.db, &error), 0);

    do {
        assert_int_equal(fixture_read(f, on_snapshot, &ask, &chunk), ERROR_NONE);
        assert_true(chunk.subscriptions.count <= 1);
        for (size_t i = 0; i < chunk.subscriptions.count; i++, seen++) {
            struct subscription record, stored;
            assert_int_equal(codec_decode(&shape_subscription, chunk.subscriptions.items[i],
                                          &f->arena, &record, &error),
                             0);
            stored = fixture_get(f, record.id);
            assert_true(codec_equal(&shape_subscription, &record, &stored));
            assert_true(str_compare(record.id, ask.after) > 0);
        }
        ask.after = chunk.next;
    } while (chunk.next.len > 0);
    assert_int_equal(seen, 3);
}

static int failing_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

/* In a process of its own: the library frees nothing after a panic, as its manual says. */
static int break_the_disk(struct fixture *f)
{
    struct register_result result = {0};

    fixture_open(f);
    if (enter(f, "000000000001", &result) != ERROR_NONE)
        return 1;
    db_env_set_func_fsync(failing_sync);
    if (enter(f, "000000000002", &result) != ERROR_INTERNAL || f->broken != 1)
        return 2;
    if (!db_is_broken(f->books.db) || f->commits != 1)
        return 3;
    db_env_set_func_fsync(fixture_sync);
    if (enter(f, "000000000003", &result) != ERROR_INTERNAL || f->broken != 1)
        return 4;
    books_close(&f->books);
    return 0;
}

static void a_sync_that_fails_breaks_the_database_for_good(void **state)
{
    struct fixture *f = *state;
    int status;

    books_close(&f->books);
    pid_t child = fork();
    if (child == 0)
        _exit(break_the_disk(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fixture_open(f);
    assert_int_equal(records_find(f->books.db, STR("000000000001"), STR_NONE, &f->arena).count, 1);
    assert_int_equal(records_find(f->books.db, STR("000000000003"), STR_NONE, &f->arena).count, 0);
}

/* Tells every acknowledged id through the pipe until it is killed. */
static void write_until_killed(struct fixture *f, int out)
{
    for (int i = 0;; i++) {
        struct register_result result = {0};
        char account[16];
        snprintf(account, sizeof(account), "%012d", i);
        enter(f, account, &result);
        struct str id = result.subscription->id;
        if (write(out, id.ptr, id.len) != (ssize_t)id.len)
            _exit(1);
        if (i % 50 == 0)
            db_checkpoint(f->books.db, 0);
    }
}

static void what_was_acknowledged_survives_a_crash(void **state)
{
    enum { ID_LENGTH = 18, ENOUGH = 200 };
    struct fixture *f = *state;
    char ids[100000];
    size_t length = 0;
    int ends[2], status;

    books_close(&f->books);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        fixture_open(f);
        write_until_killed(f, ends[1]);
    }
    close(ends[1]);
    while (length < sizeof(ids)) {
        ssize_t came = read(ends[0], ids + length, sizeof(ids) - length);
        if (came <= 0)
            break;
        length += (size_t)came;
        if (length >= ENOUGH * ID_LENGTH)
            kill(child, SIGKILL);
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));

    fixture_open(f);
    assert_true(length / ID_LENGTH >= ENOUGH);
    for (size_t at = 0; at + ID_LENGTH <= length; at += ID_LENGTH)
        fixture_get(f, str_from(ids + at, ID_LENGTH));
    /* All or nothing: every record is found by its handle, and journalled. */
    struct subscription_list all = fixture_all(f);
    for (size_t i = 0; i < all.count; i++)
        assert_int_equal(
            records_find(f->books.db, all.items[i].account_id, STR_NONE, &f->arena).count, 1);
    assert_int_equal(f->books.seq, all.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(tables_are_walked_both_ways),
        fixture_test(tables_are_read_in_bulk),
        fixture_test(a_snapshot_passes_on_what_is_stored),
        fixture_test(what_is_aborted_is_not_there),
        fixture_test(another_schema_is_refused_in_one_sentence),
        fixture_test(checkpoints_remove_logs_and_lose_nothing),
        fixture_test(a_group_is_one_commit_with_one_seq),
        fixture_test(a_spoiler_fails_alone),
        fixture_test(below_the_floor_writes_are_refused),
        fixture_test(the_journal_is_paged_newest_first),
        fixture_test(what_is_past_its_time_leaves_the_journal),
        fixture_test(changes_come_in_pieces_that_end_between_commits),
        fixture_test(a_sync_that_fails_breaks_the_database_for_good),
        fixture_test(what_was_acknowledged_survives_a_crash),
    };

    return cmocka_run_group_tests_name("services/store_commit", tests, NULL, NULL);
}
