/* Walking a table: step by step with a cursor, or in bulk. */
#include <string.h>

#include "common/base/mem.h"
#include "services/store/disk/db_internal.h"

static struct db_cursor open_cursor(struct db *db, enum table table, struct str from)
{
    struct db_cursor cursor = {.db = db, .from = from};
    DBC *handle = NULL;

    if (db->failed || db->broken)
        return cursor;
    int err = db->tables[table]->cursor(db->tables[table], db->txn, &handle, 0);
    if (err != 0)
        db_fail(db, "open a cursor", err);
    else
        cursor.handle = handle;
    return cursor;
}

struct db_cursor db_ascend(struct db *db, enum table table, struct str from)
{
    return open_cursor(db, table, from);
}

struct db_cursor db_descend(struct db *db, enum table table, struct str before)
{
    struct db_cursor cursor = open_cursor(db, table, before);

    cursor.backwards = true;
    return cursor;
}

/* The first step downwards: the row before the first that is not below `from`. */
static int seek_back(DBC *handle, struct str from, DBT *key, DBT *value)
{
    if (from.len == 0)
        return handle->get(handle, key, value, DB_LAST);
    int err = handle->get(handle, key, value, DB_SET_RANGE);
    return handle->get(handle, key, value, err == DB_NOTFOUND ? DB_LAST : DB_PREV);
}

static int move(struct db_cursor *cursor, DBT *key, DBT *value)
{
    DBC *handle = cursor->handle;

    if (cursor->started)
        return handle->get(handle, key, value, cursor->backwards ? DB_PREV : DB_NEXT);
    cursor->started = true;
    if (cursor->backwards)
        return seek_back(handle, cursor->from, key, value);
    return handle->get(handle, key, value, cursor->from.len == 0 ? DB_FIRST : DB_SET_RANGE);
}

bool db_step(struct db_cursor *cursor, struct str *ret_key, struct str *ret_value)
{
    if (!cursor->handle)
        return false;
    if (!cursor->started) { /* in memory that DB_DBT_REALLOC may replace by the key found */
        cursor->key_memory = mem_alloc(cursor->from.len + 1);
        if (cursor->from.len > 0)
            memcpy(cursor->key_memory, cursor->from.ptr, cursor->from.len);
    }
    DBT key = {.data = cursor->key_memory,
               .size = cursor->started ? 0 : (u_int32_t)cursor->from.len,
               .flags = DB_DBT_REALLOC};
    DBT value = {.data = cursor->value_memory, .flags = DB_DBT_REALLOC};
    int err = move(cursor, &key, &value);

    cursor->key_memory = key.data;
    cursor->value_memory = value.data;
    if (err != 0) {
        if (err != DB_NOTFOUND)
            db_fail(cursor->db, "walk a table", err);
        return false;
    }
    *ret_key = str_from(key.data, key.size);
    if (ret_value)
        *ret_value = str_from(value.data, value.size);
    return true;
}

void db_cursor_done(struct db_cursor *cursor)
{
    DBC *handle = cursor->handle;

    if (handle)
        handle->close(handle);
    mem_free(cursor->key_memory);
    mem_free(cursor->value_memory);
    *cursor = (struct db_cursor){0};
}

static bool is_last(DBC *handle)
{
    DBT key = {0}, value = {.flags = DB_DBT_PARTIAL};

    return handle->get(handle, &key, &value, DB_NEXT) == DB_NOTFOUND;
}

static void take_rows(DBC *handle, DBT *bulk, size_t limit, struct arena *arena,
                      struct db_rows *ret_rows)
{
    void *at, *key, *value;
    size_t key_len, value_len;

    ret_rows->items = arena_alloc_array(arena, limit, sizeof(*ret_rows->items));
    DB_MULTIPLE_INIT(at, bulk);
    for (;;) {
        DB_MULTIPLE_KEY_NEXT(at, bulk, key, key_len, value, value_len);
        if (!at)
            break;
        if (ret_rows->count == limit) {
            ret_rows->more = true;
            return;
        }
        ret_rows->items[ret_rows->count++] =
            (struct db_row){str_from(key, key_len), str_from(value, value_len)};
    }
    ret_rows->more = !is_last(handle);
}

/* Memory that is too small even for the first row is replaced by larger. */
static int read_bulk(DBC *handle, struct str from, size_t bytes, DBT *ret_bulk)
{
    /* DB_MULTIPLE_KEY wants multiples of 1,024 bytes and no less than a page, which has this many
     * at most. */
    enum { UNIT = 64 * 1024 };

    for (size_t size = (bytes + UNIT - 1) / UNIT * UNIT;; size *= 2) {
        DBT key = dbt_of(from);
        *ret_bulk =
            (DBT){.data = mem_alloc(size), .ulen = (u_int32_t)size, .flags = DB_DBT_USERMEM};
        int err = handle->get(handle, &key, ret_bulk,
                              DB_MULTIPLE_KEY | (from.len == 0 ? DB_FIRST : DB_SET_RANGE));
        if (err != DB_BUFFER_SMALL)
            return err;
        mem_free(ret_bulk->data);
    }
}

void db_read_rows(struct db *db, enum table table, struct str from, size_t limit, size_t bytes,
                  struct arena *arena, struct db_rows *ret_rows)
{
    struct db_cursor cursor = open_cursor(db, table, from);
    DBT bulk;

    *ret_rows = (struct db_rows){.count = 0};
    if (!cursor.handle)
        return;
    int err = read_bulk(cursor.handle, from, bytes, &bulk);
    arena_defer(arena, mem_free, bulk.data);
    if (err == 0)
        take_rows(cursor.handle, &bulk, limit, arena, ret_rows);
    else if (err != DB_NOTFOUND)
        db_fail(db, "read a table in bulk", err);
    db_cursor_done(&cursor);
}
