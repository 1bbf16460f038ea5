/* Which subscription goes on in which (docs/decisions/0012-whose-renewal.md): what may be inferred,
 * and how what was inferred yields to what AWS and the vendor say, at any later time. */
#ifndef SERVICES_STORE_RULES_SUCCESSION_H
#define SERVICES_STORE_RULES_SUCCESSION_H

#include "services/store/work/books.h"

/* What speaks for a licence of the account being the renewal of one that is not listed any more. */
enum heir {
    HEIR_NONE,     /* another purchase, by what AWS or the vendor said, or by its time */
    HEIR_OPEN,     /* registered, of no tenant yet: whose it is the tenant will tell */
    HEIR_POSSIBLE, /* AWS said nothing */
    HEIR_SAME,     /* the same tenant's */
};

enum heir succession_heir(struct change *change, const struct policy *policy,
                          const struct subscription *predecessor,
                          const struct subscription *successor);

/* Undoes every inferred link of what the change wrote that evidence contradicts by now: AWS lists
 * the predecessor itself, or announced its own end, or the successor is registered by another. What
 * awaits a successor that has ended awaits it no more. */
void succession_settle(struct books *books, struct change *change);

#endif
