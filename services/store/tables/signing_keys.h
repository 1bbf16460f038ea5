/* Keys with which registrars sign references and sessions, so that all of them accept each other's:
 * made at the first start and kept in the database. */
#ifndef SERVICES_STORE_TABLES_SIGNING_KEYS_H
#define SERVICES_STORE_TABLES_SIGNING_KEYS_H

#include "common/base/arena.h"
#include "proto/message.h"
#include "services/store/disk/change.h"

enum { SIGNING_KEYS_MOST = 8 };

/* Within a transaction: makes one if there is none. */
void signing_keys_make(struct db *db, int64_t now_s);
/* A new one signs from now on. Those before go on to verify, but for the oldest of too many, or all
 * of them if they are revoked. */
void signing_keys_renew(struct change *change, bool revoke, struct signing_key_make_result *ret);
/* The newest first. */
void signing_keys_list(struct db *db, struct arena *arena, struct signing_keys_result *ret);

#endif
