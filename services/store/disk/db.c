#include "services/store/disk/db.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/store/disk/db_internal.h"

static const char *const table_files[TABLE_COUNT] = {
    [TABLE_META] = "meta.db",
    [TABLE_SUBSCRIPTIONS] = "subscriptions.db",
    [TABLE_HANDLES] = "handles.db",
    [TABLE_JOURNAL] = "journal.db",
    [TABLE_JOURNAL_OF] = "journal-of.db",
    [TABLE_NOTIFICATIONS] = "notifications.db",
    [TABLE_NOTIFICATIONS_OF] = "notifications-of.db",
    [TABLE_BODIES] = "bodies.db",
    [TABLE_EVENTS] = "events.db",
    [TABLE_AGREEMENTS] = "agreements.db",
    [TABLE_DUE] = "due.db",
    [TABLE_TOKENS] = "tokens.db",
    [TABLE_OVERRIDES] = "overrides.db",
    [TABLE_CONTACTS] = "contacts.db",
};

static const char schema_key[] = "schema";

/* No error code tells a damaged file from another failure. */
static bool tells_of_damage(const char *message)
{
    return strstr(message, "checksum error") || strstr(message, "past end of log");
}

static void say(const DB_ENV *env, const char *prefix, const char *message)
{
    struct db *db = env->app_private;

    (void)prefix;
    if (tells_of_damage(message))
        db->damaged = true;
    log_warning("berkeley db", LOG_TEXT("said", message));
}

static void broke(struct db *db, const char *what, int err)
{
    if (db->broken)
        return;
    db->broken = true;
    error_set(&db->failure, "the database in '%s' failed: cannot %s: %s", db->directory, what,
              db_strerror(err));
    if (db->on_broken)
        db->on_broken(db->arg, db->failure.text, db->damaged);
}

void db_fail(struct db *db, const char *what, int err)
{
    if (err == DB_RUNRECOVERY)
        broke(db, what, err);
    if (!db->failed && !db->broken)
        error_set(&db->failure, "cannot %s: %s", what, db_strerror(err));
    db->failed = true;
}

static int cannot(const struct db *db, struct error *error, const char *what, const char *path,
                  int err)
{
    if (db->damaged)
        return error_set(error,
                         "cannot %s '%s': the files of the database are damaged or not of one "
                         "moment, and no start will mend them: restore the backup "
                         "(docs/operations.md, \"Backup\")",
                         what, path);
    return error_set(error, "cannot %s '%s': %s", what, path, db_strerror(err));
}

static int open_environment(struct db *db, const struct db_options *options, struct error *error)
{
    enum { GIBIBYTE = 1 << 30, LOG_BUFFER = 1 << 20 };
    int64_t cache_bytes = options->cache_bytes;
    u_int32_t recover = options->recover_from_first_log ? DB_RECOVER_FATAL : DB_RECOVER;

    if (mkdir(db->directory, 0700) < 0 && errno != EEXIST)
        return cannot(db, error, "make", db->directory, errno);
    int err = db_env_create(&db->env, 0);
    if (err != 0)
        return cannot(db, error, "prepare", db->directory, err);
    db->env->app_private = db;
    db->env->set_errcall(db->env, say);
    err = db->env->set_cachesize(db->env, (u_int32_t)(cache_bytes / GIBIBYTE),
                                 (u_int32_t)(cache_bytes % GIBIBYTE), 1);
    if (err == 0)
        err = db->env->set_lg_bsize(db->env, LOG_BUFFER);
    if (err == 0)
        err = db->env->open(
            db->env, db->directory,
            DB_CREATE | recover | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_PRIVATE, 0600);
    db->opened = err == 0;
    return err == 0 ? 0 : cannot(db, error, "open and recover the database in", db->directory, err);
}

static int open_table(struct db *db, enum table table, struct error *error)
{
    DB **handle = &db->tables[table];

    int err = db_create(handle, db->env, 0);
    if (err == 0)
        err = (*handle)->set_flags(*handle, DB_CHKSUM);
    if (err == 0)
        err = (*handle)->open(*handle, NULL, table_files[table], NULL, DB_BTREE,
                              DB_CREATE | DB_AUTO_COMMIT, 0600);
    return err == 0 ? 0 : cannot(db, error, "open", table_files[table], err);
}

static int check_schema(struct db *db, struct error *error)
{
    struct arena arena = ARENA_INIT;
    struct str value;
    uint64_t found = 0;
    int result = 0;

    if (db_get(db, TABLE_META, str_of(schema_key), &arena, &value))
        found = db_read_u64(value);
    if (found == 0) {
        db_begin(db);
        db_put(db, TABLE_META, str_of(schema_key), db_key_u64(&arena, DB_SCHEMA));
        result = db_commit(db, error);
    } else if (found != DB_SCHEMA) {
        result = error_set(error,
                           "'%s' was written by another version of entitled-store (schema %llu; "
                           "this one knows %d): install that version",
                           db->directory, (unsigned long long)found, DB_SCHEMA);
    }
    arena_done(&arena);
    return result;
}

/* The schema is looked at before any other table is made or touched. */
static int open_all(struct db *db, const struct db_options *options, struct error *error)
{
    if (open_environment(db, options, error) < 0)
        return -1;
    for (enum table table = 0; table < TABLE_COUNT; table++) {
        if (open_table(db, table, error) < 0)
            return -1;
        if (table == TABLE_META && check_schema(db, error) < 0)
            return -1;
    }
    return 0;
}

int db_open(struct db **ret, const struct db_options *options, struct error *error)
{
    struct db *db = mem_alloc_zero(sizeof(*db));

    db->directory = mem_strdup(options->directory);
    db->on_broken = options->on_broken;
    db->arg = options->arg;
    if (open_all(db, options, error) < 0) {
        db_close(db);
        return -1;
    }
    *ret = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_abort(db);
    for (enum table table = 0; table < TABLE_COUNT; table++) {
        if (db->tables[table])
            db->tables[table]->close(db->tables[table], 0);
    }
    if (db->env) {
        if (db->opened)
            db_checkpoint(db, 0);
        db->env->close(db->env, 0);
    }
    mem_free(db->directory);
    mem_free(db);
}

void db_begin(struct db *db)
{
    db_forgive(db);
    int err = db->broken ? DB_RUNRECOVERY : db->env->txn_begin(db->env, NULL, &db->txn, 0);
    if (err != 0)
        db_fail(db, "begin a transaction", err);
}

/* A commit that fails leaves the log in doubt: what follows could contradict what is on disk. */
int db_commit(struct db *db, struct error *error)
{
    if (db->failed || !db->txn) {
        db_abort(db);
        return error_set(error, "%s", db->failure.text);
    }
    DB_TXN *txn = db->txn;
    db->txn = NULL;
    int err = txn->commit(txn, DB_TXN_SYNC);
    if (err != 0) {
        broke(db, "write the log", err);
        return error_set(error, "%s", db->failure.text);
    }
    return 0;
}

void db_abort(struct db *db)
{
    DB_TXN *txn = db->txn;

    db->txn = NULL;
    if (!txn)
        return;
    int err = txn->abort(txn);
    if (err != 0)
        broke(db, "abort a transaction", err);
}

bool db_failed(const struct db *db, struct error *error)
{
    if (db->failed || db->broken)
        error_set(error, "%s", db->failure.text);
    return db->failed || db->broken;
}

void db_forgive(struct db *db)
{
    db->failed = db->broken;
}

bool db_is_broken(const struct db *db)
{
    return db->broken;
}

uint64_t db_writes(const struct db *db)
{
    return db->writes;
}

bool db_get(struct db *db, enum table table, struct str key, struct arena *arena,
            struct str *ret_value)
{
    DBT key_dbt = dbt_of(key), value = {0};

    if (db->failed || db->broken)
        return false;
    int err = db->tables[table]->get(db->tables[table], db->txn, &key_dbt, &value, 0);
    if (err == 0) {
        *ret_value = arena_str(arena, str_from(value.data, value.size));
        return true;
    }
    if (err != DB_NOTFOUND)
        db_fail(db, "read a record", err);
    return false;
}

bool db_has(struct db *db, enum table table, struct str key)
{
    DBT key_dbt = dbt_of(key);

    if (db->failed || db->broken)
        return false;
    int err = db->tables[table]->exists(db->tables[table], db->txn, &key_dbt, 0);
    if (err != 0 && err != DB_NOTFOUND)
        db_fail(db, "look for a record", err);
    return err == 0;
}

void db_put(struct db *db, enum table table, struct str key, struct str value)
{
    DBT key_dbt = dbt_of(key), value_dbt = dbt_of(value);

    if (db->failed || db->broken)
        return;
    db->writes++;
    int err = db->tables[table]->put(db->tables[table], db->txn, &key_dbt, &value_dbt, 0);
    if (err != 0)
        db_fail(db, "write a record", err);
}

void db_remove(struct db *db, enum table table, struct str key)
{
    DBT key_dbt = dbt_of(key);

    if (db->failed || db->broken)
        return;
    db->writes++;
    int err = db->tables[table]->del(db->tables[table], db->txn, &key_dbt, 0);
    if (err != 0 && err != DB_NOTFOUND)
        db_fail(db, "remove a record", err);
}

struct str db_key_u64(struct arena *arena, uint64_t number)
{
    unsigned char *bytes = arena_alloc(arena, sizeof(number));

    for (size_t i = 0; i < sizeof(number); i++)
        bytes[i] = (unsigned char)(number >> (8 * (sizeof(number) - 1 - i)));
    return str_from(bytes, sizeof(number));
}

uint64_t db_read_u64(struct str bytes)
{
    uint64_t number = 0;

    if (bytes.len < sizeof(number))
        return 0;
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << 8 | (unsigned char)bytes.ptr[i];
    return number;
}

void db_checkpoint(struct db *db, int64_t log_bytes)
{
    if (db->broken)
        return;
    int err = db->env->txn_checkpoint(db->env, (u_int32_t)(log_bytes / 1024), 0, 0);
    if (err == 0 && !db->keeps_logs)
        err = db->env->log_archive(db->env, NULL, DB_ARCH_REMOVE);
    if (err == DB_RUNRECOVERY)
        broke(db, "write a checkpoint", err);
    else if (err != 0)
        log_warning("cannot write a checkpoint; the log grows until one succeeds",
                    LOG_TEXT("why", db_strerror(err)));
}

void db_keep_logs(struct db *db, bool keep)
{
    db->keeps_logs = keep;
}

int db_log_end(struct db *db, char *ret_name, size_t size, int64_t *ret_offset, struct error *error)
{
    int err = db->broken ? DB_RUNRECOVERY : db->env->log_flush(db->env, NULL);
    DB_LOG_STAT *stat = NULL;

    if (err == 0)
        err = db->env->log_stat(db->env, &stat, 0);
    if (err != 0) {
        broke(db, "write the log", err);
        return error_set(error, "%s", db->failure.text);
    }
    *ret_offset = stat->st_cur_offset;
    snprintf(ret_name, size, "log.%010u", (unsigned)stat->st_cur_file);
    free(stat);
    return 0;
}

const char *db_directory(const struct db *db)
{
    return db->directory;
}

int64_t db_free_bytes(const struct db *db)
{
    struct statvfs volume;

    if (statvfs(db->directory, &volume) < 0)
        return -1;
    return (int64_t)volume.f_bavail * (int64_t)volume.f_frsize;
}
