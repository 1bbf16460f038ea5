/* bench_bdb: Berkeley DB used bare, as the store uses it: one environment of the process's own,
 * transactions, log, page checksums, no locking; a transaction and a sync for each group.
 *
 *   load   --directory D --customers N
 *   write  --directory D --customers N --kind update|insert --from K --count C [--group G]
 *   scan   --directory D               reads every subscription in bulk, twice
 *   rows   --directory D               counts rows and bytes of each table
 *
 * D may be the store's own directory while no store runs. Prints one line of JSON. */
#include <db.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "tests/bench/batch.h"

enum {
    LOG_BUFFER = 1 << 20,
    LOAD_GROUP = 1000,
    BULK_BYTES = 4 << 20,
    CHECKPOINT_KIB = 64 << 10, /* the store's default log_limit */
};

struct bare {
    DB_ENV *env;
    DB *tables[WRITE_TABLES];
};

static void must(int err, const char *what)
{
    if (err != 0)
        tool_die("cannot %s: %s", what, db_strerror(err));
}

static void open_bare(struct bare *bare, const struct options *options)
{
    const char *directory = option_text(options, "--directory", NULL);
    uint32_t cache_mib = (uint32_t)option_int(options, "--cache-mib", "64");
    char name[64];

    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        tool_die("cannot make '%s': %s", directory, strerror(errno));
    must(db_env_create(&bare->env, 0), "prepare an environment");
    must(bare->env->set_cachesize(bare->env, cache_mib >> 10, (cache_mib & 1023) << 20, 1),
         "set the cache's size");
    must(bare->env->set_lg_bsize(bare->env, LOG_BUFFER), "set the log buffer's size");
    must(bare->env->open(
             bare->env, directory,
             DB_CREATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL | DB_PRIVATE, 0600),
         "open the environment");
    for (int i = 0; i < WRITE_TABLES; i++) {
        snprintf(name, sizeof(name), "%s.db", write_table_names[i]);
        must(db_create(&bare->tables[i], bare->env, 0), "prepare a table");
        must(bare->tables[i]->set_flags(bare->tables[i], DB_CHKSUM), "ask for checksums");
        must(bare->tables[i]->open(bare->tables[i], NULL, name, NULL, DB_BTREE,
                                   DB_CREATE | DB_AUTO_COMMIT, 0600),
             "open a table");
    }
}

static void close_bare(struct bare *bare)
{
    for (int i = 0; i < WRITE_TABLES; i++)
        must(bare->tables[i]->close(bare->tables[i], 0), "close a table");
    must(bare->env->txn_checkpoint(bare->env, 0, 0, 0), "write a checkpoint");
    must(bare->env->close(bare->env, 0), "close the environment");
}

static DBT dbt_of(struct str bytes)
{
    return (DBT){.data = (void *)(uintptr_t)bytes.ptr, .size = (u_int32_t)bytes.len};
}

static void write_rows(struct bare *bare, DB_TXN *txn, const struct write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        const struct write_row *row = &write->rows[i];
        DB *table = bare->tables[row->table];
        DBT key = dbt_of(row->key), value = dbt_of(row->value);
        if (row->removes)
            must(table->del(table, txn, &key, 0), "remove a row that must be there");
        else
            must(table->put(table, txn, &key, &value, 0), "write a row");
    }
}

static void write_groups(struct bare *bare, const struct batch *batch, size_t group)
{
    for (size_t at = 0; at < batch->count; at += group) {
        DB_TXN *txn;
        must(bare->env->txn_begin(bare->env, NULL, &txn, 0), "begin a transaction");
        for (size_t i = at; i < at + group && i < batch->count; i++)
            write_rows(bare, txn, &batch->writes[i]);
        must(txn->commit(txn, DB_TXN_SYNC), "commit");
        must(bare->env->txn_checkpoint(bare->env, CHECKPOINT_KIB, 0, 0), "write a checkpoint");
    }
}

struct walk {
    uint64_t rows, key_bytes, value_bytes, seen;
};

/* Every row, many at a time. */
static struct walk walk_table(DB *table)
{
    struct walk walk = {0};
    DBT key = {0},
        bulk = {.data = mem_alloc(BULK_BYTES), .ulen = BULK_BYTES, .flags = DB_DBT_USERMEM};
    DBC *cursor;
    int err;

    must(table->cursor(table, NULL, &cursor, DB_CURSOR_BULK), "open a cursor");
    while ((err = cursor->get(cursor, &key, &bulk, DB_MULTIPLE_KEY | DB_NEXT)) == 0) {
        unsigned char *row_key, *row_value;
        size_t key_size, value_size;
        void *at;
        DB_MULTIPLE_INIT(at, &bulk);
        for (;;) {
            DB_MULTIPLE_KEY_NEXT(at, &bulk, row_key, key_size, row_value, value_size);
            if (!at)
                break;
            walk.rows++;
            walk.key_bytes += key_size;
            walk.value_bytes += value_size;
            walk.seen += row_key[0] + (value_size > 0 ? row_value[value_size - 1] : 0);
        }
    }
    if (err != DB_NOTFOUND)
        must(err, "read in bulk");
    cursor->close(cursor);
    mem_free(bulk.data);
    return walk;
}

static void load(struct bare *bare, const struct options *options)
{
    uint64_t customers = (uint64_t)option_int(options, "--customers", NULL);
    uint64_t begin_ns = tool_now_ns();

    for (uint64_t at = 0; at < customers; at += LOAD_GROUP) {
        struct batch batch;
        batch_load(&batch, at, customers - at < LOAD_GROUP ? customers - at : LOAD_GROUP);
        write_groups(bare, &batch, LOAD_GROUP);
        batch_done(&batch);
    }
    printf("{\"seconds\": %.3f}\n", (double)(tool_now_ns() - begin_ns) / 1e9);
}

/* The store's cache is warm, so this one is to be. */
static void warm_up(struct bare *bare)
{
    for (int i = 0; i < WRITE_TABLES; i++)
        walk_table(bare->tables[i]);
}

static void write_batch(struct bare *bare, const struct options *options)
{
    size_t group = (size_t)option_int(options, "--group", "256");
    struct batch batch;

    batch_make(&batch, options);
    warm_up(bare);
    uint64_t begin_ns = tool_now_ns();
    write_groups(bare, &batch, group);
    double seconds = (double)(tool_now_ns() - begin_ns) / 1e9;
    printf("{\"rate\": %.1f, \"seconds\": %.4f}\n", (double)batch.count / seconds, seconds);
    batch_done(&batch);
}

/* Twice: the first read fills the cache, the second finds everything there. */
static void scan(struct bare *bare)
{
    uint64_t begin_ns = tool_now_ns();

    walk_table(bare->tables[WRITE_SUBSCRIPTIONS]);
    uint64_t filled_ns = tool_now_ns();
    struct walk walk = walk_table(bare->tables[WRITE_SUBSCRIPTIONS]);
    printf("{\"seconds\": %.4f, \"filling_seconds\": %.4f, \"records\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"seen\": %" PRIu64 "}\n",
           (double)(tool_now_ns() - filled_ns) / 1e9, (double)(filled_ns - begin_ns) / 1e9,
           walk.rows, walk.value_bytes, walk.seen);
}

static void count_rows(struct bare *bare)
{
    printf("{");
    for (int i = 0; i < WRITE_TABLES; i++) {
        struct walk walk = walk_table(bare->tables[i]);
        printf("%s\"%s\": {\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", i ? ", " : "",
               write_table_names[i], walk.rows, walk.key_bytes + walk.value_bytes);
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    const char *verb = argc > 1 ? argv[1] : "";
    struct bare bare;

    open_bare(&bare, &options);
    if (strcmp(verb, "load") == 0)
        load(&bare, &options);
    else if (strcmp(verb, "write") == 0)
        write_batch(&bare, &options);
    else if (strcmp(verb, "scan") == 0)
        scan(&bare);
    else if (strcmp(verb, "rows") == 0)
        count_rows(&bare);
    else
        tool_die("bench_bdb load|write|scan|rows, not '%s'", verb);
    close_bare(&bare);
    return 0;
}
