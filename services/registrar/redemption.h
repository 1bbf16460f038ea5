/* Redeeming a registration token: does the store answer, ResolveCustomer, is the product ours, and
 * the store has taken it in.
 *
 * A redemption is shared by all requests that carry the same token (a buyer who clicks twice), and
 * goes on when they go away: AWS may accept a token once only. AWS's answer is kept then, even if
 * no request waits for it.
 */
#ifndef SERVICES_REGISTRAR_REDEMPTION_H
#define SERVICES_REGISTRAR_REDEMPTION_H

#include "services/registrar/pages.h"
#include "services/registrar/registrar.h"

struct redemption_result {
    /* NULL: it failed, and page says how. */
    const struct subscription *subscription;
    int64_t ticket; /* to wait for the first answer about entitlements; 0: nothing to wait for */
    enum page page;
};

/* Called once for every visit that waits; the visit is out of the list then. */
typedef void redemption_done_fn(struct visit *visit, const struct redemption_result *result);

/* Begins to redeem the token, or joins in. The visit leaves by redemption_leave(). Returns NULL if
 * too many are under way. */
struct redemption *redemption_join(struct registrar *registrar, struct str token, bool free_trial,
                                   struct visit *visit, redemption_done_fn *done);
void redemption_leave(struct visit *visit);
void redemptions_close(struct registrar *registrar); /* gives all up */

#endif
