/* Asks AWS: claims due work from the store, calls GetEntitlements, applies the answer.
 *
 * A fixed number of claims is parked at the store; each becomes one call, one answer applied or
 * given back, and the next claim. Nothing is kept here: whatever ends this process, the lease ends
 * too and another checker gets the work.
 */
#ifndef SERVICES_CHECKER_REFRESH_H
#define SERVICES_CHECKER_REFRESH_H

#include <stdint.h>

#include "common/aws/client/aws.h"
#include "proto/endpoint/client.h"

struct refresh;

struct refresh_options {
    struct loop *loop;
    struct aws *aws;
    struct rpc_client *store;
    const char *checker; /* name, for the journal */
    int64_t concurrent_calls;
    int64_t batches_again_ms; /* 0: an hour. Shorter only for tests. */
    int64_t page_patience_ms; /* of sweeps; 0: ten minutes. Shorter only for tests. */
    void (*on_drained)(void *arg);
    void *arg;
};

struct refresh_stats {
    uint64_t applied;   /* whole answers that the store took */
    uint64_t changed;   /* of these, that changed a record */
    uint64_t failed;    /* calls that AWS or a guard failed */
    uint64_t throttled; /* of these, by AWS's throttling */
    uint64_t refused;   /* answers that came after their claim had lapsed, or of another account */
    uint64_t unwelcome; /* claims that the store refused for the account that signs */
    uint64_t swept;     /* products, whole */
    uint64_t calling;   /* now */
};

/* Everything in options outlives it. */
struct refresh *refresh_new(const struct refresh_options *options);
void refresh_free(struct refresh *refresh); /* takes NULL */
/* No new claims; on_drained, perhaps at once, when the last call has been applied. */
void refresh_drain(struct refresh *refresh);
struct refresh_stats refresh_stats(const struct refresh *refresh);

#endif
