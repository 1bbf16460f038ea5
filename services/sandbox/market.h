/* What buyers and sellers do on AWS Marketplace, and what the passing of time does.
 *
 * Each turn changes agreements, keeps what they said before (for answers that lag behind) and sends
 * the notices of the product's generation. */
#ifndef SERVICES_SANDBOX_MARKET_H
#define SERVICES_SANDBOX_MARKET_H

#include "services/sandbox/sandbox.h"

struct order {
    struct product *product;
    struct str account;
    struct grant grant; /* what is bought and until when */
    int64_t pending_s, entitlements_after;
    int64_t expiry_lag_s;
    bool free_trial, auto_renew;
    const struct names *lose;
};

/* An account that holds an active agreement of a listing without concurrent agreements is refused.
 */
int market_buy(struct sandbox *sandbox, const struct order *order, struct agreement **ret,
               struct error *error);
int market_change(struct sandbox *sandbox, struct agreement *agreement, const struct grant *grant,
                  const struct names *lose, struct error *error);

/* A renewal or replacement: the agreement ends as RENEWED or REPLACED and a new one begins. */
struct succession {
    bool replace;
    bool created_first; /* else the end is told first */
    bool keep_license;
    bool with_previous; /* the Created event names its predecessor */
    int64_t pending_s, entitlements_after;
    struct grant grant;
    const struct names *lose;
};
int market_succeed(struct sandbox *sandbox, struct agreement *agreement,
                   const struct succession *succession, struct agreement **ret,
                   struct error *error);

/* status: CANCELLED, EXPIRED or TERMINATED. */
int market_end(struct sandbox *sandbox, struct agreement *agreement, struct str status,
               const struct names *lose, struct error *error);
int market_fail_payment(struct sandbox *sandbox, struct agreement *agreement,
                        const struct names *lose, struct error *error);

/* A fresh registration token, as "Set up your account" gives the buyer. */
struct token *market_token(struct sandbox *sandbox, struct agreement *agreement);

/* Makes happen what is due: entitlements appear, agreements expire or renew. */
void market_settle(struct sandbox *sandbox);
/* GetEntitlements looked for this agreement's entitlements in vain. */
void market_asked(struct sandbox *sandbox, struct agreement *agreement);

#endif
