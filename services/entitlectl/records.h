/* Subscriptions as the operator sees them: the record, its state now, how each entitlement counts.
 */
#ifndef SERVICES_ENTITLECTL_RECORDS_H
#define SERVICES_ENTITLECTL_RECORDS_H

#include "services/entitlectl/ctl.h"

/* The state depends on the successor's, which is looked up. */
struct holding records_holding(struct ctl *ctl, const struct subscription *record);

/* All about some records: tables, or {"subscriptions": [...]}. */
int records_print(struct ctl *ctl, const struct subscription_list *records, bool with_contact);

#endif
