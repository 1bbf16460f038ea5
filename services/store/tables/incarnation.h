/* Which history the database is of: a copy that goes its own way is another one, and followers take
 * nothing of one for the other's. */
#ifndef SERVICES_STORE_TABLES_INCARNATION_H
#define SERVICES_STORE_TABLES_INCARNATION_H

#include "services/store/disk/change.h"

enum { INCARNATION_SIZE = 33 };

/* Empty: it has none, and is a new store to everybody at its next start. */
void incarnation_read(struct db *db, char ret[INCARNATION_SIZE]);
bool incarnation_has(struct db *db);
bool incarnation_is(struct db *db, struct str incarnation);
/* From the commit of the change on it is another one. */
void incarnation_make(struct change *change);
int incarnation_forget(struct db *db, struct error *error);

#endif
