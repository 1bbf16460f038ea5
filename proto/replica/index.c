/* The writer's side of an index. */
#include "common/base/mem.h"
#include "proto/replica/index_internal.h"

enum {
    SEGMENT_SLOTS = SEGMENT_LINES * LINE_SLOTS,
    /* Fuller ones overflow too often, emptier ones cost too much. */
    SEGMENT_LIMIT = SEGMENT_SLOTS / 5 * 4,
};

/* The writer's view of a segment. */
struct segment {
    struct index_line *lines;
    uint32_t ref;
    unsigned depth;      /* so many highest bits are the same in all its hashes */
    uint32_t used, live; /* slots that are not empty; slots that lead somewhere */
};

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

static index_slot *slot_with(struct index_line *line, uint64_t value)
{
    index_slot *slot = line->slots;

    while (read_slot(slot) != value)
        slot++;
    return slot;
}

/* The first slot of a line that leads nowhere, or NULL. */
static index_slot *free_slot(struct index_line *line)
{
    for (size_t i = 0; i < LINE_SLOTS; i++) {
        if ((uint32_t)read_slot(&line->slots[i]) == 0)
            return &line->slots[i];
    }
    return NULL;
}

/* The slot of a hash; else the one where it may be put, with *ret_found false. */
static index_slot *find_slot(const struct segment *segment, uint32_t hash, bool *ret_found)
{
    index_slot *room = NULL;

    for (size_t number = home_line(hash);; number = (number + 1) % SEGMENT_LINES) {
        struct index_line *line = &segment->lines[number];
        uint64_t found = find_in_line(line, hash);
        *ret_found = found != UINT32_MAX;
        if (*ret_found)
            return slot_with(line, slot_of(hash, (uint32_t)found + 1));
        if (!room)
            room = free_slot(line);
        if (has_room(line))
            return room;
    }
}

/* Where a hash may be put that is not there, in a segment of which nothing was taken away. */
static index_slot *find_room(const struct segment *segment, uint32_t hash)
{
    index_slot *room = NULL;

    for (size_t line = home_line(hash); !room; line = (line + 1) % SEGMENT_LINES)
        room = free_slot(&segment->lines[line]);
    return room;
}

static void fill_slot(struct segment *segment, index_slot *slot, uint64_t value)
{
    segment->used += read_slot(slot) == 0;
    segment->live++;
    write_slot(slot, value);
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
            if ((uint32_t)value == 0)
                continue;
            struct segment *target = targets[value >> HASH_BITS >> shift & 1];
            fill_slot(target, find_room(target, (uint32_t)(value >> HASH_BITS)), value);
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
    size_t at = (size_t)((const char *)slot - (const char *)segment->lines);

    return !has_room(&segment->lines[at / sizeof(struct index_line)]);
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
