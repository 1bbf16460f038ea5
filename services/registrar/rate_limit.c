#include "services/registrar/rate_limit.h"

#include <sys/queue.h>

#include "common/base/bucket.h"
#include "common/base/map.h"
#include "common/base/mem.h"

struct caller_entry {
    TAILQ_ENTRY(caller_entry) entry;
    struct ip key;
    struct bucket bucket;
};

struct rate_limit {
    struct map *by_key;
    TAILQ_HEAD(caller_entries, caller_entry) by_age; /* last heard at the end */
    struct bucket_size size;
    size_t caller_limit;
};

struct rate_limit *rate_limit_new(int64_t per_minute, size_t caller_limit)
{
    enum { MINUTE_US = 60 * 1000 * 1000 };
    struct rate_limit *limit = mem_alloc_zero(sizeof(*limit));

    limit->by_key = map_new();
    limit->size = (struct bucket_size){.tokens = per_minute, .refill_us = MINUTE_US};
    limit->caller_limit = caller_limit;
    TAILQ_INIT(&limit->by_age);
    return limit;
}

static struct str key_of(const struct caller_entry *entry)
{
    return str_from(entry->key.bytes, sizeof(entry->key.bytes));
}

static void forget(struct rate_limit *limit, struct caller_entry *entry)
{
    TAILQ_REMOVE(&limit->by_age, entry, entry);
    map_remove(limit->by_key, key_of(entry));
    mem_free(entry);
}

void rate_limit_free(struct rate_limit *limit)
{
    if (!limit)
        return;
    while (!TAILQ_EMPTY(&limit->by_age))
        forget(limit, TAILQ_FIRST(&limit->by_age));
    map_free(limit->by_key);
    mem_free(limit);
}

/* Whose bucket is full again is as good as new. */
static void forget_settled(struct rate_limit *limit, int64_t now_us)
{
    struct caller_entry *oldest;

    while ((oldest = TAILQ_FIRST(&limit->by_age)) != NULL &&
           (bucket_is_full(&oldest->bucket, now_us) ||
            map_count(limit->by_key) >= limit->caller_limit))
        forget(limit, oldest);
}

static struct caller_entry *find_or_add(struct rate_limit *limit, const struct ip *caller,
                                        int64_t now_us)
{
    struct ip key = ip_of_customer(caller);
    struct caller_entry *entry = map_get(limit->by_key, str_from(key.bytes, sizeof(key.bytes)));

    if (entry) {
        TAILQ_REMOVE(&limit->by_age, entry, entry);
    } else {
        forget_settled(limit, now_us);
        entry = mem_alloc_zero(sizeof(*entry));
        entry->key = key;
        map_put(limit->by_key, key_of(entry), entry);
    }
    TAILQ_INSERT_TAIL(&limit->by_age, entry, entry);
    return entry;
}

bool rate_limit_take(struct rate_limit *limit, const struct ip *caller, int64_t cost,
                     int64_t now_mono_ms)
{
    int64_t now_us = now_mono_ms * 1000;
    struct caller_entry *entry = find_or_add(limit, caller, now_us);

    return bucket_take(&entry->bucket, &limit->size, cost, 0, now_us);
}
