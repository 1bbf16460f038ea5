#include "proto/replica/collection.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "proto/replica/pack.h"

static int compare_id(const unsigned char *packed, struct str id)
{
    return text_compare(packed_id(packed), id);
}

void collection_init(struct collection *collection)
{
    atomic_init(&collection->count, 0);
    index_init(&collection->by_handle, collection->slabs, collection->epoch);
    order_init(&collection->by_id, collection->slabs, compare_id);
}

void collection_done(struct collection *collection)
{
    index_done(&collection->by_handle);
    order_done(&collection->by_id);
    buf_done(&collection->packing);
    arena_done(&collection->unpacking);
}

static uint32_t hash_of(const struct collection *collection, struct str text)
{
    struct handle handle;

    handle_set(&handle, text, collection->seed);
    return handle.hash;
}

/* By hash: it costs less than by order. */
static uint32_t get_ref(const struct collection *collection, struct str id)
{
    struct index_cursor cursor = index_at(&collection->by_handle, hash_of(collection, id));
    uint32_t ref;

    while ((ref = index_next(&cursor)) != 0) {
        if (compare_id(slabs_block(collection->slabs, ref), id) == 0)
            break;
    }
    return ref;
}

const unsigned char *collection_get(const struct collection *collection, struct str id)
{
    uint32_t ref = get_ref(collection, id);

    return ref ? slabs_block(collection->slabs, ref) : NULL;
}

const unsigned char *collection_next(const struct collection *collection, struct str after_id)
{
    uint32_t ref = order_next(&collection->by_id, after_id);

    return ref ? slabs_block(collection->slabs, ref) : NULL;
}

/* The hashes of a message's handles, sorted, each once. */
struct hashes {
    const struct collection *collection;
    uint32_t *items;
    size_t count;
    uint32_t few[8];
};

static int compare_hashes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void count_handle(void *arg, struct str handle)
{
    (void)handle;
    ++*(size_t *)arg;
}

static void add_hash(void *arg, struct str handle)
{
    struct hashes *hashes = arg;

    if (handle.len > 0)
        hashes->items[hashes->count++] = hash_of(hashes->collection, handle);
}

static void sort_hashes(struct hashes *hashes)
{
    size_t unique = 0;

    qsort(hashes->items, hashes->count, sizeof(hashes->items[0]), compare_hashes);
    for (size_t i = 0; i < hashes->count; i++) {
        if (unique == 0 || hashes->items[i] != hashes->items[unique - 1])
            hashes->items[unique++] = hashes->items[i];
    }
    hashes->count = unique;
}

static void hashes_init(struct hashes *hashes, const struct collection *collection,
                        const void *value)
{
    size_t most = 0;

    hashes->collection = collection;
    hashes->items = hashes->few;
    hashes->count = 0;
    if (!value)
        return;
    collection->kind->each_handle(value, count_handle, &most);
    if (most > sizeof(hashes->few) / sizeof(hashes->few[0]))
        hashes->items = mem_alloc_array(most, sizeof(hashes->items[0]));
    collection->kind->each_handle(value, add_hash, hashes);
    sort_hashes(hashes);
}

static void hashes_done(struct hashes *hashes)
{
    if (hashes->items != hashes->few)
        mem_free(hashes->items);
}

static void hashes_of_packed(struct hashes *hashes, struct collection *collection, uint32_t ref)
{
    const unsigned char *packed = ref ? slabs_block(collection->slabs, ref) : NULL;

    hashes_init(hashes, collection,
                packed ? collection->kind->unpack(collection->words, packed, &collection->unpacking)
                       : NULL);
    arena_clear(&collection->unpacking);
}

static bool has_hash(const struct hashes *hashes, uint32_t hash)
{
    return hashes->count > 0 && bsearch(&hash, hashes->items, hashes->count,
                                        sizeof(hashes->items[0]), compare_hashes) != NULL;
}

static void free_block(void *owner, uint64_t ref)
{
    slabs_free(owner, (uint32_t)ref);
}

/* Every handle of the new version leads to it before the old one's others lead nowhere. A reader
 * looks whether what it finds has the handle, so it does not matter which it comes by in between.
 */
static void replace(struct collection *collection, uint32_t old, uint32_t ref,
                    const struct hashes *before, const struct hashes *after)
{
    struct index *index = &collection->by_handle;

    for (size_t i = 0; i < after->count; i++) {
        if (has_hash(before, after->items[i]))
            index_replace(index, after->items[i], old, ref);
        else
            index_add(index, after->items[i], ref);
    }
    for (size_t i = 0; i < before->count; i++) {
        if (!has_hash(after, before->items[i]))
            index_remove(index, before->items[i], old);
    }
    if (old)
        epoch_retire(collection->epoch, free_block, collection->slabs, old);
}

static uint32_t store(struct collection *collection, const void *value)
{
    struct buf *bytes = &collection->packing;

    collection->kind->pack(collection->words, value, bytes);
    uint32_t ref = slabs_alloc(collection->slabs, bytes->len);
    memcpy(slabs_block(collection->slabs, ref) + 1, bytes->data + 1, bytes->len - 1);
    return ref;
}

void collection_put(struct collection *collection, struct str id, const void *value)
{
    uint32_t old = get_ref(collection, id), ref = store(collection, value);
    struct hashes before, after;

    hashes_of_packed(&before, collection, old);
    hashes_init(&after, collection, value);
    order_set(&collection->by_id, id, ref);
    replace(collection, old, ref, &before, &after);
    hashes_done(&before);
    hashes_done(&after);
    atomic_store(&collection->count, collection->by_id.count);
}

void collection_remove(struct collection *collection, struct str id)
{
    uint32_t old = get_ref(collection, id);
    struct hashes before, after;

    if (!old)
        return;
    hashes_of_packed(&before, collection, old);
    hashes_init(&after, collection, NULL);
    order_remove(&collection->by_id, id);
    replace(collection, old, 0, &before, &after);
    hashes_done(&before);
    atomic_store(&collection->count, collection->by_id.count);
}

struct index_cursor collection_at(const struct collection *collection, uint32_t hash)
{
    return index_at(&collection->by_handle, hash);
}

const unsigned char *collection_find(const struct collection *collection,
                                     struct index_cursor *cursor)
{
    uint32_t ref = index_next(cursor);

    return ref ? slabs_block(collection->slabs, ref) : NULL;
}
