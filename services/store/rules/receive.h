/* A message of the queue: its facts are applied, its subscriptions marked due, and it is kept with
 * what became of it, all in one transaction. A duplicate (the same id, or the same key of AWS's) is
 * recorded as one, and still marks due. */
#ifndef SERVICES_STORE_RULES_RECEIVE_H
#define SERVICES_STORE_RULES_RECEIVE_H

#include "services/store/work/books.h"

/* *ret borrows from the change's arena; it is complete but for the body. */
void receive_notification(struct books *books, struct change *change,
                          const struct notification *message, struct notification *ret);

#endif
