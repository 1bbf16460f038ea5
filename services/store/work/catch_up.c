#include "services/store/work/catch_up.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "services/store/tables/incarnation.h"
#include "services/store/tables/journal.h"
#include "services/store/work/marks.h"
#include "services/store/work/sweeps.h"

/* A call that fails so often in a row is not waited for. */
enum { FAILURES_MAX = 3 };

static const char marker_key[] = "catching_up";

static size_t count_swept_products(const struct books *books)
{
    struct arena arena = ARENA_INIT;
    struct str_list ids = sweeps_all(books, &arena);
    size_t count = ids.count;

    arena_done(&arena);
    return count;
}

static void put_marker(struct change *change)
{
    db_put(change->db, TABLE_META, str_of(marker_key),
           db_key_u64(&change->arena, (uint64_t)change_now_s(change)));
    change->restated = true;
}

static int64_t read_marker(struct db *db)
{
    struct arena arena = ARENA_INIT;
    struct str value;
    int64_t since_s = 0;

    if (db_get(db, TABLE_META, str_of(marker_key), &arena, &value))
        since_s = (int64_t)db_read_u64(value);
    arena_done(&arena);
    return since_s;
}

/* Before what dates and failures have made due, and what AWS announced since. */
static void mark_sweeps(struct books *books, struct change *change)
{
    struct str_list ids = sweeps_all(books, &change->arena);

    for (size_t i = 0; i < ids.count; i++)
        marks_mark(change, books->due, ids.items[i], DUE_NOTIFICATION,
                   STR("the store catches up with AWS"));
}

void catch_up_enter(const struct books *books, struct change *change, bool is_new, bool is_restored)
{
    bool sweeps_by_itself = books->settings && books->settings->store.sweep_interval_ms > 0;

    if (count_swept_products(books) == 0)
        db_remove(change->db, TABLE_META, str_of(marker_key));
    else if (is_restored || (is_new && sweeps_by_itself) || read_marker(change->db) != 0)
        put_marker(change);
}

int catch_up_start(struct books *books, struct error *error)
{
    struct change change;

    books->catching_up_since_s = read_marker(books->db);
    if (books->catching_up_since_s == 0)
        return 0;
    change_begin(&change, books->db, books->seq, clock_wall_ms());
    mark_sweeps(books, &change);
    int result = change_commit(&change, error);
    change_done(&change);
    return result;
}

enum catch_up_finding catch_up_compare(struct books *books, const struct announce_params *announced)
{
    if (announced->incarnation.len == 0)
        return CATCH_UP_KNOWN;
    if (str_eq_text(announced->incarnation, books->incarnation))
        return announced->kept || announced->seq > books->seq ? CATCH_UP_OLDER : CATCH_UP_KNOWN;
    if (!announced->kept || str_eq_text(announced->incarnation, books->followers_incarnation))
        return CATCH_UP_KNOWN;
    return CATCH_UP_LESS;
}

static void note_followers(struct books *books, struct str incarnation)
{
    size_t len = incarnation.len < INCARNATION_SIZE ? incarnation.len : INCARNATION_SIZE - 1;

    memcpy(books->followers_incarnation, incarnation.ptr, len);
    books->followers_incarnation[len] = '\0';
}

enum rpc_error catch_up_begin(struct work *work)
{
    const struct announce_params *announced = work->params;
    struct books *books = work->books;
    struct change *change = work->change;
    bool is_older = incarnation_is(change->db, announced->incarnation);

    change->origin.cause = CAUSE_STORE;
    change->origin.author = announced->peer->name;
    note_followers(books, announced->incarnation);
    if (is_older) {
        incarnation_make(change);
        journal_note(change, AUDIT_RESTORED,
                     arena_printf(&change->arena,
                                  "older than checker " STR_FMT ", which holds commit %" PRId64
                                  ": a new incarnation",
                                  STR_ARG(announced->peer->name), announced->seq));
    } else if (read_marker(change->db) != 0) {
        return ERROR_NONE;
    }
    if (count_swept_products(books) > 0) {
        put_marker(change);
        mark_sweeps(books, change);
    }
    return ERROR_NONE;
}

void catch_up_await(const struct books *books, struct change *change, struct str id)
{
    if (books->catching_up_since_s != 0)
        change_effect(change, EFFECT_AWAITED, id, STR_NONE, 0);
}

static void note_failure(struct books *books, struct str id)
{
    uintptr_t failures = (uintptr_t)map_get(books->awaited, id);

    if (failures == 0)
        return;
    if (failures > FAILURES_MAX)
        map_remove(books->awaited, id);
    else
        map_put(books->awaited, id, (void *)(failures + 1));
}

void catch_up_settle(struct books *books, const struct change *change)
{
    if (change->restated)
        books->catching_up_since_s = read_marker(books->db);
    for (const struct effect *effect = change->effects; effect && books->catching_up_since_s != 0;
         effect = effect->next) {
        if (!books->awaited)
            books->awaited = map_new();
        if (effect->kind == EFFECT_AWAITED)
            map_put(books->awaited, effect->id, (void *)(uintptr_t)1);
        else if (effect->kind == EFFECT_RELEASED)
            note_failure(books, effect->id);
        else
            map_remove(books->awaited, effect->id);
    }
    if (books->catching_up_since_s == 0 && books->awaited)
        map_free(take(books->awaited));
}

/* Each mark is gone once a sweep that began after it is whole. */
static bool all_are_swept(const struct books *books, struct db *db)
{
    struct arena arena = ARENA_INIT;
    struct str_list ids = sweeps_all(books, &arena);
    struct stored_due stored;
    bool all = true;

    for (size_t i = 0; i < ids.count && all; i++) {
        marks_get(db, ids.items[i], &arena, &stored);
        all = stored.class == due_class_none;
    }
    arena_done(&arena);
    return all;
}

bool catch_up_is_done(const struct books *books)
{
    return books->catching_up_since_s != 0 && (!books->awaited || map_count(books->awaited) == 0) &&
           all_are_swept(books, books->db);
}

enum rpc_error catch_up_end(struct work *work)
{
    if (!all_are_swept(work->books, work->change->db))
        return ERROR_NONE;
    db_remove(work->change->db, TABLE_META, str_of(marker_key));
    work->change->restated = true;
    return ERROR_NONE;
}
