#include "services/registrar/rate_limit.h"

#include <sys/queue.h>

#include "common/base/map.h"
#include "common/base/mem.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

struct caller_entry {
    TAILQ_ENTRY(caller_entry) entry;
    struct ip key;
    int64_t paid_until_us; /* what was taken is refilled by then */
};

struct rate_limit {
    struct map *by_key;
    TAILQ_HEAD(caller_entries, caller_entry) by_age; /* last heard at the end */
    int64_t per_minute;
    size_t caller_limit;
};

struct rate_limit *rate_limit_new(int64_t per_minute, size_t caller_limit)
{
    struct rate_limit *limit = mem_alloc_zero(sizeof(*limit));

    limit->by_key = map_new();
    limit->per_minute = per_minute;
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

/* Who owes nothing any more is as good as new. */
static void forget_settled(struct rate_limit *limit, int64_t now_us)
{
    struct caller_entry *oldest;

    while ((oldest = TAILQ_FIRST(&limit->by_age)) != NULL &&
           (oldest->paid_until_us <= now_us || map_count(limit->by_key) >= limit->caller_limit))
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
    int64_t from_us = entry->paid_until_us > now_us ? entry->paid_until_us : now_us;
    int64_t until_us = from_us + cost * MINUTE_US / limit->per_minute;

    /* Who owes nothing may even what costs more than that. */
    if (from_us > now_us && until_us > now_us + MINUTE_US)
        return false;
    entry->paid_until_us = until_us;
    return true;
}
