/* What each kind of AWS's events does to records, and which subscriptions it makes due. */
#ifndef SERVICES_STORE_RULES_EVENTS_H
#define SERVICES_STORE_RULES_EVENTS_H

#include "services/store/tables/ids.h"
#include "services/store/work/books.h"

/* Applies the event's facts and marks what it is about. Event.outcome is set; event.problem too if
 * it cannot be acted on. Adds the subscriptions marked. */
void events_apply(struct books *books, struct change *change, struct notification *event,
                  struct ids *subscriptions);

#endif
