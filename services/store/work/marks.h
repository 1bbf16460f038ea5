/* The durable half of due work: marks, failures, what was applied last. See due.h for the rest. */
#ifndef SERVICES_STORE_WORK_MARKS_H
#define SERVICES_STORE_WORK_MARKS_H

#include "services/store/disk/change.h"
#include "services/store/work/due.h"

/* Zeroes *ret if there is nothing. */
void marks_get(struct db *db, struct str id, struct arena *arena, struct stored_due *ret);

/* What follows from it, without dates. */
struct due_plan marks_plan(const struct stored_due *stored, int64_t now_ms);

/* Marks a subscription due at once and returns the ticket to wait with. While it is claimed, one
 * more call will begin afterwards. */
int64_t marks_mark(struct change *change, struct due *due, struct str id, enum due_class class,
                   struct str reason);

/* The claim's answer was applied. What was marked before the claim began is done; after a
 * notification that changed nothing AWS is asked again, for it promises no consistency. */
void marks_applied(struct change *change, struct str id, int64_t fence, bool changed);
/* The same for a product's sweep, with what it found. */
void marks_swept(struct change *change, struct str id, int64_t fence,
                 const struct sweep_state *outcome);
/* The claim's call failed: not before retry_after_ms from now (0: a widening, jittered delay). */
void marks_failed(struct change *change, struct str id, struct str why, int64_t retry_after_ms);
/* What is due for `from` is due for `to`. */
void marks_move(struct change *change, struct str from, struct str to);

#endif
