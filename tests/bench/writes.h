/* What one durable write of the store puts into its tables: the same rows, made beforehand, for the
 * references that write them. tests/bench/run compares the number and the bytes of the rows that
 * store and references wrote, table by table. */
#ifndef TESTS_BENCH_WRITES_H
#define TESTS_BENCH_WRITES_H

#include "common/base/arena.h"

/* Of the store's tables, those that the writes touch. */
enum write_table {
    WRITE_SUBSCRIPTIONS,
    WRITE_HANDLES,
    WRITE_JOURNAL,
    WRITE_JOURNAL_OF,
    WRITE_DUE,
    WRITE_TABLES,
};

extern const char *const write_table_names[WRITE_TABLES]; /* the store's own */

struct write_row {
    enum write_table table;
    bool removes;
    struct str key, value;
};

enum { WRITE_ROWS_MAX = 12 };

/* One request's rows. */
struct write {
    struct write_row rows[WRITE_ROWS_MAX];
    size_t count;
};

/* Requests are numbered; of `customers` known ones, number k updates this one. It comes again only
 * after all others. */
static inline uint64_t write_target(uint64_t k, uint64_t customers)
{
    return k % customers * 2654435761u % customers;
}

/* The tenant id that number k links its customer to: as long as the first one was. */
struct str write_tenant(uint64_t k, uint64_t customers, struct arena *arena);

/* The rows that are there before: customer i, registered and active. */
void write_of_load(uint64_t i, int64_t now_s, struct arena *arena, struct write *ret);
/* `link` gives a customer another tenant id: record, its handle, journal. */
void write_of_update(uint64_t k, uint64_t customers, int64_t now_s, struct arena *arena,
                     struct write *ret);
/* `register` takes in customer i, whom nobody knew: record, handles, journal, due work. */
void write_of_insert(uint64_t i, int64_t now_s, struct arena *arena, struct write *ret);

#endif
