#include "proto/replica/collection.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "proto/record/record.h"

void collection_init(struct collection *collection, struct epoch *epoch)
{
    collection->epoch = epoch;
    collection->random = 1;
    atomic_init(&collection->count, 0);
    index_init(&collection->by_handle);
}

void collection_done(struct collection *collection)
{
    index_done(&collection->by_handle);
}

/* Where the entry that does not come before `id` hangs, on every level. */
static void find_place(struct collection *collection, struct str id,
                       struct entry **places[ENTRY_HEIGHT_MAX])
{
    struct entry **links = collection->first;

    for (int level = ENTRY_HEIGHT_MAX - 1; level >= 0; level--) {
        while (links[level] && str_compare(links[level]->id, id) < 0)
            links = links[level]->next;
        places[level] = &links[level];
    }
}

/* The first entry that does not come before `id`, or not even equals it. */
static struct entry *seek(const struct collection *collection, struct str id, bool behind)
{
    struct entry *const *links = collection->first;

    for (int level = ENTRY_HEIGHT_MAX - 1; level >= 0; level--) {
        while (links[level] && str_compare(links[level]->id, id) < (behind ? 1 : 0))
            links = links[level]->next;
    }
    return links[0];
}

static struct entry *get_entry(const struct collection *collection, struct str id)
{
    struct entry *entry = seek(collection, id, false);

    return entry && str_eq(entry->id, id) ? entry : NULL;
}

static const void *value_of(const struct entry *entry)
{
    const struct block *block = atomic_load(&entry->block);

    return block ? block->value : NULL;
}

const void *collection_get(const struct collection *collection, struct str id)
{
    const struct entry *entry = get_entry(collection, id);

    return entry ? value_of(entry) : NULL;
}

const void *collection_next(const struct collection *collection, struct str after_id)
{
    const struct entry *entry = seek(collection, after_id, true);

    return entry ? value_of(entry) : NULL;
}

/* Half of the entries reach level 1, a quarter level 2, ... (xorshift64, Marsaglia). */
static int random_height(struct collection *collection)
{
    collection->random ^= collection->random << 13;
    collection->random ^= collection->random >> 7;
    collection->random ^= collection->random << 17;
    int height = 1 + __builtin_ctzll(collection->random);
    return height < ENTRY_HEIGHT_MAX ? height : ENTRY_HEIGHT_MAX;
}

static struct entry *add_entry(struct collection *collection, struct str id)
{
    struct entry **places[ENTRY_HEIGHT_MAX];
    int height = random_height(collection);
    size_t links = (size_t)height * sizeof(struct entry *);
    struct entry *entry = mem_alloc_zero(sizeof(*entry) + links + id.len);
    char *text = (char *)entry->next + links;

    if (id.len > 0)
        memcpy(text, id.ptr, id.len);
    entry->id = str_from(text, id.len);
    entry->height = height;
    find_place(collection, id, places);
    for (int level = 0; level < height; level++) {
        entry->next[level] = *places[level];
        *places[level] = entry;
    }
    atomic_fetch_add(&collection->count, 1);
    return entry;
}

static void remove_entry(struct collection *collection, struct entry *entry)
{
    struct entry **places[ENTRY_HEIGHT_MAX];

    find_place(collection, entry->id, places);
    for (int level = 0; level < entry->height; level++)
        *places[level] = entry->next[level];
    atomic_fetch_sub(&collection->count, 1);
    epoch_retire(collection->epoch, &entry->retired);
}

/* The hashes of a message's handles, sorted, each once. */
struct hashes {
    uint64_t *items;
    size_t count, capacity;
};

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void add_hash(void *arg, struct str handle)
{
    struct hashes *hashes = arg;

    if (handle.len == 0)
        return;
    if (hashes->count == hashes->capacity) {
        hashes->capacity = hashes->capacity ? hashes->capacity * 2 : 8;
        hashes->items = mem_realloc(hashes->items, hashes->capacity * sizeof(hashes->items[0]));
    }
    hashes->items[hashes->count++] = index_hash(handle_key(handle));
}

static struct hashes hashes_of(const struct collection *collection, const void *value)
{
    struct hashes hashes = {NULL, 0, 0};
    size_t unique = 0;

    if (value)
        collection->each_handle(value, add_hash, &hashes);
    if (hashes.count > 1)
        qsort(hashes.items, hashes.count, sizeof(hashes.items[0]), compare_hashes);
    for (size_t i = 0; i < hashes.count; i++) {
        if (unique == 0 || hashes.items[i] != hashes.items[unique - 1])
            hashes.items[unique++] = hashes.items[i];
    }
    hashes.count = unique;
    return hashes;
}

static bool has_hash(const struct hashes *hashes, uint64_t hash)
{
    return hashes->count > 0 && bsearch(&hash, hashes->items, hashes->count,
                                        sizeof(hashes->items[0]), compare_hashes) != NULL;
}

/* New handles lead to the entry before it shows the new version, old ones after: a reader who comes
 * by one in between finds a version that does not have it, and passes on. */
static void replace(struct collection *collection, struct entry *entry, struct block *block)
{
    struct block *old = atomic_load(&entry->block);
    struct hashes before = hashes_of(collection, old ? old->value : NULL);
    struct hashes after = hashes_of(collection, block ? block->value : NULL);

    for (size_t i = 0; i < after.count; i++) {
        if (!has_hash(&before, after.items[i]))
            index_add(&collection->by_handle, collection->epoch, after.items[i], entry);
    }
    atomic_store(&entry->block, block);
    for (size_t i = 0; i < before.count; i++) {
        if (!has_hash(&after, before.items[i]))
            index_remove(&collection->by_handle, collection->epoch, before.items[i], entry);
    }
    if (old)
        epoch_retire(collection->epoch, &old->retired);
    mem_free(before.items);
    mem_free(after.items);
}

void collection_put(struct collection *collection, struct str id, const void *value)
{
    struct entry *entry = get_entry(collection, id);

    if (!entry)
        entry = add_entry(collection, id);
    replace(collection, entry, block_new(collection->shape, value));
}

void collection_remove(struct collection *collection, struct str id)
{
    struct entry *entry = get_entry(collection, id);

    if (!entry)
        return;
    replace(collection, entry, NULL);
    remove_entry(collection, entry);
}

const void *collection_find(const struct collection *collection, struct str handle,
                            const struct index_node **at)
{
    const struct index_node *node =
        *at ? index_next(*at) : index_first(&collection->by_handle, index_hash(handle_key(handle)));

    for (; node; node = index_next(node)) {
        const void *value = value_of(node->entry);
        *at = node;
        if (value)
            return value;
    }
    return NULL;
}
