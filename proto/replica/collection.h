/* Messages of one kind, packed, each with an id and any number of handles.
 *
 * The writer finds them by id, in order; readers find them by handle. A message is replaced as a
 * whole: under each of its handles a reader finds the old version or the new one.
 */
#ifndef PROTO_REPLICA_COLLECTION_H
#define PROTO_REPLICA_COLLECTION_H

#include "proto/replica/index.h"
#include "proto/replica/order.h"
#include "proto/replica/text.h"
#include "proto/replica/words.h"

struct collection_kind {
    void (*pack)(struct words *words, const void *value, struct buf *out);
    void *(*unpack)(const struct words *words, const unsigned char *packed, struct arena *arena);
    /* Calls `add` with each handle of a message. */
    void (*each_handle)(const void *value, void (*add)(void *arg, struct str handle), void *arg);
};

struct collection {
    const struct collection_kind *kind;
    struct epoch *epoch;
    struct slabs *slabs;
    struct words *words;
    uint64_t seed; /* of the handles' hashes, so that nobody can choose ones that collide */
    struct index by_handle;
    struct order by_id; /* the writer's, as all below */
    struct buf packing;
    struct arena unpacking;
    atomic_size_t count;
};

/* epoch, slabs, words, kind and seed must be set. */
void collection_init(struct collection *collection);
void collection_done(struct collection *collection);

/* The writer's thread. The packed message, or NULL. */
const unsigned char *collection_get(const struct collection *collection, struct str id);
void collection_put(struct collection *collection, struct str id, const void *value);
void collection_remove(struct collection *collection, struct str id);
/* The first with an id behind this one; empty: the first of all. NULL at the end. */
const unsigned char *collection_next(const struct collection *collection, struct str after_id);

/* Readers, within a section: the packed messages under a hash, one after the other, NULL at the
 * end. Hashes may collide, so a message need not have the handle. */
struct index_cursor collection_at(const struct collection *collection, uint32_t hash);
const unsigned char *collection_find(const struct collection *collection,
                                     struct index_cursor *cursor);

#endif
