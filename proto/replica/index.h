/* From hashes to blocks: a hash table with one writer and readers that never lock.
 *
 * It holds no keys: the reader of a block checks that it is the right one. Extendible hashing
 * (Fagin and others, 1979): segments of one slab each are found by the highest bits of the hash,
 * and one that is full is split in two, so that growing never stops the writer for long. Within a
 * segment the lowest bits choose a cache line; a full line overflows into the next one. Blocks
 * whose hashes are equal stand in a group.
 */
#ifndef PROTO_REPLICA_INDEX_H
#define PROTO_REPLICA_INDEX_H

#include <stdatomic.h>

#include "proto/replica/epoch.h"
#include "proto/replica/slabs.h"

enum { LINE_SLOTS = 8 };

/* A hash, and in the lower half where it leads: 0 nowhere, never used. */
typedef atomic_uint_fast64_t index_slot;

struct index_line {
    index_slot slots[LINE_SLOTS];
};

struct index {
    struct slabs *slabs;
    struct epoch *epoch;
    struct index_directory *_Atomic directory;
    size_t count; /* slots in use; the writer's */
};

void index_init(struct index *index, struct slabs *slabs, struct epoch *epoch);
void index_done(struct index *index); /* after the slabs' readers */

/* The writer's thread. A block stands under a hash as often as it was added. */
void index_add(struct index *index, uint32_t hash, uint32_t ref);
void index_replace(struct index *index, uint32_t hash, uint32_t ref, uint32_t by);
void index_remove(struct index *index, uint32_t hash, uint32_t ref);

/* The blocks under a hash: index_next() until it returns 0. */
struct index_cursor {
    const struct index *index;
    const struct index_line *lines; /* NULL: looked at */
    const struct index_group *group;
    uint32_t hash;
    uint32_t ref;   /* without a group: what is left of it, one block or 0 */
    uint32_t place; /* in the group */
};

struct index_cursor index_at(const struct index *index, uint32_t hash);
/* Asks for the memory that index_fetch() reads. */
void index_prefetch(const struct index_cursor *cursor);
/* Asks for the memory of the first blocks; index_next() reads no other but a group's. */
void index_fetch(struct index_cursor *cursor);
uint32_t index_next(struct index_cursor *cursor);
/* After index_fetch(): about how many blocks there are, one that is alone not counted. */
size_t index_breadth(const struct index_cursor *cursor);
/* After index_fetch(), before index_next(): the only block under the hash; 0: none, or several. */
static inline uint32_t index_only(const struct index_cursor *cursor)
{
    return cursor->ref;
}

#endif
