#include "services/store/work/verified.h"

#include "common/base/mem.h"

/* As many as a reply of `changes` holds, and more. */
enum { RECORDS_MAX = 32768 };

struct entry {
    int64_t seq;
    char *id;
};

/* A ring. */
struct verified {
    struct entry entries[RECORDS_MAX];
    size_t first, count;
    int64_t since;
};

struct verified *verified_new(int64_t since)
{
    struct verified *verified = mem_alloc_zero(sizeof(*verified));

    verified->since = since;
    return verified;
}

static void drop_first(struct verified *verified)
{
    struct entry *entry = &verified->entries[verified->first];

    verified->since = entry->seq;
    mem_free(entry->id);
    verified->first = (verified->first + 1) % RECORDS_MAX;
    verified->count--;
}

void verified_free(struct verified *verified)
{
    if (!verified)
        return;
    while (verified->count > 0)
        drop_first(verified);
    mem_free(verified);
}

void verified_add(struct verified *verified, int64_t seq, struct str id)
{
    if (verified->count == RECORDS_MAX)
        drop_first(verified);
    verified->entries[(verified->first + verified->count++) % RECORDS_MAX] =
        (struct entry){.seq = seq, .id = str_dup(id)};
}

bool verified_each(const struct verified *verified, int64_t seq,
                   void (*visit)(void *arg, struct str id), void *arg)
{
    if (seq <= verified->since)
        return false;
    for (size_t i = 0; i < verified->count; i++) {
        const struct entry *entry = &verified->entries[(verified->first + i) % RECORDS_MAX];
        if (entry->seq == seq)
            visit(arg, str_of(entry->id));
    }
    return true;
}
