/* A backup: the copy of a database that is written meanwhile is whole, or there is none. */
#include "tests/support/store_fixture.h"

#include <unistd.h>

#include "services/store/work/backup.h"

static void enter(struct fixture *f, int number)
{
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = arena_printf(&f->arena, "%012d", number)};
    struct register_result result;

    assert_int_equal(fixture_write(f, on_register, &params, &result), ERROR_NONE);
}

static struct str target_of(struct fixture *f)
{
    return arena_printf(&f->arena, "%s/copy", f->directory);
}

/* Writes between any two steps. */
static struct backup *copy(struct fixture *f)
{
    struct backup *backup;
    struct error error;
    int copied = 0;

    for (int i = 0; i < 20; i++)
        enter(f, i);
    if (backup_begin(&backup, f->books.db, target_of(f).ptr, 0, &error) < 0)
        fail_msg("%s", error.text);
    for (int i = 20; copied == 0; i++) {
        copied = backup_step(backup, &error);
        if (copied == 0)
            enter(f, i);
    }
    assert_int_equal(copied, 1);
    return backup;
}

static void a_copy_holds_every_commit(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {.directory = target_of(f).ptr, .cache_bytes = 1 << 20};
    struct books restored = {.policy = policy_default};
    struct backup *backup = copy(f);
    struct backup_result result;
    struct error error;
    int64_t seq = f->books.seq;

    if (backup_prove(backup, seq, &result, &error) < 0 || backup_name(backup, &error) < 0)
        fail_msg("%s", error.text);
    backup_end(backup);
    assert_int_equal(result.seq, seq);
    enter(f, 1000); /* of which the copy knows nothing */

    assert_int_equal(db_open(&restored.db, &options, &error), 0);
    assert_int_equal(books_open(&restored, 60000, &error), 0);
    assert_int_equal(restored.seq, seq + 1); /* its start is one itself */
    assert_string_not_equal(restored.incarnation, f->books.incarnation);
    assert_true(restored.indexes_unproven);
    struct subscription_list all = fixture_all(f);
    for (size_t i = 0; i < all.count; i++) {
        struct subscription record;
        assert_int_equal(records_get(restored.db, all.items[i].id, &f->arena, &record),
                         all.items[i].seq <= seq);
    }
    books_close(&restored);
}

static void a_damaged_copy_is_no_backup(void **state)
{
    struct fixture *f = *state;
    struct backup *backup = copy(f);
    struct backup_result result;
    struct error error;
    struct str partial = arena_printf(&f->arena, "%s.partial", target_of(f).ptr);

    /* A log that recovery cannot do without. */
    unlink(arena_printf(&f->arena, "%s/log.0000000001", partial.ptr).ptr);
    assert_int_equal(backup_prove(backup, f->books.seq, &result, &error), -1);
    backup_end(backup);
    assert_int_equal(access(partial.ptr, F_OK), -1);
    assert_int_equal(access(target_of(f).ptr, F_OK), -1);
}

static void what_cannot_begin_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct backup *backup;
    struct error error;

    assert_int_equal(backup_begin(&backup, f->books.db, "relative", 0, &error), -1);
    assert_int_equal(backup_begin(&backup, f->books.db, f->directory, 0, &error), -1);
    assert_int_equal(backup_begin(&backup, f->books.db, target_of(f).ptr, INT64_MAX / 2, &error),
                     -1);
    assert_non_null(strstr(error.text, "must stay free"));
    assert_int_equal(access(target_of(f).ptr, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_copy_holds_every_commit),
        fixture_test(a_damaged_copy_is_no_backup),
        fixture_test(what_cannot_begin_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
