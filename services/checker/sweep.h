/* One sweep: everything that AWS lists of a product, page by page, and then its comparison by the
 * store, part by part.
 *
 * Nothing is sent before every page was read: a sweep is whole or it failed. Each page takes a
 * token, which renews the claim's lease too, and so does each part. A page that AWS does not give
 * for the moment does not cost those before it.
 */
#ifndef SERVICES_CHECKER_SWEEP_H
#define SERVICES_CHECKER_SWEEP_H

#include "common/aws/client/aws.h"
#include "proto/endpoint/client.h"

struct sweep;

/* Everything outlives the sweep. */
struct sweep_options {
    struct loop *loop;
    struct aws *aws;
    struct rpc_client *store;
    const struct claim_result *claim; /* of a sweep */
    int64_t page_patience_ms;         /* as for entitlement_ask */
};

struct sweep_result {
    bool whole;
    bool throttled;
    struct error error; /* unless whole */
    unsigned pages;
    int64_t rows, unreadable, verified, differing, unknown, unlisted;
};

typedef void sweep_done_fn(void *arg, const struct sweep_result *result);

/* done is called exactly once, never before this returns, unless cancelled. */
struct sweep *sweep_start(const struct sweep_options *options, sweep_done_fn *done, void *arg);
void sweep_cancel(struct sweep *sweep); /* takes NULL */

#endif
