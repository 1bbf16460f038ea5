#include "services/store/work/opening.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "services/store/tables/chain.h"
#include "services/store/tables/incarnation.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/seller.h"
#include "services/store/tables/signing_keys.h"
#include "services/store/work/catch_up.h"
#include "services/store/work/held.h"
#include "services/store/work/sweeps.h"

static const char boot_key[] = "boot";
/* There while no process has the books open and their indexes are known to be right. */
static const char in_order_key[] = "in_order";

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
static void note_origin(struct change *change, bool new_incarnation)
{
    change->origin.cause = CAUSE_STORE;
    if (new_incarnation && change->seq > 1)
        journal_note(change, AUDIT_RESTORED, STR("started from a backup: a new incarnation"));
}

/* Everything that a start writes. */
static int enter_start(struct books *books, uint32_t *ret_boot, struct error *error)
{
    struct db *db = books->db;
    struct change change;

    change_begin(&change, db, journal_last_seq(db), clock_wall_ms());
    bool new = !incarnation_has(db);
    if (new)
        incarnation_make(&change);
    bool in_order = db_has(db, TABLE_META, str_of(in_order_key));
    books->indexes_unproven = !in_order && !(new &&change.seq == 1);
    db_remove(db, TABLE_META, str_of(in_order_key));
    signing_keys_make(db, clock_wall_s());
    *ret_boot = next_boot(db, new &&change.seq > 1, &change.arena);
    chain_begin(db);
    note_origin(&change, new);
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

int books_open(struct books *books, int64_t lease_ms, struct error *error)
{
    uint32_t boot;

    if (enter_start(books, &boot, error) < 0)
        return -1;
    incarnation_read(books->db, books->incarnation);
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

static void leave_in_order(struct db *db)
{
    struct error error;

    db_begin(db);
    db_put(db, TABLE_META, str_of(in_order_key), STR_NONE);
    if (db_commit(db, &error) < 0)
        log_warning("the next start will take this stop for a crash", LOG_TEXT("why", error.text));
}

void books_close(struct books *books)
{
    if (books->db && books->due && !books->indexes_unproven && !db_is_broken(books->db))
        leave_in_order(books->db);
    due_free(take(books->due));
    verified_free(take(books->verified));
    parts_free(take(books->parts));
    held_forget(books);
    if (books->awaited)
        map_free(take(books->awaited));
    buf_done(&books->planned_to);
    db_close(take(books->db));
}
