#include "common/aws/credentials/refresh.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };
/* From when on with urgency. */
enum { MANDATORY_MS = 10 * MINUTE };

/* From low to high. */
static int64_t between(double random, int64_t low, int64_t high)
{
    return low + (int64_t)(random * (double)(high - low));
}

static int64_t at_most(int64_t ms, int64_t bound_ms)
{
    return ms < bound_ms ? ms : bound_ms;
}

static int64_t half_of(int64_t left_ms)
{
    return left_ms > 2 * SECOND ? left_ms / 2 : SECOND;
}

/* Whether a source that fails may wait: there is time left, or asking has been in vain for long. */
static bool is_calm(const struct refresh *refresh)
{
    enum { MANY = 20 };

    if (!refresh->usable)
        return refresh->failures > MANY;
    return refresh->left_ms > MANDATORY_MS || refresh->left_ms <= 0;
}

static int64_t after_failure(const struct refresh *refresh, double random)
{
    enum { DOUBLINGS = 3, URGENT = 10 * SECOND };
    int64_t bound = URGENT;

    if (is_calm(refresh))
        bound = MINUTE;
    else if (!refresh->usable && refresh->failures <= DOUBLINGS)
        bound = (int64_t)SECOND << (refresh->failures - 1);
    return between(random, bound / 2, bound);
}

/* An instance's credentials are replaced five minutes before they expire at the latest; when that
 * fails, AWS keeps handing out the old ones, and so many instances must not ask at once. */
static int64_t instance_again(int64_t left_ms, double random)
{
    enum { REPLACED_MS = 5 * MINUTE, SPARE_MS = 4 * MINUTE };
    int64_t delay_ms = between(random, 2 * MINUTE, 10 * MINUTE);

    if (left_ms <= 0)
        return delay_ms;
    if (left_ms <= REPLACED_MS)
        return at_most(between(random, MINUTE / 2, MINUTE), half_of(left_ms));
    return at_most(delay_ms, left_ms - SPARE_MS);
}

static bool is_far(const struct refresh *refresh)
{
    return refresh->left_ms > REFRESH_AHEAD_MS + MINUTE;
}

int64_t refresh_delay_ms(const struct refresh *refresh, double random)
{
    if (refresh->never_expires)
        return refresh->failures > 0 && !refresh->usable ? after_failure(refresh, random) : -1;
    if (refresh->failures > 0)
        return after_failure(refresh, random);
    if (is_far(refresh))
        return refresh->left_ms - REFRESH_AHEAD_MS;
    if (refresh->outlives_expiry)
        return instance_again(refresh->left_ms, random);
    /* Short-lived from the start. */
    return half_of(refresh->left_ms);
}

bool refresh_is_ahead(const struct refresh *refresh)
{
    return !refresh->never_expires && refresh->failures == 0 && is_far(refresh);
}
