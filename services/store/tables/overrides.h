/* Operators' overrides: few, in a table of their own, published like records. */
#ifndef SERVICES_STORE_TABLES_OVERRIDES_H
#define SERVICES_STORE_TABLES_OVERRIDES_H

#include "services/store/disk/change.h"

/* Gives it an id and a time if it has none; journalled. */
void overrides_put(struct change *change, struct override *override);
bool overrides_get(struct db *db, struct str id, struct arena *arena, struct override *ret);
void overrides_remove(struct change *change, const struct override *override);
/* Whether it may be put beside the others, whose number is bounded by what they take. */
bool overrides_have_room(struct db *db, const struct override *override);
struct override_list overrides_all(struct db *db, struct arena *arena);
/* What was for the subscription `from` is for `to`. */
void overrides_move(struct change *change, struct str from, struct str to);

#endif
