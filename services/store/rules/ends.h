/* Ends that nothing certain explains: how many of a product come at once, which are held, and what
 * an operator decides.
 *
 * The product's latest ones are kept beside the records, in the transactions that confirm them, so
 * that a restart forgets none.
 */
#ifndef SERVICES_STORE_RULES_ENDS_H
#define SERVICES_STORE_RULES_ENDS_H

#include "services/store/tables/ids.h"
#include "services/store/work/books.h"

/* An answer made *after of what was *before. If it confirms an end that only other customers' being
 * listed explains, and there are too many of these, *after is held, and those before it with it,
 * which are written here and added to `changed`. Says so, once per product and window. */
void ends_weigh(struct books *books, struct change *change, const struct subscription *before,
                struct subscription *after, struct ids *changed);

/* Likewise, if it is undecided by it whom a new licence renews, and no event names the agreement
 * that could decide it: says so. */
void ends_weigh_undecided(struct books *books, struct change *change,
                          const struct subscription *before, const struct subscription *after);

#endif
