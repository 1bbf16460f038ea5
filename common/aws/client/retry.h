/* The SDKs' standard retry mode, with the costs and delays that AWS announced for 2026 ("Announcing
 * updated retry behavior for AWS SDKs and Tools"): failures are retried quickly, throttling slowly,
 * and a bucket shared by all calls keeps an outage from being answered with a flood. */
#ifndef COMMON_AWS_CLIENT_RETRY_H
#define COMMON_AWS_CLIENT_RETRY_H

#include "common/aws/environment/configured.h"
#include "common/base/str.h"

enum retry_kind { RETRY_TRANSIENT, RETRY_THROTTLING };
enum { RETRY_TOKENS = 500, STANDARD_ATTEMPTS = 3 };

/* What the retry costs, taken from the bucket; 0 if it does not hold that much. */
int retry_take(int *tokens, enum retry_kind kind);
/* last_cost: of the call's last retry; 0 if it needed none. */
void retry_succeeded(int *tokens, int last_cost);
/* retry: 1 for the first. hint: x-amz-retry-after, or empty. */
int64_t retry_delay_ms(unsigned retry, enum retry_kind kind, double random, struct str hint);
double retry_random(void);
/* AWS_MAX_ATTEMPTS and AWS_RETRY_MODE. */
unsigned retry_max_attempts(const struct configured *configured);

#endif
