/* A copy of the database while it is used, in the order that Berkeley DB's "hot backup" asks for: a
 * checkpoint, the tables' files, then all logs, none of which is removed meanwhile. The copying
 * runs in steps on the thread that writes the files, so that no page is read half written. Recovery
 * of the copy then brings it to where the last log ends.
 *
 * The copy is made as TARGET.partial and is named TARGET once it is proved good.
 */
#ifndef SERVICES_STORE_WORK_BACKUP_H
#define SERVICES_STORE_WORK_BACKUP_H

#include "proto/message.h"
#include "services/store/disk/db.h"

struct backup;

/* target: an absolute path that does not exist. `floor`: what must stay free beside the copy. */
int backup_begin(struct backup **ret, struct db *db, const char *target, int64_t floor,
                 struct error *error);
/* Copies a little more. 1: all is copied; 0: call again; -1: it failed. */
int backup_step(struct backup *backup, struct error *error);
/* Recovers the copy, reads every row of it, proves its journal, and takes the incarnation out, so
 * that a store which starts from it is a new one to everybody. Needs no other thread's data: may
 * run on one of its own. */
int backup_prove(struct backup *backup, int64_t least_seq, struct backup_result *ret,
                 struct error *error);
int backup_name(struct backup *backup, struct error *error);
/* Removes what was not named; the database removes its logs again. Takes NULL. */
void backup_end(struct backup *backup);

#endif
