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
    /* Calls `add` with each handle of a message, the id first. */
    void (*each_handle)(const void *value, void (*add)(void *arg, struct str handle), void *arg);
    /* The same as hashes, straight from the packed message. False: that does not tell them. */
    bool (*each_hash)(const unsigned char *packed, uint64_t seed,
                      void (*add)(void *arg, uint32_t hash), void *arg);
};

struct collection {
    const struct collection_kind *kind;
    struct epoch *epoch;
    struct slabs *slabs;
    struct words *words;
    uint64_t seed; /* of the handles' hashes, so that no peer can choose ones that collide */
    struct index by_handle;
    struct order by_id; /* the writer's, as all below */
    struct buf packing;
    struct arena unpacking;
    atomic_size_t count;
};

/* epoch, slabs, words, kind and seed must be set. */
void collection_init(struct collection *collection);
void collection_done(struct collection *collection);

/* The writer's thread. An id's hash; the message with it, 0 if there is none; and that message. */
uint32_t collection_hash(const struct collection *collection, struct str id);
uint32_t collection_ref(const struct collection *collection, struct str id, uint32_t hash);
const unsigned char *collection_packed(const struct collection *collection, uint32_t ref);

/* The hashes of a message's handles, sorted, each once. */
struct hashes {
    uint32_t *items;
    size_t count, room;
    uint32_t first; /* of those as they were added: the id's */
    uint32_t few[8];
};

/* A message that is packed and not yet there; the memory it goes to has been asked for. It must
 * stay where it is until it is put in place of what collection_ref() finds, or dropped. */
struct prepared {
    uint32_t ref;
    struct hashes hashes;
};

void collection_prepare(struct collection *collection, const void *value,
                        struct prepared *ret_prepared);
void collection_put(struct collection *collection, uint32_t old, struct str id,
                    struct prepared *prepared);
void collection_drop(struct collection *collection, struct prepared *prepared);
void collection_remove(struct collection *collection, struct str id);
/* The first with an id behind this one; empty: the first of all. NULL at the end. */
const unsigned char *collection_next(const struct collection *collection, struct str after_id);

/* Readers, within a section: the packed messages under a hash, one after the other, NULL at the
 * end. Hashes may collide, so a message need not have the handle. */
struct index_cursor collection_at(const struct collection *collection, uint32_t hash);
const unsigned char *collection_find(const struct collection *collection,
                                     struct index_cursor *cursor);

#endif
