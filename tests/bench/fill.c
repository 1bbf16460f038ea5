/* bench_fill: fills the store's directory, while no store runs, with customers that are registered
 * and active: the store's own functions, in transactions of a thousand.
 *
 *   --directory D --customers N
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/books.h"
#include "services/store/work/opening.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"

enum { GROUP = 1000, CACHE_BYTES = 256 << 20, LOG_BYTES = 64 << 20 };

static void fill_group(struct db *db, int64_t seq, uint64_t from, uint64_t count)
{
    struct change change;
    struct error error;

    change_begin(&change, db, seq, clock_wall_ms());
    change.origin.cause = CAUSE_REGISTRATION;
    for (uint64_t i = from; i < from + count; i++) {
        struct subscription record;
        data_record(i, clock_wall_s(), &change.arena, &record);
        records_insert(&change, &record);
    }
    if (change_commit(&change, &error) < 0)
        tool_die("%s", error.text);
    change_done(&change);
    db_checkpoint(db, LOG_BYTES);
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    const struct db_options db_options = {.directory = option_text(&options, "--directory", NULL),
                                          .cache_bytes = CACHE_BYTES};
    uint64_t customers = (uint64_t)option_int(&options, "--customers", NULL);
    uint64_t begin_ns = tool_now_ns();
    struct error error;
    struct books books = {.policy = policy_default};

    if (db_open(&books.db, &db_options, &error) < 0 || books_open(&books, 60000, &error) < 0)
        tool_die("%s", error.text);
    int64_t seq = books.seq;
    for (uint64_t at = 0; at < customers; at += GROUP)
        fill_group(books.db, seq++, at, customers - at < GROUP ? customers - at : GROUP);
    books_close(&books);
    printf("{\"seconds\": %.3f, \"customers\": %" PRIu64 "}\n",
           (double)(tool_now_ns() - begin_ns) / 1e9, customers);
    return 0;
}
