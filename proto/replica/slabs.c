#include "proto/replica/slabs.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/mem.h"

/* Under AddressSanitizer a free block is poisoned, so that a stale reference is found. Elsewhere
 * the sanitizer's header may not be installed. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum {
    FIRST_CHUNK_SLABS = 16,
    HUGE_PAGE = 2 << 20,
    NONE = 0, /* slab 0 is never given out, so that reference 0 stands for none */
};

/* What the allocator knows of a slab. Slabs are linked by their numbers: chunk * CHUNK_SLABS +
 * place. */
struct slab {
    uint32_t next, prev;  /* with free blocks, of the same class; or wholly free */
    uint16_t live;        /* blocks in use */
    uint16_t fresh;       /* blocks from this one on were never used */
    uint16_t free_blocks; /* a list through the blocks' own memory: number + 1; 0 ends it */
    uint8_t class;
    bool is_open; /* in the list of its class */
};

/* Sizes of blocks, in units. */
static const uint8_t class_units[BLOCK_CLASSES] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128,
};

/* A free block: the first byte is no class, so that a mistake is seen. */
struct free_block {
    unsigned char kind;
    uint16_t next;
};

void slabs_init(struct slabs *slabs)
{
    memset(slabs, 0, sizeof(*slabs));
}

static size_t chunk_slabs(size_t chunk)
{
    size_t slabs = (size_t)FIRST_CHUNK_SLABS << (chunk < 5 ? chunk : 5);

    return slabs < CHUNK_SLABS ? slabs : CHUNK_SLABS;
}

/* Memory of whole huge pages, aligned to them, if it is several: a small copy would take all of one
 * for a part of it. */
static unsigned char *map_chunk(size_t size)
{
    size_t spare = size > HUGE_PAGE ? HUGE_PAGE : 0;
    unsigned char *memory =
        mmap(NULL, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        mem_exhausted();
    if (spare == 0)
        return memory;
    size_t before = -(uintptr_t)memory % HUGE_PAGE;
    if (before > 0)
        munmap(memory, before);
    if (before < spare)
        munmap(memory + before + size, spare - before);
    /* Advice: without huge pages it is slower only. */
    madvise(memory + before, size, MADV_HUGEPAGE);
    return memory + before;
}

static void add_chunk(struct slabs *slabs)
{
    size_t chunk = slabs->chunk_count, count = chunk_slabs(chunk);

    if (chunk == CHUNKS_MAX)
        mem_exhausted();
    slabs->chunks[chunk] = map_chunk(count * SLAB_BYTES);
    slabs->infos[chunk] = mem_alloc_array(count, sizeof(struct slab));
    ASAN_POISON_MEMORY_REGION(slabs->chunks[chunk], count * SLAB_BYTES);
    slabs->chunk_count++;
    slabs->slab_count += count;
    slabs->fresh = chunk == 0 ? 1 : 0;
}

static struct slab *info_of(const struct slabs *slabs, uint32_t number)
{
    return &slabs->infos[number / CHUNK_SLABS][number % CHUNK_SLABS];
}

static uint32_t take_slab(struct slabs *slabs)
{
    uint32_t number = slabs->free_slabs;

    if (number != NONE) {
        slabs->free_slabs = info_of(slabs, number)->next;
        return number;
    }
    if (slabs->chunk_count == 0 || slabs->fresh == chunk_slabs(slabs->chunk_count - 1))
        add_chunk(slabs);
    return (uint32_t)(slabs->chunk_count - 1) * CHUNK_SLABS + slabs->fresh++;
}

static void give_slab(struct slabs *slabs, uint32_t number)
{
    info_of(slabs, number)->next = slabs->free_slabs;
    slabs->free_slabs = number;
}

uint32_t slabs_alloc_slab(struct slabs *slabs)
{
    uint32_t ref = take_slab(slabs) * SLAB_UNITS;
    unsigned char *memory = slabs_at(slabs, ref);

    ASAN_UNPOISON_MEMORY_REGION(memory, SLAB_BYTES);
    memset(memory, 0, SLAB_BYTES);
    return ref;
}

void slabs_free_slab(struct slabs *slabs, uint32_t ref)
{
    ASAN_POISON_MEMORY_REGION(slabs_at(slabs, ref), SLAB_BYTES);
    give_slab(slabs, ref / SLAB_UNITS);
}

static void open_slab(struct slabs *slabs, uint32_t number)
{
    struct slab *slab = info_of(slabs, number);
    uint32_t *first = &slabs->open[slab->class];

    slab->is_open = true;
    slab->prev = NONE;
    slab->next = *first;
    if (*first != NONE)
        info_of(slabs, *first)->prev = number;
    *first = number;
}

static void close_slab(struct slabs *slabs, struct slab *slab)
{
    slab->is_open = false;
    if (slab->next != NONE)
        info_of(slabs, slab->next)->prev = slab->prev;
    if (slab->prev != NONE)
        info_of(slabs, slab->prev)->next = slab->next;
    else
        slabs->open[slab->class] = slab->next;
}

static uint32_t block_ref(uint32_t number, unsigned class, uint32_t block)
{
    return number * SLAB_UNITS + block * class_units[class];
}

static uint32_t take_block(struct slabs *slabs, unsigned class)
{
    uint32_t number = slabs->open[class];
    struct slab *slab = info_of(slabs, number);
    uint32_t capacity = SLAB_UNITS / class_units[class], ref;

    if (slab->free_blocks != 0) {
        ref = block_ref(number, class, slab->free_blocks - 1u);
        struct free_block *block = (struct free_block *)slabs_at(slabs, ref);
        ASAN_UNPOISON_MEMORY_REGION(block, class_units[class] * SLAB_UNIT);
        slab->free_blocks = block->next;
    } else {
        ref = block_ref(number, class, slab->fresh++);
        ASAN_UNPOISON_MEMORY_REGION(slabs_at(slabs, ref), class_units[class] * SLAB_UNIT);
    }
    if (++slab->live == capacity)
        close_slab(slabs, slab);
    return ref;
}

static uint32_t alloc_class(struct slabs *slabs, unsigned class)
{
    if (slabs->open[class] == NONE) {
        uint32_t number = take_slab(slabs);
        *info_of(slabs, number) = (struct slab){.class = (uint8_t) class};
        open_slab(slabs, number);
    }
    uint32_t ref = take_block(slabs, class);
    *slabs_at(slabs, ref) = (unsigned char)class;
    return ref;
}

static uint32_t alloc_large(struct slabs *slabs, size_t size)
{
    uint32_t ref = alloc_class(slabs, 0);
    struct block_elsewhere *block = (struct block_elsewhere *)slabs_at(slabs, ref);
    struct large_block *large = mem_alloc(sizeof(*large) + size);

    large->size = size;
    LIST_INSERT_HEAD(&slabs->large, large, entry);
    slabs->large_bytes += size;
    *block = (struct block_elsewhere){BLOCK_ELSEWHERE, large};
    return ref;
}

static void free_large(struct slabs *slabs, struct large_block *large)
{
    LIST_REMOVE(large, entry);
    slabs->large_bytes -= large->size;
    mem_free(large);
}

uint32_t slabs_alloc(struct slabs *slabs, size_t size)
{
    size_t units = (size + SLAB_UNIT - 1) / SLAB_UNIT;

    for (unsigned class = 0; class < BLOCK_CLASSES; class ++) {
        if (class_units[class] >= units)
            return alloc_class(slabs, class);
    }
    return alloc_large(slabs, size);
}

void slabs_free(struct slabs *slabs, uint32_t ref)
{
    uint32_t number = ref / SLAB_UNITS;
    struct slab *slab = info_of(slabs, number);
    unsigned char *block = slabs_at(slabs, ref);
    uint32_t units = class_units[slab->class];

    if (*block == BLOCK_ELSEWHERE)
        free_large(slabs, ((struct block_elsewhere *)block)->large);
    *(struct free_block *)block = (struct free_block){UINT8_MAX, slab->free_blocks};
    ASAN_POISON_MEMORY_REGION(block, units * SLAB_UNIT);
    slab->free_blocks = (uint16_t)(ref % SLAB_UNITS / units + 1);
    slab->live--;
    if (!slab->is_open)
        open_slab(slabs, number);
    if (slab->live == 0) {
        close_slab(slabs, slab);
        ASAN_POISON_MEMORY_REGION(slabs_at(slabs, number * SLAB_UNITS), SLAB_BYTES);
        give_slab(slabs, number);
    }
}

void slabs_done(struct slabs *slabs)
{
    while (!LIST_EMPTY(&slabs->large))
        free_large(slabs, LIST_FIRST(&slabs->large));
    for (size_t i = 0; i < slabs->chunk_count; i++) {
        ASAN_UNPOISON_MEMORY_REGION(slabs->chunks[i], chunk_slabs(i) * SLAB_BYTES);
        munmap(slabs->chunks[i], chunk_slabs(i) * SLAB_BYTES);
        mem_free(slabs->infos[i]);
    }
}

size_t slabs_bytes(const struct slabs *slabs)
{
    return slabs->slab_count * SLAB_BYTES + slabs->large_bytes +
           slabs->slab_count * sizeof(struct slab);
}
