/* Applies a whole answer of GetEntitlements: each licence's rows to its own record, made if needed,
 * and what the answer proves about identities and successors. */
#ifndef SERVICES_STORE_RULES_ANSWERS_H
#define SERVICES_STORE_RULES_ANSWERS_H

#include "services/store/tables/ids.h"
#include "services/store/work/books.h"

/* `claimed` is the record of the claim as it is now; `proven`: the seller account asked. Adds the
 * records that changed, a later verification apart. *ret_partial: of what it says about the claimed
 * one something cannot be read. False: it lists more of one subscription than a record holds, and
 * nothing of it was applied. */
bool answers_apply(struct books *books, struct change *change, const struct subscription *claimed,
                   const struct apply_params *params, bool proven, struct ids *changed,
                   bool *ret_partial);

#endif
