#include "proto/replica/epoch.h"

#include "common/base/mem.h"

enum { BATCH = 256 };

struct retired_batch {
    struct retired_batch *next;
    uint64_t epoch; /* of the last of them */
    size_t count;
    struct retired things[BATCH];
};

void epoch_init(struct epoch *epoch)
{
    *epoch = (struct epoch){0};
    atomic_init(&epoch->now, 1);
    pthread_mutex_init(&epoch->lock, NULL);
}

static void free_batch(struct retired_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->things[i].free(batch->things[i].owner, batch->things[i].thing);
    mem_free(batch);
}

static void free_before(struct epoch *epoch, uint64_t limit)
{
    while (epoch->first && epoch->first->epoch < limit) {
        struct retired_batch *batch = epoch->first;
        epoch->first = batch->next;
        free_batch(batch);
    }
    if (!epoch->first)
        epoch->last = NULL;
}

void epoch_done(struct epoch *epoch)
{
    free_before(epoch, UINT64_MAX);
    pthread_mutex_destroy(&epoch->lock);
}

void epoch_add_reader(struct epoch *epoch, struct epoch_reader *reader)
{
    atomic_init(&reader->entered, 0);
    pthread_mutex_lock(&epoch->lock);
    reader->next = epoch->readers;
    epoch->readers = reader;
    pthread_mutex_unlock(&epoch->lock);
}

void epoch_remove_reader(struct epoch *epoch, struct epoch_reader *reader)
{
    pthread_mutex_lock(&epoch->lock);
    for (struct epoch_reader **at = &epoch->readers; *at; at = &(*at)->next) {
        if (*at == reader) {
            *at = reader->next;
            break;
        }
    }
    pthread_mutex_unlock(&epoch->lock);
}

void epoch_enter(const struct epoch *epoch, struct epoch_reader *reader)
{
    atomic_store(&reader->entered, atomic_load(&epoch->now));
}

void epoch_leave(struct epoch_reader *reader)
{
    atomic_store_explicit(&reader->entered, 0, memory_order_release);
}

static uint64_t oldest_entered(struct epoch *epoch)
{
    uint64_t oldest = UINT64_MAX;

    pthread_mutex_lock(&epoch->lock);
    for (struct epoch_reader *reader = epoch->readers; reader; reader = reader->next) {
        uint64_t entered = atomic_load(&reader->entered);
        if (entered != 0 && entered < oldest)
            oldest = entered;
    }
    pthread_mutex_unlock(&epoch->lock);
    return oldest;
}

void epoch_reclaim(struct epoch *epoch)
{
    atomic_fetch_add(&epoch->now, 1);
    free_before(epoch, oldest_entered(epoch));
}

static struct retired_batch *add_batch(struct epoch *epoch)
{
    struct retired_batch *batch = mem_alloc(sizeof(*batch));

    batch->next = NULL;
    batch->count = 0;
    if (epoch->last)
        epoch->last->next = batch;
    else
        epoch->first = batch;
    return epoch->last = batch;
}

void epoch_retire(struct epoch *epoch, void (*free)(void *owner, uint64_t thing), void *owner,
                  uint64_t thing)
{
    struct retired_batch *batch = epoch->last;

    if (!batch || batch->count == BATCH)
        batch = add_batch(epoch);
    batch->things[batch->count++] = (struct retired){free, owner, thing};
    batch->epoch = atomic_load(&epoch->now);
    if (batch->count == BATCH)
        epoch_reclaim(epoch);
}

static void free_memory(void *owner, uint64_t thing)
{
    (void)owner;
    mem_free((void *)(uintptr_t)thing);
}

void epoch_retire_memory(struct epoch *epoch, void *memory)
{
    epoch_retire(epoch, free_memory, NULL, (uintptr_t)memory);
}
