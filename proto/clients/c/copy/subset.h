/* The handles that a partial copy knows: those that were asked about.
 *
 * The first question about a handle notes it. The worker then asks a checker for its records, and
 * keeps them up to date from the follower's events. Readers see without a lock whether a handle is
 * known.
 *
 * Why nothing is missed: once the fetch of a handle begins, the follower keeps its records. The
 * answer states the commit that it includes at least. It is refused if it lacks commits that the
 * follower had applied before the fetch. Later commits arrive through the follower. If both bring a
 * record, the higher version stays, and a removal that the follower applied meanwhile is final.
 */
#ifndef PROTO_CLIENTS_C_COPY_SUBSET_H
#define PROTO_CLIENTS_C_COPY_SUBSET_H

#include "proto/endpoint/client.h"
#include "proto/replica/follow.h"

struct subset;

/* All but subset_free() under guard_call(). */
struct subset *subset_new(struct replica *records);
void subset_free(struct subset *subset); /* after subset_leave(); takes NULL */

/* Any thread. An answer from the copy is good if its handle is known before and after. */
bool subset_knows(struct subset *subset, struct str handle);
void subset_abort_read(struct subset *subset); /* after memory ran out within subset_knows() */
/* True: the worker has something new to do. */
bool subset_note(struct subset *subset, struct str handle);

/* In the worker's thread, which passes on the follower's events and calls subset_fetch() now and
 * then and after subset_note(). */
bool subset_wants(struct subset *subset, const struct subscription *record);
void subset_forget(struct subset *subset);
void subset_on_change(struct subset *subset, const struct commit_event *event);
void subset_fetch(struct subset *subset, struct rpc_client *source,
                  const struct replica_follow *follow);
/* The source goes away; its open fetches begin anew at the next source. */
void subset_leave(struct subset *subset);

#endif
