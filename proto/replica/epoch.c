#include "proto/replica/epoch.h"

#include "common/base/mem.h"

enum { BATCH = 256 };

void epoch_init(struct epoch *epoch)
{
    *epoch = (struct epoch){.next_batch = BATCH};
    atomic_init(&epoch->now, 1);
    pthread_mutex_init(&epoch->lock, NULL);
}

static void free_before(struct epoch *epoch, uint64_t limit)
{
    while (epoch->first && epoch->first->epoch < limit) {
        struct retired *thing = epoch->first;
        epoch->first = thing->next;
        epoch->waiting--;
        mem_free(thing);
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

void epoch_retire(struct epoch *epoch, struct retired *thing)
{
    thing->next = NULL;
    thing->epoch = atomic_load(&epoch->now);
    if (epoch->last)
        epoch->last->next = thing;
    else
        epoch->first = thing;
    epoch->last = thing;
    if (++epoch->waiting < epoch->next_batch)
        return;
    atomic_fetch_add(&epoch->now, 1);
    free_before(epoch, oldest_entered(epoch));
    epoch->next_batch = epoch->waiting + BATCH;
}
