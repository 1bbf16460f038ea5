/* The seller account, which published the products.
 *
 * A call signed by another account is answered with nothing, whatever our customers hold. So the
 * account is remembered once an answer proved it, and what another one signed is never applied.
 * When STS cannot be asked, the signer is not known: such answers are applied, but what they do not
 * list proves no end.
 */
#ifndef SERVICES_STORE_TABLES_SELLER_H
#define SERVICES_STORE_TABLES_SELLER_H

#include "services/store/disk/change.h"

/* Empty: not learnt yet. */
struct str seller_account(struct db *db, struct arena *arena);
/* False, with the sentence: it is known to be another one. An empty account is not known. */
bool seller_takes(struct db *db, struct str account, struct error *error);
/* Whether that account is known to be the seller account. An answer that lists something of our
 * products proves it, since AWS lists them to no other account: the first such account is
 * remembered. */
bool seller_proves(struct change *change, struct str account, bool lists_something);
/* At the start: takes it from the settings if none is remembered; one that differs does not count,
 * and is warned about. */
void seller_start(struct change *change, struct str configured);
/* From now on it is this one; journalled under the origin of the change. */
void seller_adopt(struct change *change, struct str account, struct str reason);

#endif
