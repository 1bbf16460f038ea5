#include "tests/bench/batch.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

static void make_room(struct batch *batch, size_t count)
{
    *batch =
        (struct batch){.writes = mem_alloc_array(count, sizeof(*batch->writes)), .count = count};
}

void batch_load(struct batch *batch, uint64_t from, size_t count)
{
    int64_t now_s = clock_wall_s();

    make_room(batch, count);
    for (size_t i = 0; i < count; i++)
        write_of_load(from + i, now_s, &batch->arena, &batch->writes[i]);
}

void batch_make(struct batch *batch, const struct options *options)
{
    const char *kind = option_text(options, "--kind", NULL);
    uint64_t from = (uint64_t)option_int(options, "--from", "0");
    uint64_t customers = (uint64_t)option_int(options, "--customers", NULL);
    int64_t now_s = clock_wall_s();

    make_room(batch, (size_t)option_int(options, "--count", NULL));
    for (size_t i = 0; i < batch->count; i++) {
        if (strcmp(kind, "update") == 0)
            write_of_update(from + i, customers, now_s, &batch->arena, &batch->writes[i]);
        else if (strcmp(kind, "insert") == 0)
            write_of_insert(customers + from + i, now_s, &batch->arena, &batch->writes[i]);
        else
            tool_die("--kind is update or insert, not '%s'", kind);
    }
}

void batch_done(struct batch *batch)
{
    arena_done(&batch->arena);
    mem_free(batch->writes);
    *batch = (struct batch){0};
}
