/* Subscriptions as the operator sees them: the record, its state now, and how each entitlement
 * counts. */
#ifndef SERVICES_ENTITLECTL_VERBS_RECORDS_H
#define SERVICES_ENTITLECTL_VERBS_RECORDS_H

#include "services/entitlectl/command/batch.h"

/* Of --product, if it was given; none is EXIT_REFUSED. */
int records_find(struct ctl *ctl, struct str handle, const struct subscription_list **ret);

/* The same, for a verb that acts on each of them: a handle of one names it. */
int records_choose(struct ctl *ctl, struct str handle, struct batch *batch);

/* The state depends on the successor's, which is looked up. */
struct holding records_holding(struct ctl *ctl, const struct subscription *record);

/* All about some records: tables, or {"subscriptions": [...]}. */
int records_print(struct ctl *ctl, const struct subscription_list *records, bool with_contact);

#endif
