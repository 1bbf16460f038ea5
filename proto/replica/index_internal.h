/* What the writer and the readers of an index agree on. */
#ifndef PROTO_REPLICA_INDEX_INTERNAL_H
#define PROTO_REPLICA_INDEX_INTERNAL_H

#include <stdbool.h>

#include "proto/replica/index.h"

enum {
    HASH_BITS = 32,
    SEGMENT_LINES = SLAB_BYTES / (int)sizeof(struct index_line),
    FIRST_GROUP = 6,
};

/* Was used, and its line was full then: a search for another must look into the next line too. */
#define LEFT     (UINT64_C(1) << HASH_BITS)
#define IS_GROUP (UINT32_C(1) << SLAB_REF_BITS)

struct segment; /* the writer's view of one */

struct index_directory {
    unsigned depth;
    struct segment **segments; /* the writer's; one for each entry below */
    struct index_line *_Atomic lines[];
};

/* Blocks with the same hash. A place that is given up holds 0; what stands in the others stays
 * there, so that a reader who walks along misses none. */
struct index_group {
    unsigned char kind;
    uint32_t capacity;
    uint32_t live; /* the writer's */
    atomic_uint_least32_t count;
    atomic_uint_least32_t refs[];
};

static inline uint64_t slot_of(uint32_t hash, uint32_t ref)
{
    return (uint64_t)hash << HASH_BITS | ref;
}

static inline uint64_t read_slot(const index_slot *slot)
{
    return atomic_load_explicit(slot, memory_order_acquire);
}

static inline void write_slot(index_slot *slot, uint64_t value)
{
    atomic_store_explicit(slot, value, memory_order_release);
}

static inline size_t home_line(uint32_t hash)
{
    return hash % SEGMENT_LINES;
}

static inline size_t entry_of(const struct index_directory *directory, uint32_t hash)
{
    return (size_t)((uint64_t)hash >> (HASH_BITS - directory->depth));
}

static inline struct index_directory *directory_of(const struct index *index)
{
    return atomic_load_explicit(&index->directory, memory_order_acquire);
}

static inline struct index_group *group_of(const struct index *index, uint32_t ref)
{
    return (struct index_group *)slabs_block(index->slabs, ref & ~IS_GROUP);
}

static inline uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Where the hash leads by a slot of this line, less one; UINT32_MAX: it is not in it. All slots are
 * looked at, and none is a branch: which one it is cannot be predicted, and a wrong guess costs
 * more than they do. Without the hash in its upper half a slot that has it is a reference, others
 * are larger; less one, so is no reference. */
static inline uint64_t find_in_line(const struct index_line *line, uint32_t hash)
{
    uint64_t found = UINT32_MAX;

#pragma GCC unroll 8
    for (size_t i = 0; i < LINE_SLOTS; i++)
        found = smaller_of(found, (read_slot(&line->slots[i]) ^ slot_of(hash, 0)) - 1);
    return found;
}

static inline bool has_room(const struct index_line *line)
{
    for (size_t i = 0; i < LINE_SLOTS; i++) {
        if (read_slot(&line->slots[i]) == 0)
            return true;
    }
    return false;
}

#endif
