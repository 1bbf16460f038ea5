#include "proto/replica/index.h"

#include "common/base/mem.h"

enum { FIRST_BUCKETS = 64 };

typedef struct index_node *_Atomic bucket;

struct index_table {
    struct retired retired;
    size_t bucket_count; /* a power of two */
    bucket buckets[];
};

/* FNV-1a, mixed once more at the end because the low bits choose the bucket. */
uint64_t index_hash(struct str text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
    return hash ^ (hash >> 32);
}

static struct index_table *new_table(size_t bucket_count)
{
    struct index_table *table =
        mem_alloc_zero(sizeof(*table) + bucket_count * sizeof(table->buckets[0]));

    table->bucket_count = bucket_count;
    return table;
}

static bucket *bucket_of(struct index_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

void index_init(struct index *index)
{
    index->count = 0;
    atomic_init(&index->table, new_table(FIRST_BUCKETS));
}

void index_done(struct index *index)
{
    mem_free(atomic_load(&index->table));
}

static void push(struct index_table *table, uint64_t hash, struct entry *entry)
{
    struct index_node *node = mem_alloc_zero(sizeof(*node));
    bucket *head = bucket_of(table, hash);

    node->hash = hash;
    node->entry = entry;
    atomic_init(&node->next, atomic_load(head));
    atomic_store(head, node);
}

/* Readers in the old table finish there, hence new nodes. */
static void grow(struct index *index, struct epoch *epoch)
{
    struct index_table *old = atomic_load(&index->table);
    struct index_table *table = new_table(old->bucket_count * 2);

    for (size_t i = 0; i < old->bucket_count; i++) {
        for (struct index_node *node = atomic_load(&old->buckets[i]); node;
             node = atomic_load(&node->next))
            push(table, node->hash, node->entry);
    }
    atomic_store(&index->table, table);
    for (size_t i = 0; i < old->bucket_count; i++) {
        for (struct index_node *node = atomic_load(&old->buckets[i]), *next; node; node = next) {
            next = atomic_load(&node->next);
            epoch_retire(epoch, &node->retired);
        }
    }
    epoch_retire(epoch, &old->retired);
}

void index_add(struct index *index, struct epoch *epoch, uint64_t hash, struct entry *entry)
{
    if (index->count >= atomic_load(&index->table)->bucket_count)
        grow(index, epoch);
    push(atomic_load(&index->table), hash, entry);
    index->count++;
}

void index_remove(struct index *index, struct epoch *epoch, uint64_t hash,
                  const struct entry *entry)
{
    bucket *at = bucket_of(atomic_load(&index->table), hash);
    struct index_node *node;

    while ((node = atomic_load(at)) != NULL) {
        if (node->hash == hash && node->entry == entry) {
            atomic_store(at, atomic_load(&node->next));
            epoch_retire(epoch, &node->retired);
            index->count--;
            return;
        }
        at = &node->next;
    }
}

static const struct index_node *skip_others(const struct index_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = atomic_load(&node->next);
    return node;
}

const struct index_node *index_first(const struct index *index, uint64_t hash)
{
    struct index_table *table = atomic_load(&index->table);

    return skip_others(atomic_load(bucket_of(table, hash)), hash);
}

const struct index_node *index_next(const struct index_node *node)
{
    return skip_others(atomic_load(&node->next), node->hash);
}
