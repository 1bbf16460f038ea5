#include "services/store/work/books.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/slice.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/ends.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/tables/signing_keys.h"
#include "services/store/work/catch_up.h"
#include "services/store/work/marks.h"
#include "services/store/work/sweeps.h"

static const char boot_key[] = "boot";
static const char incarnation_key[] = "incarnation";
/* There while no process has the books open and their indexes are known to be right. */
static const char in_order_key[] = "in_order";

struct due_plan books_plan(const struct books *books, const struct subscription *record,
                           const struct stored_due *stored)
{
    int64_t now_ms = clock_wall_ms();
    struct due_plan plan = marks_plan(stored, now_ms);
    bool probe;

    if (apply_scope(record, &probe) == scope_none)
        return (struct due_plan){0};
    int64_t date_s = record_next_due_s(record, &books->policy, now_ms / 1000, &plan.date_class);
    plan.date_at_ms = date_s * 1000;
    if (date_s == 0)
        plan.date_class = due_class_none;
    return plan;
}

static void plan_record(struct books *books, const struct subscription *record)
{
    struct arena arena = ARENA_INIT;
    struct stored_due stored;

    marks_get(books->db, record->id, &arena, &stored);
    struct due_plan plan = books_plan(books, record, &stored);
    due_plan(books->due, record->id, &plan);
    ends_note(books, record->id, record);
    arena_done(&arena);
}

struct planning {
    struct books *books;
    struct slice slice;
};

static bool plan_each(void *arg, const struct subscription *record)
{
    struct planning *planning = arg;
    struct buf *planned_to = &planning->books->planned_to;

    plan_record(planning->books, record);
    if (!slice_is_over(&planning->slice))
        return true;
    buf_clear(planned_to);
    buf_append_str(planned_to, record->id);
    return false;
}

void books_plan_anew(struct books *books)
{
    buf_clear(&books->planned_to);
    sweeps_load(books);
}

int books_plan_more(struct books *books, struct error *error)
{
    enum { SLICE_US = 3000 };
    struct planning planning = {books, slice_begin(SLICE_US)};
    struct arena arena = ARENA_INIT;

    db_forgive(books->db);
    struct str after = arena_str(&arena, buf_str(&books->planned_to));
    bool more = records_each(books->db, after, plan_each, &planning);
    arena_done(&arena);
    if (db_failed(books->db, error))
        return -1;
    return more;
}

static void plan_touched(struct books *books, const struct touched *touched)
{
    struct arena arena = ARENA_INIT;
    struct subscription record;

    if (sweeps_is_id(touched->id)) {
        sweeps_plan(books, touched->id);
        return;
    }
    if (touched->record)
        plan_record(books, touched->record);
    else if (!touched->gone && records_get(books->db, touched->id, &arena, &record))
        plan_record(books, &record);
    else {
        due_forget(books->due, touched->id);
        ends_note(books, touched->id, NULL);
    }
    arena_done(&arena);
}

void books_make_incarnation(struct change *change)
{
    unsigned char random[(INCARNATION_SIZE - 1) / 2];
    struct buf hex = BUF_INIT;

    crypto_random(random, sizeof(random));
    crypto_hex(&hex, random, sizeof(random));
    db_put(change->db, TABLE_META, str_of(incarnation_key), buf_str(&hex));
    buf_done(&hex);
    change->restated = true;
}

static void read_incarnation(struct books *books)
{
    struct arena arena = ARENA_INIT;
    struct str value;

    if (db_get(books->db, TABLE_META, str_of(incarnation_key), &arena, &value))
        snprintf(books->incarnation, sizeof(books->incarnation), STR_FMT, STR_ARG(value));
    arena_done(&arena);
}

/* Numbers of claims begin above those of every earlier start, also if that one crashed. */
static uint32_t next_boot(struct db *db, bool restored, struct arena *arena)
{
    struct str value;
    uint64_t boot = 1;
    uint16_t random = 0;

    /* The store that the backup is of may have started again meanwhile. */
    if (restored)
        crypto_random(&random, sizeof(random));
    if (db_get(db, TABLE_META, str_of(boot_key), arena, &value))
        boot = db_read_u64(value) + 1 + random;
    db_put(db, TABLE_META, str_of(boot_key), db_key_u64(arena, boot));
    return (uint32_t)boot;
}

/* What happened to the database as a whole, told by what is not in it any more or not yet. */
static void note_origin(struct books *books, struct change *change, bool new_incarnation)
{
    uint64_t schema = db_upgraded_from(books->db);

    change->origin.cause = CAUSE_STORE;
    if (schema > 0)
        journal_note(
            change, AUDIT_SCHEMA_UPGRADED,
            arena_printf(&change->arena, "schema %" PRIu64 " became %d", schema, DB_SCHEMA));
    if (new_incarnation && change->seq > 1)
        journal_note(change, AUDIT_RESTORED, STR("started from a backup: a new incarnation"));
}

/* Everything that a start writes. */
static int enter_start(struct books *books, uint32_t *ret_boot, struct error *error)
{
    struct db *db = books->db;
    struct change change;

    change_begin(&change, db, journal_last_seq(db), clock_wall_ms());
    bool new = !db_has(db, TABLE_META, str_of(incarnation_key));
    if (new)
        books_make_incarnation(&change);
    bool in_order = db_has(db, TABLE_META, str_of(in_order_key));
    books->indexes_unproven = !in_order && !(new &&change.seq == 1);
    db_remove(db, TABLE_META, str_of(in_order_key));
    signing_keys_make(db, clock_wall_s());
    *ret_boot = next_boot(db, new &&change.seq > 1, &change.arena);
    chain_begin(db);
    note_origin(books, &change, new);
    catch_up_enter(books, &change, new, new &&change.seq > 1);
    if (books->settings)
        seller_start(&change, str_of(books->settings->aws.seller_account));
    int result = change_commit(&change, error);
    change_done(&change);
    return result;
}

static int64_t random_number(void)
{
    int64_t number = 0;

    while (number == 0) {
        crypto_random(&number, sizeof(number));
        number &= INT64_MAX;
    }
    return number;
}

int books_load(struct books *books, int64_t lease_ms, struct error *error)
{
    uint32_t boot;

    if (enter_start(books, &boot, error) < 0)
        return -1;
    read_incarnation(books);
    books->seq = journal_last_seq(books->db);
    books->start = random_number();
    books->start_seq = books->seq;
    books->due = due_new(boot, lease_ms);
    if (catch_up_start(books, error) < 0)
        return -1;
    books->verified = verified_new(books->seq);
    books->parts = parts_new();
    due_advance(books->due, moment_now());
    sweeps_load(books);
    return db_failed(books->db, error) ? -1 : 0;
}

int books_forget_incarnation(struct db *db, struct error *error)
{
    db_begin(db);
    db_remove(db, TABLE_META, str_of(incarnation_key));
    return db_commit(db, error);
}

static void leave_in_order(struct db *db)
{
    struct error error;

    db_begin(db);
    db_put(db, TABLE_META, str_of(in_order_key), STR_NONE);
    if (db_commit(db, &error) < 0)
        log_warning("the next start will take this stop for a crash", LOG_TEXT("why", error.text));
}

void books_done(struct books *books)
{
    if (books->db && books->due && !books->indexes_unproven && !db_is_broken(books->db))
        leave_in_order(books->db);
    due_free(take(books->due));
    verified_free(take(books->verified));
    parts_free(take(books->parts));
    ends_forget(books);
    if (books->awaited)
        map_free(take(books->awaited));
    buf_done(&books->planned_to);
    db_close(take(books->db));
}

void books_settle(struct books *books, struct change *change)
{
    if (change->entries > 0)
        books->seq = change->seq;
    for (const struct verified_record *one = change->verified; one; one = one->next)
        verified_add(books->verified, change->seq, one->id);
    db_forgive(books->db);
    for (const struct touched *one = change->subscriptions.first; one; one = one->next)
        plan_touched(books, one);
    if (change->restated)
        read_incarnation(books);
    catch_up_settle(books, change);
    for (const struct effect *effect = change->effects; effect; effect = effect->next) {
        if (effect->kind == EFFECT_APPLIED || effect->kind == EFFECT_RELEASED)
            due_end(books->due, effect->id, effect->fence);
    }
}

bool books_is_our_product(const struct books *books, struct str product_code)
{
    return !books->settings || books->settings->products.count == 0 ||
           settings_product_by_code(books->settings, product_code) != NULL;
}
