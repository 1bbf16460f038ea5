/* The journal's entries, as people see them. */
#ifndef SERVICES_ENTITLECTL_VERBS_HISTORY_H
#define SERVICES_ENTITLECTL_VERBS_HISTORY_H

#include "services/entitlectl/command/ctl.h"
#include "services/entitlectl/print/table.h"

/* TIME, SEQ, SUBSCRIPTION, CAUSE, BY, CHANGE. */
void journal_row(struct table *table, const struct journal_entry *entry);
/* For qsort(). */
int journal_newest_first(const void *a, const void *b);

/* The entries about overrides for a customer (any handle of the records, or the one that was
 * typed), newest first, of commits after `after_seq`. Exit code. */
int journal_each_override(struct ctl *ctl, struct str handle,
                          const struct subscription_list *records, int64_t after_seq,
                          void (*visit)(void *arg, const struct journal_entry *entry), void *arg);

#endif
