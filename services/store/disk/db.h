/* The database: one environment in one directory, ordered tables, one transaction at a time.
 *
 * Sole user of Berkeley DB. Its opener holds the directory's lock, so recovery and private (heap)
 * regions are safe; there is one thread, so the locking subsystem is left out.
 *
 * A failure is remembered instead of returned: reads then find nothing, writes do nothing, and
 * db_commit() or db_failed() tell. So the rules above read without error branches, and nothing half
 * done can be committed. A failure of the log or of the environment itself breaks the database for
 * good: on_broken is called once, and whatever was not acknowledged is not there.
 */
#ifndef SERVICES_STORE_DISK_DB_H
#define SERVICES_STORE_DISK_DB_H

#include "common/base/arena.h"
#include "common/base/error.h"
#include "common/base/str.h"

struct db;

/* Keys are bytes in their order; numbers in keys are big-endian (db_key_u64). */
enum table {
    TABLE_META,             /* name -> value: schema, incarnation, keys */
    TABLE_SUBSCRIPTIONS,    /* id -> subscription */
    TABLE_HANDLES,          /* handle NUL id -> nothing */
    TABLE_JOURNAL,          /* seq, index -> stored_entry */
    TABLE_JOURNAL_OF,       /* id NUL seq, index -> nothing */
    TABLE_NOTIFICATIONS,    /* number -> notification without its body */
    TABLE_NOTIFICATIONS_OF, /* id NUL number -> nothing */
    TABLE_BODIES,           /* number -> the message's bytes */
    TABLE_EVENTS,           /* event id, or AWS's key of it -> number */
    TABLE_AGREEMENTS,       /* agreement id, account -> stored_agreement */
    TABLE_DUE,              /* subscription id -> stored_due */
    TABLE_TOKENS,           /* digest of a registration token -> stored_token */
    TABLE_OVERRIDES,        /* id -> override */
    TABLE_CONTACTS,         /* subscription id -> contact_result; personal, and nowhere else */
    TABLE_COUNT
};

struct db_options {
    const char *directory; /* made if needed */
    int64_t cache_bytes;
    bool recover_from_first_log; /* a backup: its tables may be older than its last checkpoint */
    /* Optional. is_damaged: what is on disk is not what was written, and no start can mend it. */
    void (*on_broken)(void *arg, const char *why, bool is_damaged);
    void *arg;
};

/* The layout of the tables. A database of a newer one is refused, an older one is taken over. */
enum {
    DB_SCHEMA = 1,
};

/* Recovers what a crash left. */
int db_open(struct db **ret, const struct db_options *options, struct error *error);
void db_close(struct db *db); /* aborts what is open, checkpoints; takes NULL */

void db_begin(struct db *db);
/* 0: on disk. -1: nothing of it is there. */
int db_commit(struct db *db, struct error *error);
void db_abort(struct db *db);
/* Whether something failed since db_begin() or db_forgive(); then with the sentence. */
bool db_failed(const struct db *db, struct error *error);
void db_forgive(struct db *db); /* of reads outside a transaction */
bool db_is_broken(const struct db *db);
uint64_t db_writes(const struct db *db); /* so far: tells whether something was written between */

/* Within the transaction if there is one. */
bool db_get(struct db *db, enum table table, struct str key, struct arena *arena,
            struct str *ret_value);
bool db_has(struct db *db, enum table table, struct str key);
void db_put(struct db *db, enum table table, struct str key, struct str value);
void db_remove(struct db *db, enum table table, struct str key); /* absent is fine */

/* Walks a table in order. Rows may be written while a cursor is open, also the one it stands on. */
struct db_cursor {
    struct db *db;
    void *handle;
    void *key_memory, *value_memory;
    struct str from;
    bool started, backwards;
};

/* From the first key that is not below `from` upwards. `from` must live as long as the cursor. */
struct db_cursor db_ascend(struct db *db, enum table table, struct str from);
/* From the last key below `before` downwards; empty: from the last. */
struct db_cursor db_descend(struct db *db, enum table table, struct str before);
/* False at the end. Key and value live until the next step. */
bool db_step(struct db_cursor *cursor, struct str *ret_key, struct str *ret_value);
void db_cursor_done(struct db_cursor *cursor);

struct db_row {
    struct str key, value;
};

struct db_rows {
    struct db_row *items;
    size_t count;
    bool more; /* there are others behind them */
};

/* In bulk: at most `limit` rows, from the first key that is not below `from` upwards, as many as
 * `bytes` hold, one at least. They live with the arena. */
void db_read_rows(struct db *db, enum table table, struct str from, size_t limit, size_t bytes,
                  struct arena *arena, struct db_rows *ret_rows);

struct str db_key_u64(struct arena *arena, uint64_t number);
uint64_t db_read_u64(struct str bytes); /* the first eight bytes; 0 if there are fewer */

/* Writes a checkpoint if more than log_bytes were logged since the last (0: if anything was), and
 * removes logs that recovery does not need. */
void db_checkpoint(struct db *db, int64_t log_bytes);
/* While they are kept, checkpoints remove no logs. */
void db_keep_logs(struct db *db, bool keep);
/* Writes what is logged; the name of the last log, and where in it the next record goes. */
int db_log_end(struct db *db, char *ret_name, size_t size, int64_t *ret_offset,
               struct error *error);
const char *db_directory(const struct db *db);
int64_t db_free_bytes(const struct db *db); /* of the file system; -1 if not known */

#endif
