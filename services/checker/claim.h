/* One record's work under a lease: until the store has taken what AWS said of it, or has it back.
 *
 * A claim is asked about by a call of its own, or gets its rows from a call that was about several.
 */
#ifndef SERVICES_CHECKER_CLAIM_H
#define SERVICES_CHECKER_CLAIM_H

#include "services/checker/entitlement_call.h"
#include "services/checker/refresh.h"

struct claim;

/* What the claims of one message have in common; it outlives them. */
struct claim_lease {
    const struct refresh_options *options;
    struct refresh_stats *stats;
    enum due_class class;
    enum scope scope;
    int64_t begin_mono_ms;
    int64_t end_mono_ms;      /* unless it is renewed */
    int64_t call_end_mono_ms; /* calls end before the lease does: time to apply */
};

/* The store has decided, or has the work back. */
typedef void claim_done_fn(void *arg, struct claim *claim);

/* work is copied. done is called once, never before claim_new() returns. */
struct claim *claim_new(const struct claim_lease *lease, const struct claimed *work,
                        claim_done_fn *done, void *arg);
void claim_free(struct claim *claim); /* takes NULL; what is under way is cancelled */

/* What GetEntitlements is filtered by; empty: the record has nothing for this scope. */
struct str claim_key(const struct claim *claim);
const struct subscription *claim_subscription(const struct claim *claim);

/* One of these, once. */
void claim_ask(struct claim *claim, bool token_included);
void claim_apply(struct claim *claim, const struct entitlement_result *result,
                 const struct aws_entitlement_list *rows);
void claim_give_back(struct claim *claim, const char *why);

void claim_tell_throttled(const struct claim_lease *lease);

#endif
