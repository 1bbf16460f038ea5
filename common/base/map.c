#include "common/base/map.h"

#include <string.h>

#include "common/base/mem.h"

#define uthash_malloc(size)    mem_alloc(size)
#define uthash_free(ptr, size) mem_free(ptr)
#define uthash_fatal(message)  mem_exhausted()
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

struct map {
    struct entry *entries;
};

struct map *map_new(void)
{
    return mem_alloc_zero(sizeof(struct map));
}

void map_free(struct map *map)
{
    struct entry *entry, *next;

    if (!map)
        return;
    HASH_ITER(hh, map->entries, entry, next)
    {
        HASH_DEL(map->entries, entry);
        mem_free(entry);
    }
    mem_free(map);
}

void map_freep(struct map **map)
{
    map_free(*map);
}

static struct entry *find(const struct map *map, struct str key)
{
    struct entry *entry = NULL;
    const char *bytes = key.ptr ? key.ptr : "";

    HASH_FIND(hh, map->entries, bytes, key.len, entry);
    return entry;
}

void *map_get(const struct map *map, struct str key)
{
    struct entry *entry = find(map, key);

    return entry ? entry->value : NULL;
}

void *map_put(struct map *map, struct str key, void *value)
{
    struct entry *entry = find(map, key);

    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    entry = mem_alloc_zero(sizeof(*entry) + key.len + 1);
    if (key.len > 0)
        memcpy(entry->key, key.ptr, key.len);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->entries, entry->key, key.len, entry);
    return NULL;
}

void *map_remove(struct map *map, struct str key)
{
    struct entry *entry = find(map, key);

    if (!entry)
        return NULL;
    void *value = entry->value;
    HASH_DEL(map->entries, entry);
    mem_free(entry);
    return value;
}

size_t map_count(const struct map *map)
{
    return HASH_COUNT(map->entries);
}

void map_each(struct map *map, bool (*visit)(void *arg, struct str key, void *value), void *arg)
{
    struct entry *entry, *next;

    HASH_ITER(hh, map->entries, entry, next)
    {
        if (!visit(arg, str_from(entry->key, entry->hh.keylen), entry->value))
            return;
    }
}
