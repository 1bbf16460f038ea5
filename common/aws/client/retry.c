/* The SDKs' standard retry mode, with the costs and delays that AWS announced for 2026 ("Announcing
 * updated retry behavior for AWS SDKs and Tools"): failures are retried quickly, throttling slowly,
 * and a bucket shared by all calls keeps an outage from being answered with a flood. */
#include <stdint.h>
#include <strings.h>

#include "common/aws/internal.h"
#include "common/crypto/crypto.h"

enum { COST_TRANSIENT = 14, COST_THROTTLING = 5 };

bool retry_take(struct aws_call *call, enum retry_kind kind)
{
    int cost = kind == RETRY_THROTTLING ? COST_THROTTLING : COST_TRANSIENT;

    if (call->aws->retry_tokens < cost)
        return false;
    call->aws->retry_tokens -= cost;
    call->retry_cost = cost;
    return true;
}

void retry_succeeded(struct aws_call *call)
{
    int *tokens = &call->aws->retry_tokens;

    *tokens += call->retry_cost ? call->retry_cost : 1;
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

void resolve_retries(struct aws *aws, const struct shared_files *files)
{
    enum { MOST_ATTEMPTS = 100 };
    struct configured from = {aws, files};
    const char *mode = configured_text(&from, "AWS_RETRY_MODE", "retry_mode");
    int64_t attempts = STANDARD_ATTEMPTS;

    /* Both are the standard mode here: the legacy one differs in how often it tries. */
    if (mode && strcasecmp(mode, "standard") != 0 && strcasecmp(mode, "legacy") != 0)
        aws_warn(aws, "AWS_RETRY_MODE '%s' is not known here; taken as standard", mode);
    configured_number(&from, "AWS_MAX_ATTEMPTS", "max_attempts", 1, MOST_ATTEMPTS, &attempts);
    aws->max_attempts = (unsigned)attempts;
}
