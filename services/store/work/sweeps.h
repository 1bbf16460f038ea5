/* The sweeps of products as due work: when each is due, and what the last one found.
 *
 * A product's sweep stands among the due work under an id of its own, beside the subscriptions, so
 * that claims, leases, failures and waits are the same for both.
 */
#ifndef SERVICES_STORE_WORK_SWEEPS_H
#define SERVICES_STORE_WORK_SWEEPS_H

#include "services/store/work/books.h"

bool sweeps_is_id(struct str id);
struct str sweeps_id(struct arena *arena, struct str product_code);
struct str sweeps_product(struct str id);
/* What stands for the record of a subscription where one is expected: id and product. */
struct subscription sweeps_record(struct str id);

/* The ids of the products of the settings. */
struct str_list sweeps_all(const struct books *books, struct arena *arena);

void sweeps_plan(struct books *books, struct str id);
void sweeps_load(struct books *books); /* plans one for each product of the settings */

struct sweep_state sweeps_state(struct db *db, struct str product_code, struct arena *arena);
/* A whole sweep was compared: its claim ends, the next is due an interval after its begin. */
void sweeps_done(struct change *change, struct str id, int64_t fence,
                 const struct sweep_state *outcome);

#endif
