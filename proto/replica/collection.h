/* Messages of one kind, each with an id and any number of handles.
 *
 * The writer finds them by id, in order; readers find them by handle. A message is replaced as a
 * whole: a reader sees the old version or the new one under all its handles.
 */
#ifndef PROTO_REPLICA_COLLECTION_H
#define PROTO_REPLICA_COLLECTION_H

#include "proto/replica/block.h"
#include "proto/replica/index.h"

/* Where a message is, whatever its version. */
struct entry {
    struct retired retired;
    struct block *_Atomic block; /* NULL: just removed */
    struct str id;               /* the writer's, as all below */
    int height;
    struct entry *next[]; /* a skip list by id (Pugh); the bytes of the id follow */
};

enum { ENTRY_HEIGHT_MAX = 24 };

struct collection {
    const struct shape *shape;
    /* Calls `add` with each handle of a message. */
    void (*each_handle)(const void *value, void (*add)(void *arg, struct str handle), void *arg);
    struct epoch *epoch;
    struct index by_handle;
    struct entry *first[ENTRY_HEIGHT_MAX];
    uint64_t random;
    atomic_size_t count;
};

void collection_init(struct collection *collection, struct epoch *epoch);
void collection_done(struct collection *collection); /* must be empty */

/* The writer's thread. */
const void *collection_get(const struct collection *collection, struct str id); /* or NULL */
void collection_put(struct collection *collection, struct str id, const void *value);
void collection_remove(struct collection *collection, struct str id);
/* The first with an id behind this one; empty: the first of all. NULL at the end. */
const void *collection_next(const struct collection *collection, struct str after_id);

/* Readers, within a section: the messages under a handle. Start with *at NULL; NULL at the end.
 * Hashes may collide, so the message need not have the handle. */
const void *collection_find(const struct collection *collection, struct str handle,
                            const struct index_node **at);

#endif
