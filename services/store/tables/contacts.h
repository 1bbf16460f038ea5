/* What buyers typed into the onboarding form: personal, so it is in a table of its own and nowhere
 * else: not in records, feed, snapshot, journal or log. */
#ifndef SERVICES_STORE_TABLES_CONTACTS_H
#define SERVICES_STORE_TABLES_CONTACTS_H

#include "services/store/disk/change.h"

/* No fields: erases, by overwriting before the removal. */
void contacts_put(struct change *change, struct str id, const struct contact_field_list *fields);
void contacts_get(struct db *db, struct str id, struct arena *arena, struct contact_result *ret);
/* To a record that has none; else what `from` had is erased. */
void contacts_move(struct change *change, struct str from, struct str to);

#endif
