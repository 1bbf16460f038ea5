/* One whole GetEntitlements: all pages, every attempt under the quota, within a deadline.
 *
 * It is whole or it failed: a page too many, a token that comes again, a page that cannot be read
 * fail the call, and none of its rows are given out. A row that cannot be read is given out as
 * such. A call of many pages may have patience: a page that AWS does not give for the moment is
 * asked for again, at widening intervals, and the pages before it stay.
 */
#ifndef SERVICES_CHECKER_ENTITLEMENT_CALL_H
#define SERVICES_CHECKER_ENTITLEMENT_CALL_H

#include "common/aws/client/aws.h"
#include "proto/endpoint/client.h"

struct entitlement_call;

/* Everything is copied. */
struct entitlement_ask {
    struct aws *aws;
    struct rpc_client *store; /* gives the tokens of the quota */
    struct str product_code;
    enum scope scope;       /* scope_none: the whole product */
    const struct str *keys; /* what it is filtered by; several are asked about together */
    size_t key_count;
    bool first_row_only; /* ends with the first readable row: does the product list anything? */
    enum due_class class;
    bool token_included; /* the first attempt has its token already */
    int64_t deadline_ms; /* over all pages; with a claim, of each */
    unsigned pages_max;  /* 0: as many as one customer may have */
    /* A claim whose lease each token renews, for a call of many pages. */
    struct str claim_id;
    int64_t fence;
    /* How long after a page the next one is asked for, with a claim; 0: its attempts must do. */
    struct loop *loop;
    int64_t page_patience_ms;
};

struct entitlement_result {
    bool whole;
    struct aws_entitlement_list rows;
    size_t unreadable;  /* of the rows */
    int64_t began_at_s; /* the attempt that brought the first page */
    unsigned pages;
    unsigned signed_by; /* which of our credentials signed it, all pages alike */
    /* With a claim: when its lease was renewed last, on the monotonic clock; 0: it was not. */
    int64_t renewed_mono_ms;
    bool throttled;
    bool invalid;       /* AWS refuses the question itself, not the asker */
    struct error error; /* unless whole */
};

/* The rows live until the callback returns. */
typedef void entitlement_done_fn(void *arg, const struct entitlement_result *result);

/* done is called exactly once, never before this returns, unless cancelled. */
struct entitlement_call *entitlement_call_start(const struct entitlement_ask *ask,
                                                entitlement_done_fn *done, void *arg);
void entitlement_call_cancel(struct entitlement_call *call); /* takes NULL */

#endif
