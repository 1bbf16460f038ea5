/* The store's books in a directory of their own, and requests to them without sockets. */
#ifndef TESTS_SUPPORT_STORE_FIXTURE_H
#define TESTS_SUPPORT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <db.h>

#include "common/base/clock.h"
#include "proto/codec/codec.h"
#include "services/store/methods/claimed.h"
#include "services/store/methods/handlers.h"
#include "services/store/process/commit.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/opening.h"
#include "services/store/work/plan.h"

#define PRODUCT    "4exampleproductcode0000001"
#define ACCOUNT    "111122223333"
#define SELLER     "444455556666"
#define ARN(key)   "arn:aws:license-manager::111122223333:license:" key
#define FIRST_KEY  "l-0000000000000000000000000000aaaa"
#define SECOND_KEY "l-0000000000000000000000000000bbbb"
#define THIRD_KEY  "l-0000000000000000000000000000cccc"

struct fixture {
    char directory[64];
    struct books books;
    struct commit commit;
    struct arena arena;
    struct error error;        /* of the last request */
    struct commit_event event; /* of the last commit */
    size_t commits;
    size_t broken; /* how often the database said that it is */
};

static inline void fixture_broken(void *arg, const char *why, bool is_damaged)
{
    struct fixture *fixture = arg;

    assert_false(is_damaged);
    assert_non_null(strstr(why, fixture->directory));
    fixture->broken++;
}

static inline void fixture_committed(void *arg, struct change *change)
{
    struct fixture *fixture = arg;
    struct commit_event event;

    change_event(change, str_of(fixture->books.incarnation), &event);
    codec_copy(&shape_commit_event, &event, &fixture->arena, &fixture->event);
    fixture->commits++;
}

static inline int fixture_plan(struct fixture *fixture, struct error *error)
{
    int more;

    while ((more = plan_more(&fixture->books, error)) > 0)
        ;
    return more;
}

/* The machine does not lose power here, so nothing waits for its disk. */
static inline int fixture_sync(int fd)
{
    (void)fd;
    return 0;
}

/* As it is right after a start: nothing is planned yet. */
static inline void fixture_load(struct fixture *fixture)
{
    struct db_options options = {.directory = fixture->directory,
                                 .cache_bytes = 4 << 20,
                                 .on_broken = fixture_broken,
                                 .arg = fixture};
    struct error error;

    fixture->books = (struct books){.policy = policy_default};
    fixture->books.policy.unannounced_end_s = fixture->books.policy.confirm_delay_s;
    db_env_set_func_fsync(fixture_sync);
    if (db_open(&fixture->books.db, &options, &error) < 0 ||
        books_open(&fixture->books, 60000, &error) < 0)
        fail_msg("%s", error.text);
    fixture->commit = (struct commit){.books = &fixture->books,
                                      .group_limit = 256,
                                      .committed = fixture_committed,
                                      .arg = fixture};
    commit_init(&fixture->commit);
}

static inline void fixture_open(struct fixture *fixture)
{
    struct error error;

    fixture_load(fixture);
    if (fixture_plan(fixture, &error) < 0)
        fail_msg("%s", error.text);
}

static inline int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/entitled-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    books_close(&fixture->books);
    arena_done(&fixture->arena);
    snprintf(command, sizeof(command), "rm -r '%s'", fixture->directory);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static inline void fixture_done(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct fixture *fixture = job->arg;

    job->code = code;
    error_set(&fixture->error, "%s", message);
}

/* Executes one writing request alone. Everything it answers lives as long as the fixture. */
static inline enum rpc_error fixture_execute(struct fixture *fixture, work_fn *fn,
                                             const void *params, void *result, size_t result_size)
{
    struct commit_job job = {.fn = fn,
                             .arena = &fixture->arena,
                             .params = params,
                             .result = result,
                             .result_size = result_size,
                             .done = fixture_done,
                             .arg = fixture};

    commit_submit(&fixture->commit, &job);
    assert_false(commit_run(&fixture->commit));
    return job.code;
}

#define fixture_write(fixture, fn, params, result)                                                 \
    fixture_execute(fixture, fn, params, result, sizeof(*(result)))

static inline enum rpc_error fixture_read(struct fixture *fixture, work_fn *fn, const void *params,
                                          void *result)
{
    struct work work = {.books = &fixture->books,
                        .arena = &fixture->arena,
                        .params = params,
                        .result = result,
                        .error = &fixture->error};

    db_forgive(fixture->books.db);
    enum rpc_error code = fn(&work);
    assert_false(db_failed(fixture->books.db, &fixture->error));
    return code;
}

static inline struct subscription fixture_get(struct fixture *fixture, struct str id)
{
    struct subscription record;

    assert_true(records_resolve(fixture->books.db, id, &fixture->arena, &record));
    return record;
}

static inline struct subscription_list fixture_all(struct fixture *fixture)
{
    struct str next;

    return records_page(fixture->books.db, STR_NONE, STR_NONE, 1000, SIZE_MAX, &fixture->arena,
                        &next);
}

/* The only record of that licence. */
static inline struct subscription fixture_of_license(struct fixture *fixture, const char *key)
{
    struct subscription_list found =
        records_find(fixture->books.db, str_of(key), STR_NONE, &fixture->arena);

    assert_int_equal(found.count, 1);
    return found.items[0];
}

/* Claims it, whatever else is due: marked if it is not. */
static inline int64_t fixture_claim(struct fixture *fixture, struct str id)
{
    struct mark_params mark = {.handle = id, .class = DUE_REGISTRATION};
    struct mark_result marked;
    struct due *due = fixture->books.due;

    assert_int_equal(fixture_write(fixture, on_mark, &mark, &marked), ERROR_NONE);
    due_advance(due, moment_now());
    for (int class = 1; class < due_class_count; class ++) {
        struct due_claim claim;
        while (due_take(due, (enum due_class) class, STR("test"), moment_now(), &claim)) {
            if (str_eq(claim.id, id))
                return claim.fence;
        }
    }
    fail_msg("%s is not due", id.ptr);
    return 0;
}

/* Answers as of the time that a test states, which may be before its claim or yet to come. */
static inline enum rpc_error apply_as_stated(struct work *work)
{
    return claimed_apply(work, ((const struct apply_params *)work->params)->began_at);
}

static inline enum rpc_error sweep_part_as_stated(struct work *work)
{
    return claimed_sweep_part(work, ((const struct sweep_part_params *)work->params)->began_at);
}

static inline enum rpc_error sweep_finish_as_stated(struct work *work)
{
    return claimed_sweep_finish(work, ((const struct sweep_finish_params *)work->params)->began_at);
}

static inline struct apply_result fixture_apply(struct fixture *fixture, struct str id,
                                                enum scope scope, int64_t began_at,
                                                struct aws_entitlement_list rows)
{
    struct apply_params params = {.subscription = id,
                                  .fence = fixture_claim(fixture, id),
                                  .began_at = began_at,
                                  .scope = scope,
                                  .rows = rows,
                                  .checker = STR("test"),
                                  .signed_by = STR(SELLER)};
    struct apply_result result = {0};

    assert_int_equal(fixture_write(fixture, apply_as_stated, &params, &result), ERROR_NONE);
    return result;
}

static inline struct notify_result fixture_notify(struct fixture *fixture,
                                                  struct notification message)
{
    struct notify_params params = {.notification = &message};
    struct notify_result result = {0};

    assert_int_equal(fixture_write(fixture, on_notify, &params, &result), ERROR_NONE);
    return result;
}

#define NOTIFY(f, ...) fixture_notify(f, (struct notification){__VA_ARGS__})

#define ROWS_OF(...)                                                                               \
    ((struct aws_entitlement_list){(struct aws_entitlement[]){__VA_ARGS__},                        \
                                   sizeof((struct aws_entitlement[]){__VA_ARGS__}) /               \
                                       sizeof(struct aws_entitlement)})
/* How often the operator was called because of ends that are held. */
static inline size_t fixture_alarms(struct fixture *f)
{
    struct history_params params = {.limit = 1000};
    struct journal_result result;
    size_t count = 0;

    assert_int_equal(fixture_read(f, on_journal, &params, &result), ERROR_NONE);
    for (size_t i = 0; i < result.entries.count; i++)
        count += result.entries.items[i].event == AUDIT_HELD;
    return count;
}

/* As if it had been made so much earlier. */
static inline void fixture_make_older(struct fixture *f, const char *key, int64_t by_s)
{
    struct subscription before = fixture_of_license(f, key), after = before;
    struct change change;
    struct error error;

    after.created_at -= by_s;
    change_begin(&change, f->books.db, f->books.seq + 1, clock_wall_ms());
    records_update(&change, &before, &after);
    assert_int_equal(change_commit(&change, &error), 0);
    change_done(&change);
}

#define NO_ROWS ((struct aws_entitlement_list){0})
#define SEATS(number, ...)                                                                         \
    ((struct aws_entitlement){.product_code = STR(PRODUCT),                                        \
                              .dimension = STR("seats"),                                           \
                              .value = {.kind = VALUE_INTEGER, .integer = (number)},               \
                              .expires_at = 4000000000,                                            \
                              __VA_ARGS__})

static inline int64_t fixture_seats(const struct subscription *record)
{
    return record->entitlements.count == 1 ? record->entitlements.items[0].value.integer
                                           : -(int64_t)record->entitlements.count;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

#endif
