/* The journal's entries, as people see them. */
#ifndef SERVICES_ENTITLECTL_HISTORY_H
#define SERVICES_ENTITLECTL_HISTORY_H

#include "proto/message.h"
#include "services/entitlectl/table.h"

/* TIME, SEQ, SUBSCRIPTION, CAUSE, BY, CHANGE. */
void journal_row(struct table *table, const struct journal_entry *entry);
/* For qsort(). */
int journal_newest_first(const void *a, const void *b);

#endif
