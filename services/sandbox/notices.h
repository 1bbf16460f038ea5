/* What AWS tells a seller of a change, in the way of the product's generation, on its way into the
 * product's queue. */
#ifndef SERVICES_SANDBOX_NOTICES_H
#define SERVICES_SANDBOX_NOTICES_H

#include "services/sandbox/sandbox.h"

struct notices {
    struct sandbox *sandbox;
    /* What gets lost on the way: "created", "amended", "updated", "ended", "deprovisioned", the
     * legacy actions ("entitlement-updated", "subscribe-success", ...), or "all". */
    const struct names *lose;
};

bool notice_name_is_known(struct str name);

void notice_created(const struct notices *notices, const struct agreement *agreement,
                    bool with_previous);
/* The entitlements can be had now. */
void notice_ready(const struct notices *notices, const struct agreement *agreement);
void notice_changed(const struct notices *notices, const struct agreement *agreement);
void notice_ended(const struct notices *notices, const struct agreement *agreement);
/* The entitlements of an ended agreement are gone. */
void notice_withdrawn(const struct notices *notices, const struct agreement *agreement);
void notice_payment_failed(const struct notices *notices, const struct agreement *agreement);

/* Puts a body into a queue, subject to the faults armed for events. */
void notice_deliver(struct sandbox *sandbox, struct str queue, struct str body);

#endif
