/* Which handles the copy knows everything of, when it is to know only of those asked about.
 *
 * A handle that is asked about the first time is noted; the worker has a checker tell what it leads
 * to, and from then on keeps up what the follower hears of it. Readers see without a lock whether a
 * handle is known.
 *
 * Why nothing is missed: from the moment a handle is fetched its records are wanted from the
 * follower. The answer says which commit it includes at least. One that does not include all that
 * the follower had applied before the question is refused; later commits came by the follower, and
 * of records that both bring the higher version stays, and a removal that the follower heard
 * meanwhile is final.
 */
#ifndef PROTO_CLIENTS_C_COPY_SUBSET_H
#define PROTO_CLIENTS_C_COPY_SUBSET_H

#include "proto/endpoint/client.h"
#include "proto/replica/follow.h"

struct subset;

/* All under guard_call(), all but subset_free(). */
struct subset *subset_new(struct replica *records);
void subset_free(struct subset *subset); /* after subset_leave(); takes NULL */

/* Any thread. An answer from the copy is good if its handle is known before and after. */
bool subset_knows(struct subset *subset, struct str handle);
void subset_abort_read(struct subset *subset); /* after memory ran out within subset_knows() */
/* True: the worker has something new to do. */
bool subset_note(struct subset *subset, struct str handle);

/* The worker's thread: it passes on what the follower tells, and calls subset_fetch() now and then
 * and after subset_note(). */
bool subset_wants(struct subset *subset, const struct subscription *record);
void subset_forget(struct subset *subset);
void subset_on_change(struct subset *subset, const struct commit_event *event);
void subset_fetch(struct subset *subset, struct rpc_client *source,
                  const struct replica_follow *follow);
/* The source goes away; what was asked of it will be asked of the next. */
void subset_leave(struct subset *subset);

#endif
