/* From the hash of a text to entries: a hash table with one writer and readers that never lock.
 *
 * It holds no keys: whoever finds an entry looks whether it is the one that was meant. An entry
 * stands once under a hash.
 */
#ifndef PROTO_REPLICA_INDEX_H
#define PROTO_REPLICA_INDEX_H

#include "common/base/str.h"
#include "proto/replica/epoch.h"

struct entry;

struct index_node {
    struct retired retired;
    uint64_t hash;
    struct entry *entry;
    struct index_node *_Atomic next;
};

struct index {
    struct index_table *_Atomic table;
    size_t count; /* the writer's */
};

uint64_t index_hash(struct str text);

void index_init(struct index *index);
void index_done(struct index *index); /* must be empty */
void index_add(struct index *index, struct epoch *epoch, uint64_t hash, struct entry *entry);
void index_remove(struct index *index, struct epoch *epoch, uint64_t hash,
                  const struct entry *entry);

/* The entries under a hash, one after the other; NULL at the end. */
const struct index_node *index_first(const struct index *index, uint64_t hash);
const struct index_node *index_next(const struct index_node *node);

#endif
