/* What follows from a commit in memory. */
#ifndef SERVICES_STORE_WORK_SETTLE_H
#define SERVICES_STORE_WORK_SETTLE_H

#include "services/store/work/books.h"

/* The seq of the commit, plans for what it touched, claims that ended. */
void settle_commit(struct books *books, struct change *change);

#endif
