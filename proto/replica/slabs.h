/* Memory for records: blocks named by 32-bit references, carved out of slabs of one size each.
 *
 * Slabs come from the system in chunks that double, from 4 MiB up in huge pages. An empty slab
 * serves any size again; nothing goes back to the system before the end. One thread allocates and
 * frees; any may look at a block whose reference it was given.
 */
#ifndef PROTO_REPLICA_SLABS_H
#define PROTO_REPLICA_SLABS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    SLAB_UNIT = 32, /* blocks are whole units; a reference counts them */
    SLAB_UNITS = 2048,
    SLAB_BYTES = SLAB_UNIT * SLAB_UNITS,
    CHUNK_UNITS_LOG = 20,
    CHUNK_UNITS = 1 << CHUNK_UNITS_LOG,
    CHUNK_SLABS = CHUNK_UNITS / SLAB_UNITS,
    CHUNKS_MAX = 2048,
    BLOCK_CLASSES = 23,
};

/* The highest bit of a reference is free for its keeper. */
#define SLAB_REF_BITS 31

struct slabs {
    unsigned char *chunks[CHUNKS_MAX]; /* set before any reference into them is given out */
    struct slab *infos[CHUNKS_MAX];    /* the allocator's, as all below */
    size_t chunk_count, slab_count;
    uint32_t fresh;      /* first slab never used of the last chunk */
    uint32_t free_slabs; /* a list; see slabs.c */
    uint32_t open[BLOCK_CLASSES];
    LIST_HEAD(, large_block) large; /* too large for a slab */
    size_t large_bytes;
};

void slabs_init(struct slabs *slabs);
void slabs_done(struct slabs *slabs); /* frees everything */

/* A block's first byte is the allocator's and must not be written. */
uint32_t slabs_alloc(struct slabs *slabs, size_t size);
void slabs_free(struct slabs *slabs, uint32_t ref);

/* A slab as a whole, SLAB_BYTES, zeroed, all the caller's. */
uint32_t slabs_alloc_slab(struct slabs *slabs);
void slabs_free_slab(struct slabs *slabs, uint32_t ref);

size_t slabs_bytes(const struct slabs *slabs); /* taken from the system */

/* The first byte of a block that stands elsewhere, because it is too large for a slab. */
enum { BLOCK_ELSEWHERE = BLOCK_CLASSES };

struct large_block {
    LIST_ENTRY(large_block) entry;
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct block_elsewhere {
    unsigned char kind;
    struct large_block *large;
};

static inline unsigned char *slabs_at(const struct slabs *slabs, uint32_t ref)
{
    return slabs->chunks[ref >> CHUNK_UNITS_LOG] + (size_t)(ref % CHUNK_UNITS) * SLAB_UNIT;
}

/* Asks for as much of a block as the records of most have. */
static inline void slabs_prefetch(const struct slabs *slabs, uint32_t ref)
{
    enum { PREFETCH_BYTES = 128, STEP = 64 };
    const unsigned char *block = slabs_at(slabs, ref);

    for (int i = 0; i < PREFETCH_BYTES; i += STEP)
        __builtin_prefetch(block + i);
}

static inline unsigned char *slabs_block(const struct slabs *slabs, uint32_t ref)
{
    unsigned char *block = slabs_at(slabs, ref);

    if (__builtin_expect(*block == BLOCK_ELSEWHERE, 0))
        return ((struct block_elsewhere *)block)->large->bytes;
    return block;
}

#endif
