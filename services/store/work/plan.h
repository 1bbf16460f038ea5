/* When AWS is asked about each record, planned from its dates and from what is marked. */
#ifndef SERVICES_STORE_WORK_PLAN_H
#define SERVICES_STORE_WORK_PLAN_H

#include "services/store/disk/change.h"
#include "services/store/work/books.h"

struct due_plan plan_of(const struct books *books, const struct subscription *record,
                        const struct stored_due *stored);
/* Begins to plan all due work, that of sweeps at once. */
void plan_anew(struct books *books);
/* Plans that of some more records, for a few milliseconds, so that a store with millions of them
 * serves meanwhile. 1: there are more; 0: all are planned; -1: the database cannot be read. */
int plan_more(struct books *books, struct error *error);
/* What a commit wrote, marked or removed. */
void plan_touched(struct books *books, const struct touched *touched);

#endif
