/* The journal: every write of a record or an override, and what else matters to security, with its
 * cause, in the order of commits. It is the order of the feed (what changed since a seq) and the
 * audit trail for people; see chain.h for what makes it provable. */
#ifndef SERVICES_STORE_TABLES_JOURNAL_H
#define SERVICES_STORE_TABLES_JOURNAL_H

#include "services/store/disk/change.h"
#include "services/store/disk/indexes.h"

/* Fills seq, index, time, cause, author and trace. An entry without `change` only says that the
 * record was written, one without anything that some were verified: it counts for the feed and is
 * not shown to people. */
void journal_append(struct change *change, const struct journal_entry *entry);
/* What is no change of a record, for the audit: an operator's decision, something refused. Author
 * and cause are the origin's. */
void journal_note(struct change *change, enum audit_event event, struct str text);
/* What `from` went through is henceforth listed under `to`. */
void journal_move(struct change *change, struct str from, struct str to);

int64_t journal_last_seq(struct db *db);

/* Newest first. 0, or -1 if `before` is not what a page before gave as next. */
int journal_list(struct db *db, const struct history_params *params, struct arena *arena,
                 struct journal_result *ret, struct error *error);

/* The entries after `since`, oldest first, until `visit` returns false; false if the journal does
 * not reach back that far. The entry lives until visit returns. */
bool journal_since(struct db *db, int64_t since,
                   bool (*visit)(void *arg, const struct journal_entry *entry), void *arg);

/* Erases author, change and handle of those that are meant, in a part of a few milliseconds; the
 * result lives in the change. -1 if `after` is no place. */
int journal_erase(struct change *change, const struct journal_erase_params *params,
                  struct journal_erase_result *ret, struct error *error);

extern const struct index_rule journal_by_subscription;

/* Removes at most `limit` entries older than `before_s`; returns how many. */
size_t journal_prune(struct change *change, int64_t before_s, size_t limit);

#endif
