#include "proto/replica/index.h"

#include <stdbool.h>

#include "common/base/mem.h"

enum {
    HASH_BITS = 32,
    SEGMENT_LINES = SLAB_BYTES / (int)sizeof(struct index_line),
    SEGMENT_SLOTS = SEGMENT_LINES * LINE_SLOTS,
    /* Fuller ones overflow too often, emptier ones cost too much. */
    SEGMENT_LIMIT = SEGMENT_SLOTS / 5 * 4,
    FIRST_GROUP = 6,
};

/* Was used, and its line was full then: a search for another must look into the next line too. */
#define LEFT     (UINT64_C(1) << HASH_BITS)
#define IS_GROUP (UINT32_C(1) << SLAB_REF_BITS)

/* The writer's view of a segment. */
struct segment {
    struct index_line *lines;
    uint32_t ref;
    unsigned depth;      /* so many highest bits are the same in all its hashes */
    uint32_t used, live; /* slots that are not empty; slots that lead somewhere */
};

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

static uint64_t slot_of(uint32_t hash, uint32_t ref)
{
    return (uint64_t)hash << HASH_BITS | ref;
}

static uint64_t read_slot(const index_slot *slot)
{
    return atomic_load_explicit(slot, memory_order_acquire);
}

static void write_slot(index_slot *slot, uint64_t value)
{
    atomic_store_explicit(slot, value, memory_order_release);
}

static size_t home_line(uint32_t hash)
{
    return hash % SEGMENT_LINES;
}

static size_t entry_of(const struct index_directory *directory, uint32_t hash)
{
    return (size_t)((uint64_t)hash >> (HASH_BITS - directory->depth));
}

static struct index_directory *new_directory(unsigned depth)
{
    size_t count = (size_t)1 << depth;
    struct index_directory *directory =
        mem_alloc(sizeof(*directory) + count * sizeof(directory->lines[0]));

    directory->depth = depth;
    directory->segments = mem_alloc_array(count, sizeof(struct segment *));
    return directory;
}

static struct segment *new_segment(struct index *index, unsigned depth)
{
    struct segment *segment = mem_alloc_zero(sizeof(*segment));

    segment->ref = slabs_alloc_slab(index->slabs);
    segment->lines = (struct index_line *)slabs_at(index->slabs, segment->ref);
    segment->depth = depth;
    return segment;
}

static void set_entry(struct index_directory *directory, size_t entry, struct segment *segment)
{
    directory->segments[entry] = segment;
    atomic_store_explicit(&directory->lines[entry], segment->lines, memory_order_release);
}

static struct index_directory *directory_of(const struct index *index)
{
    return atomic_load_explicit(&index->directory, memory_order_acquire);
}

void index_init(struct index *index, struct slabs *slabs, struct epoch *epoch)
{
    struct index_directory *directory = new_directory(0);

    *index = (struct index){.slabs = slabs, .epoch = epoch};
    set_entry(directory, 0, new_segment(index, 0));
    atomic_init(&index->directory, directory);
}

void index_done(struct index *index)
{
    struct index_directory *directory = directory_of(index);
    size_t count = (size_t)1 << directory->depth;

    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || directory->segments[i] != directory->segments[i + 1])
            mem_free(directory->segments[i]);
    }
    mem_free(directory->segments);
    mem_free(directory);
}

/* The slot of a hash; else the one where it may be put, with *ret_found false. */
static index_slot *find_slot(const struct segment *segment, uint32_t hash, bool *ret_found)
{
    index_slot *room = NULL;

    for (size_t line = home_line(hash);; line = (line + 1) % SEGMENT_LINES) {
        bool was_full = true;
        for (size_t i = 0; i < LINE_SLOTS; i++) {
            index_slot *slot = &segment->lines[line].slots[i];
            uint64_t value = read_slot(slot);
            *ret_found = (uint32_t)(value >> HASH_BITS) == hash && (uint32_t)value != 0;
            if (*ret_found)
                return slot;
            if ((uint32_t)value == 0 && !room)
                room = slot;
            was_full = was_full && value != 0;
        }
        if (!was_full)
            return room;
    }
}

static void fill_slot(struct segment *segment, index_slot *slot, uint64_t value)
{
    segment->used += read_slot(slot) == 0;
    segment->live++;
    write_slot(slot, value);
}

static void put_slot(struct segment *segment, uint64_t value)
{
    bool found;

    fill_slot(segment, find_slot(segment, (uint32_t)(value >> HASH_BITS), &found), value);
}

static void free_slab(void *owner, uint64_t ref)
{
    slabs_free_slab(owner, (uint32_t)ref);
}

static void free_block(void *owner, uint64_t ref)
{
    slabs_free(owner, (uint32_t)ref);
}

static void retire_segment(struct index *index, struct segment *segment)
{
    epoch_retire(index->epoch, free_slab, index->slabs, segment->ref);
    mem_free(segment);
}

static void double_directory(struct index *index)
{
    struct index_directory *old = directory_of(index);
    struct index_directory *directory = new_directory(old->depth + 1);

    for (size_t i = 0; i < (size_t)1 << directory->depth; i++)
        set_entry(directory, i, old->segments[i / 2]);
    atomic_store_explicit(&index->directory, directory, memory_order_release);
    mem_free(old->segments);
    epoch_retire_memory(index->epoch, old);
}

/* Copies what leads somewhere; the hash's bit below the segment's depth chooses the target. */
static void distribute(const struct segment *segment, struct segment *const targets[2])
{
    unsigned shift = HASH_BITS - 1 - segment->depth;

    for (size_t line = 0; line < SEGMENT_LINES; line++) {
        for (size_t i = 0; i < LINE_SLOTS; i++) {
            uint64_t value = read_slot(&segment->lines[line].slots[i]);
            if ((uint32_t)value != 0)
                put_slot(targets[value >> HASH_BITS >> shift & 1], value);
        }
    }
}

/* Everything that led to the segment leads to the first target, or its upper half to the second. */
static void replace_segment(struct index *index, uint32_t hash, struct segment *segment,
                            struct segment *const targets[2])
{
    struct index_directory *directory = directory_of(index);
    size_t width = (size_t)1 << (directory->depth - segment->depth);
    size_t first = entry_of(directory, hash) / width * width;

    distribute(segment, targets);
    for (size_t i = 0; i < width; i++)
        set_entry(directory, first + i, targets[i >= width / 2]);
    retire_segment(index, segment);
}

static void make_room(struct index *index, uint32_t hash)
{
    struct index_directory *directory = directory_of(index);
    struct segment *segment = directory->segments[entry_of(directory, hash)];
    struct segment *targets[2];

    if (segment->live < SEGMENT_LIMIT / 2) {
        targets[0] = targets[1] = new_segment(index, segment->depth);
    } else {
        if (segment->depth == directory->depth)
            double_directory(index);
        targets[0] = new_segment(index, segment->depth + 1);
        targets[1] = new_segment(index, segment->depth + 1);
    }
    replace_segment(index, hash, segment, targets);
}

static struct segment *segment_of(const struct index *index, uint32_t hash)
{
    const struct index_directory *directory = directory_of(index);

    return directory->segments[entry_of(directory, hash)];
}

static struct index_group *group_of(const struct index *index, uint32_t ref)
{
    return (struct index_group *)slabs_block(index->slabs, ref & ~IS_GROUP);
}

/* A new group of those of an old one (or none) and `first` (or 0), with room for more. */
static uint32_t new_group(struct index *index, const struct index_group *old, uint32_t first)
{
    uint32_t capacity = old ? old->live * 2 + 2 : FIRST_GROUP, count = 0;
    uint32_t ref =
        slabs_alloc(index->slabs, sizeof(struct index_group) + capacity * sizeof(old->refs[0]));
    struct index_group *group = group_of(index, ref);

    group->capacity = capacity;
    if (first)
        atomic_init(&group->refs[count++], first);
    for (uint32_t i = 0; old && i < atomic_load(&old->count); i++) {
        if (atomic_load(&old->refs[i]) != 0)
            atomic_init(&group->refs[count++], atomic_load(&old->refs[i]));
    }
    group->live = count;
    atomic_init(&group->count, count);
    return ref | IS_GROUP;
}

/* Sets a slot that led to a group, which goes. */
static void leave_group(struct index *index, index_slot *slot, uint32_t hash, uint32_t ref)
{
    uint32_t group = (uint32_t)read_slot(slot) & ~IS_GROUP;

    write_slot(slot, slot_of(hash, ref));
    epoch_retire(index->epoch, free_block, index->slabs, group);
}

/* The place of a ref in a group that holds it, or of 0 if there is such a place. */
static uint32_t place_in(const struct index_group *group, uint32_t ref)
{
    uint32_t i = 0, count = atomic_load_explicit(&group->count, memory_order_relaxed);

    while (i < count && atomic_load_explicit(&group->refs[i], memory_order_relaxed) != ref)
        i++;
    return i;
}

static void add_to_group(struct index *index, index_slot *slot, uint32_t hash, uint32_t ref)
{
    struct index_group *group = group_of(index, (uint32_t)read_slot(slot));
    uint32_t count = atomic_load(&group->count);

    if (group->live == group->capacity) {
        leave_group(index, slot, hash, new_group(index, group, ref));
        return;
    }
    uint32_t place = group->live < count ? place_in(group, 0) : count;
    atomic_store_explicit(&group->refs[place], ref, memory_order_release);
    if (place == count)
        atomic_store_explicit(&group->count, count + 1, memory_order_release);
    group->live++;
}

static void remove_from_group(struct index *index, index_slot *slot, uint32_t hash, uint32_t ref)
{
    struct index_group *group = group_of(index, (uint32_t)read_slot(slot));

    atomic_store(&group->refs[place_in(group, ref)], 0);
    group->live--;
    if (group->live == 1) {
        uint32_t i = 0;
        while (atomic_load(&group->refs[i]) == 0)
            i++;
        leave_group(index, slot, hash, atomic_load(&group->refs[i]));
    } else if (group->capacity > FIRST_GROUP && group->live < group->capacity / 4) {
        leave_group(index, slot, hash, new_group(index, group, 0));
    }
}

void index_add(struct index *index, uint32_t hash, uint32_t ref)
{
    struct segment *segment = segment_of(index, hash);
    bool found;

    if (segment->used >= SEGMENT_LIMIT) {
        make_room(index, hash);
        index_add(index, hash, ref);
        return;
    }
    index_slot *slot = find_slot(segment, hash, &found);
    uint32_t known = (uint32_t)read_slot(slot);
    if (!found) {
        fill_slot(segment, slot, slot_of(hash, ref));
        index->count++;
    } else if (known & IS_GROUP) {
        add_to_group(index, slot, hash, ref);
    } else {
        uint32_t group = new_group(index, NULL, known);
        write_slot(slot, slot_of(hash, group));
        add_to_group(index, slot, hash, ref);
    }
}

void index_replace(struct index *index, uint32_t hash, uint32_t ref, uint32_t by)
{
    bool found;
    index_slot *slot = find_slot(segment_of(index, hash), hash, &found);
    uint32_t known = (uint32_t)read_slot(slot);

    if (known & IS_GROUP) {
        struct index_group *group = group_of(index, known);
        atomic_store_explicit(&group->refs[place_in(group, ref)], by, memory_order_release);
    } else {
        write_slot(slot, slot_of(hash, by));
    }
}

static bool line_was_full(const struct segment *segment, const index_slot *slot)
{
    const struct index_line *line =
        &segment->lines[(size_t)((const char *)slot - (const char *)segment->lines) /
                        sizeof(struct index_line)];

    for (size_t i = 0; i < LINE_SLOTS; i++) {
        if (read_slot(&line->slots[i]) == 0)
            return false;
    }
    return true;
}

void index_remove(struct index *index, uint32_t hash, uint32_t ref)
{
    struct segment *segment = segment_of(index, hash);
    bool found;
    index_slot *slot = find_slot(segment, hash, &found);

    if ((uint32_t)read_slot(slot) & IS_GROUP) {
        remove_from_group(index, slot, hash, ref);
        return;
    }
    bool was_full = line_was_full(segment, slot);
    write_slot(slot, was_full ? LEFT : 0);
    segment->used -= !was_full;
    segment->live--;
    index->count--;
}

struct index_cursor index_at(const struct index *index, uint32_t hash)
{
    const struct index_directory *directory = directory_of(index);
    const struct index_line *lines =
        atomic_load_explicit(&directory->lines[entry_of(directory, hash)], memory_order_acquire);

    return (struct index_cursor){.index = index, .lines = lines, .hash = hash};
}

void index_prefetch(const struct index_cursor *cursor)
{
    __builtin_prefetch(&cursor->lines[home_line(cursor->hash)]);
}

static uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool has_room(const struct index_line *line)
{
    for (size_t i = 0; i < LINE_SLOTS; i++) {
        if (read_slot(&line->slots[i]) == 0)
            return true;
    }
    return false;
}

/* Where the hash leads, 0 if nowhere. All slots of a line are looked at, and none is a branch:
 * which one it is cannot be predicted, and a wrong guess costs more than they do. Without the hash
 * in its upper half a slot that has it is a reference, others are larger; less one, so is no
 * reference. */
static uint32_t find_ref(const struct index_line *lines, uint32_t hash)
{
    for (size_t line = home_line(hash);; line = (line + 1) % SEGMENT_LINES) {
        uint64_t found = UINT32_MAX;
#pragma GCC unroll 8
        for (size_t i = 0; i < LINE_SLOTS; i++) {
            uint64_t value = read_slot(&lines[line].slots[i]);
            found = smaller_of(found, (value ^ slot_of(hash, 0)) - 1);
        }
        if (found != UINT32_MAX)
            return (uint32_t)found + 1;
        if (has_room(&lines[line]))
            return 0;
    }
}

static uint32_t next_in_group(struct index_cursor *cursor)
{
    const struct index_group *group = cursor->group;
    uint32_t count = atomic_load_explicit(&group->count, memory_order_acquire);

    while (cursor->place < count) {
        uint32_t ref = atomic_load_explicit(&group->refs[cursor->place++], memory_order_acquire);
        if (ref != 0)
            return ref;
    }
    return 0;
}

/* As many as a question is likely to be about. */
static void prefetch_group(const struct index_cursor *cursor)
{
    const struct index_group *group = cursor->group;
    uint32_t count = atomic_load_explicit(&group->count, memory_order_acquire);

    for (uint32_t i = 0; i < count && i < FIRST_GROUP; i++) {
        uint32_t ref = atomic_load_explicit(&group->refs[i], memory_order_acquire);
        if (ref != 0)
            slabs_prefetch(cursor->index->slabs, ref);
    }
}

static void read_line(struct index_cursor *cursor)
{
    uint32_t ref = find_ref(cursor->lines, cursor->hash);

    cursor->lines = NULL;
    if (ref & IS_GROUP)
        cursor->group = group_of(cursor->index, ref);
    else
        cursor->ref = ref;
}

void index_fetch(struct index_cursor *cursor)
{
    if (cursor->lines)
        read_line(cursor);
    if (cursor->group)
        prefetch_group(cursor);
    else if (cursor->ref != 0)
        slabs_prefetch(cursor->index->slabs, cursor->ref);
}

size_t index_breadth(const struct index_cursor *cursor)
{
    return cursor->group ? atomic_load_explicit(&cursor->group->count, memory_order_relaxed) : 0;
}

uint32_t index_next(struct index_cursor *cursor)
{
    if (cursor->lines)
        read_line(cursor);
    if (cursor->group)
        return next_in_group(cursor);
    uint32_t ref = cursor->ref;
    cursor->ref = 0;
    return ref;
}
