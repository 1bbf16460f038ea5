/* A token bucket: so much at once, and then as fast as it is refilled. */
#ifndef COMMON_BASE_BUCKET_H
#define COMMON_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_size {
    int64_t tokens;    /* that a full one holds; 0: nothing is ever given */
    int64_t refill_us; /* an empty one is full after that long */
};

/* Full when zeroed: few bytes, for one may be kept for each of many callers. */
struct bucket {
    int64_t full_at_us;
};

bool bucket_is_full(const struct bucket *bucket, int64_t now_us);

/* True: the cost is taken, and at least the reserve is left. A full bucket gives also what costs
 * more than it holds, and is then refilled for longer. now_us: of the monotonic clock. */
bool bucket_take(struct bucket *bucket, const struct bucket_size *size, int64_t cost,
                 int64_t reserve, int64_t now_us);

#endif
