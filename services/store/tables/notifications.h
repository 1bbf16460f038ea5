/* The messages of the queue: each is kept with what became of it; its facts are applied and its
 * subscriptions marked due in the same transaction. A duplicate (the same id, or the same key of
 * AWS's) is recorded as one, and still marks due. */
#ifndef SERVICES_STORE_TABLES_NOTIFICATIONS_H
#define SERVICES_STORE_TABLES_NOTIFICATIONS_H

#include "services/store/disk/indexes.h"
#include "services/store/work/books.h"

/* *ret borrows from the change's arena; it is complete but for the body. */
void notifications_take(struct books *books, struct change *change,
                        const struct notification *message, struct notification *ret);

/* Newest first. 0, or -1 if `before` is not what a page before gave as next. */
int notifications_list(struct db *db, const struct history_params *params, struct arena *arena,
                       struct notifications_result *ret, struct error *error);

/* One, with its body. */
bool notifications_get(struct db *db, struct str id, struct arena *arena, struct notification *ret);

/* What was about `from` is listed under `to`. */
void notifications_move(struct change *change, struct str from, struct str to);

extern const struct index_rule notifications_by_subscription, notifications_by_event;

/* Removes at most `limit` messages older than `before_s`; returns how many. */
size_t notifications_prune(struct change *change, int64_t before_s, size_t limit);

#endif
