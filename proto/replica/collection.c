#include "proto/replica/collection.h"

#include <stdlib.h>
#include <string.h>

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

uint32_t collection_hash(const struct collection *collection, struct str id)
{
    struct handle handle;

    handle_set(&handle, id, collection->seed);
    return handle.hash;
}

/* By hash: it costs less than by order. */
uint32_t collection_ref(const struct collection *collection, struct str id, uint32_t hash)
{
    struct index_cursor cursor = index_at(&collection->by_handle, hash);
    uint32_t ref;

    while ((ref = index_next(&cursor)) != 0) {
        if (compare_id(slabs_block(collection->slabs, ref), id) == 0)
            break;
    }
    return ref;
}

const unsigned char *collection_packed(const struct collection *collection, uint32_t ref)
{
    return slabs_block(collection->slabs, ref);
}

const unsigned char *collection_next(const struct collection *collection, struct str after_id)
{
    uint32_t ref = order_next(&collection->by_id, after_id);

    return ref ? slabs_block(collection->slabs, ref) : NULL;
}

static int compare_hashes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void widen(struct hashes *hashes)
{
    uint32_t *wider = mem_alloc_array(2 * hashes->room, sizeof(wider[0]));

    memcpy(wider, hashes->items, hashes->count * sizeof(wider[0]));
    if (hashes->items != hashes->few)
        mem_free(hashes->items);
    hashes->items = wider;
    hashes->room *= 2;
}

static void add_hash(void *arg, uint32_t hash)
{
    struct hashes *hashes = arg;

    if (hashes->count == hashes->room)
        widen(hashes);
    hashes->items[hashes->count++] = hash;
}

/* Where the hashes of handles as they are spelt go. */
struct spelt {
    const struct collection *collection;
    struct hashes *hashes;
};

static void add_handle(void *arg, struct str handle)
{
    const struct spelt *spelt = arg;

    if (handle.len > 0)
        add_hash(spelt->hashes, collection_hash(spelt->collection, handle));
}

static void insert(uint32_t *items, size_t count, uint32_t hash)
{
    for (; count > 0 && items[count - 1] > hash; count--)
        items[count] = items[count - 1];
    items[count] = hash;
}

static void sort_hashes(struct hashes *hashes)
{
    size_t unique = 0;

    if (hashes->items != hashes->few)
        qsort(hashes->items, hashes->count, sizeof(hashes->items[0]), compare_hashes);
    else
        for (size_t i = 1; i < hashes->count; i++)
            insert(hashes->items, i, hashes->items[i]);
    for (size_t i = 0; i < hashes->count; i++) {
        if (unique == 0 || hashes->items[i] != hashes->items[unique - 1])
            hashes->items[unique++] = hashes->items[i];
    }
    hashes->count = unique;
}

/* ref 0: none. */
static void hashes_init(struct hashes *hashes, struct collection *collection, uint32_t ref)
{
    const struct collection_kind *kind = collection->kind;

    hashes->items = hashes->few;
    hashes->count = hashes->first = 0;
    hashes->room = sizeof(hashes->few) / sizeof(hashes->few[0]);
    if (ref == 0)
        return;
    const unsigned char *packed = slabs_block(collection->slabs, ref);
    if (!kind->each_hash(packed, collection->seed, add_hash, hashes)) {
        struct spelt spelt = {collection, hashes};
        kind->each_handle(kind->unpack(collection->words, packed, &collection->unpacking),
                          add_handle, &spelt);
        arena_clear(&collection->unpacking);
    }
    if (hashes->count > 0)
        hashes->first = hashes->items[0];
    sort_hashes(hashes);
}

static void hashes_done(struct hashes *hashes)
{
    if (hashes->items != hashes->few)
        mem_free(hashes->items);
}

/* Several lines of the index at once, instead of waiting for one after the other. */
static void prefetch(const struct collection *collection, const struct hashes *hashes)
{
    for (size_t i = 0; i < hashes->count; i++) {
        struct index_cursor cursor = index_at(&collection->by_handle, hashes->items[i]);
        index_prefetch(&cursor);
    }
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

void collection_prepare(struct collection *collection, const void *value,
                        struct prepared *ret_prepared)
{
    ret_prepared->ref = store(collection, value);
    hashes_init(&ret_prepared->hashes, collection, ret_prepared->ref);
    prefetch(collection, &ret_prepared->hashes);
}

void collection_put(struct collection *collection, uint32_t old, struct str id,
                    struct prepared *prepared)
{
    struct hashes before;

    hashes_init(&before, collection, old);
    order_set(&collection->by_id, id, prepared->ref);
    replace(collection, old, prepared->ref, &before, &prepared->hashes);
    hashes_done(&before);
    hashes_done(&prepared->hashes);
    atomic_store(&collection->count, collection->by_id.count);
}

void collection_drop(struct collection *collection, struct prepared *prepared)
{
    slabs_free(collection->slabs, prepared->ref);
    hashes_done(&prepared->hashes);
}

void collection_remove(struct collection *collection, struct str id)
{
    uint32_t old = collection_ref(collection, id, collection_hash(collection, id));
    struct hashes before, after;

    if (!old)
        return;
    hashes_init(&before, collection, old);
    hashes_init(&after, collection, 0);
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
