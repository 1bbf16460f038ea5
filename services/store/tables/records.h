/* Subscriptions in the database, found by any of their handles. */
#ifndef SERVICES_STORE_TABLES_RECORDS_H
#define SERVICES_STORE_TABLES_RECORDS_H

#include "services/store/disk/change.h"
#include "services/store/disk/indexes.h"

/* By its own id only. */
bool records_get(struct db *db, struct str id, struct arena *arena, struct subscription *ret);
/* By its own id or that of a record merged into it. */
bool records_resolve(struct db *db, struct str id, struct arena *arena, struct subscription *ret);
/* The id under which what happened to `id` is listed now: itself, or the record that it was merged
 * into. Lives in the arena; empty if there is neither. */
struct str records_owner(struct db *db, struct str id, struct arena *arena);
/* All that any handle leads to, in the order of ids; product empty: of any. */
struct subscription_list records_find(struct db *db, struct str handle, struct str product,
                                      struct arena *arena);

/* From the first id after `after`, at most `limit` records and about `bytes` bytes, but one at
 * least. *ret_next is the last id if more follow, else empty. */
struct subscription_list records_page(struct db *db, struct str after, struct str product,
                                      size_t limit, size_t bytes, struct arena *arena,
                                      struct str *ret_next);
/* Likewise of all products, as they are stored, which is how they travel. */
struct str_list records_encoded(struct db *db, struct str after, size_t limit, size_t bytes,
                                struct arena *arena, struct str *ret_next);

extern const struct index_rule records_by_handle;

/* The records behind the id `after`, in order, each gone when visit returns; until it returns
 * false: then there may be more, and this returns true. */
bool records_each(struct db *db, struct str after,
                  bool (*visit)(void *arg, const struct subscription *record), void *arg);

#endif
