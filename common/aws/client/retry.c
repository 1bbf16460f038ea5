#include "common/aws/client/retry.h"

#include <stdint.h>
#include <strings.h>

#include "common/crypto/crypto.h"

enum { COST_TRANSIENT = 14, COST_THROTTLING = 5 };

int retry_take(int *tokens, enum retry_kind kind)
{
    int cost = kind == RETRY_THROTTLING ? COST_THROTTLING : COST_TRANSIENT;

    if (*tokens < cost)
        return 0;
    *tokens -= cost;
    return cost;
}

void retry_succeeded(int *tokens, int last_cost)
{
    *tokens += last_cost ? last_cost : 1;
    if (*tokens > RETRY_TOKENS)
        *tokens = RETRY_TOKENS;
}

int64_t retry_delay_ms(unsigned retry, enum retry_kind kind, double random, struct str hint)
{
    enum { SCALE_THROTTLING_MS = 1000, SCALE_TRANSIENT_MS = 50, LONGEST_MS = 20000 };
    enum { HINT_EXCESS_MS = 5000 };
    int64_t bound = kind == RETRY_THROTTLING ? SCALE_THROTTLING_MS : SCALE_TRANSIENT_MS;
    int64_t asked;

    for (unsigned i = 1; i < retry && bound < LONGEST_MS; i++)
        bound *= 2;
    if (bound > LONGEST_MS)
        bound = LONGEST_MS;
    int64_t delay = (int64_t)(random * (double)bound);
    if (str_to_i64(hint, &asked) && asked > delay)
        return asked < delay + HINT_EXCESS_MS ? asked : delay + HINT_EXCESS_MS;
    return delay;
}

double retry_random(void)
{
    uint32_t bits;

    crypto_random(&bits, sizeof(bits));
    return (double)bits / (double)UINT32_MAX;
}

unsigned retry_max_attempts(const struct configured *configured)
{
    enum { MOST_ATTEMPTS = 100 };
    const char *mode = configured_text(configured, "AWS_RETRY_MODE", "retry_mode");
    int64_t attempts = STANDARD_ATTEMPTS;

    /* Both are the standard mode here: the legacy one differs in how often it tries. */
    if (mode && strcasecmp(mode, "standard") != 0 && strcasecmp(mode, "legacy") != 0)
        aws_warn(configured->warnings, "AWS_RETRY_MODE '%s' is not known here; standard is used",
                 mode);
    configured_number(configured, "AWS_MAX_ATTEMPTS", "max_attempts", 1, MOST_ATTEMPTS, &attempts);
    return (unsigned)attempts;
}
