/* The readers' side of an index. */
#include "proto/replica/index_internal.h"

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

/* Where the hash leads, 0 if nowhere. */
static uint32_t find_ref(const struct index_line *lines, uint32_t hash)
{
    for (size_t line = home_line(hash);; line = (line + 1) % SEGMENT_LINES) {
        uint64_t found = find_in_line(&lines[line], hash);
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
