/* Keys with which registrars sign references and sessions, so that all of them accept each other's:
 * made at the first start and kept in the database. */
#ifndef SERVICES_STORE_SIGNING_KEYS_H
#define SERVICES_STORE_SIGNING_KEYS_H

#include "common/base/arena.h"
#include "proto/message.h"
#include "services/store/db.h"

/* Within a transaction: makes one if there is none. */
void signing_keys_make(struct db *db, int64_t now_s);
/* The newest first. */
void signing_keys_list(struct db *db, struct arena *arena, struct signing_keys_result *ret);

#endif
