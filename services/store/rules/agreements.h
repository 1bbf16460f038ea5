/* What AWS's agreement and licence events say about agreements, whatever their order.
 *
 * Facts are kept by agreement id and applied to records again whenever one more is known: the same
 * events make the same records in any order. Agreement events name no licence, so their facts wait
 * until a licence event names the agreement.
 */
#ifndef SERVICES_STORE_RULES_AGREEMENTS_H
#define SERVICES_STORE_RULES_AGREEMENTS_H

#include "services/store/tables/ids.h"
#include "services/store/work/books.h"

/* Purchase Agreement Created, Amended, Ended. Adds the subscriptions that it is about; none: it
 * waits. */
void agreements_note(struct change *change, const struct notification *event,
                     struct ids *subscriptions);

/* License Updated, Deprovisioned: joins the record to the agreement, in place and written.
 * False: the record has moved on to a later agreement. */
bool agreements_note_license(struct change *change, const struct notification *event,
                             struct subscription *record, struct ids *subscriptions);

/* What the events say of one renewing the other. */
enum told {
    TOLD_OTHERWISE, /* it renews another, or none */
    TOLD_NOTHING,
    TOLD_ENDS, /* the one was renewed, the other is a renewal: not of which */
    TOLD_BOTH, /* the Created event of the one names the other */
};

enum told agreements_tell(struct change *change, const struct subscription *predecessor,
                          const struct subscription *successor);

#endif
