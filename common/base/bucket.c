#include "common/base/bucket.h"

bool bucket_is_full(const struct bucket *bucket, int64_t now_us)
{
    return bucket->full_at_us <= now_us;
}

bool bucket_take(struct bucket *bucket, const struct bucket_size *size, int64_t cost,
                 int64_t reserve, int64_t now_us)
{
    if (size->tokens <= 0)
        return false;

    bool full = bucket_is_full(bucket, now_us);
    int64_t full_at_us =
        (full ? now_us : bucket->full_at_us) + cost * size->refill_us / size->tokens;
    int64_t reserve_us = reserve * size->refill_us / size->tokens;

    if (!full && full_at_us + reserve_us > now_us + size->refill_us)
        return false;
    bucket->full_at_us = full_at_us;
    return true;
}
