/* The messages of the queue, each with what became of it. */
#ifndef SERVICES_STORE_TABLES_NOTIFICATIONS_H
#define SERVICES_STORE_TABLES_NOTIFICATIONS_H

#include "services/store/disk/change.h"
#include "services/store/disk/indexes.h"

/* Whether it came before: the same id, or the same key of AWS's. */
bool notifications_have(struct db *db, const struct notification *message, struct arena *arena);
/* For the next one that is put. */
struct str notifications_new_id(struct change *change);
/* Under its id, listed under its subscriptions. */
void notifications_put(struct change *change, const struct notification *message);

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
