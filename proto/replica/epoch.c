#include "proto/replica/epoch.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/mem.h"

enum { BATCH = 256 };

struct retired_batch {
    struct retired_batch *next;
    uint64_t epoch; /* of the last of them */
    size_t count;
    struct retired things[BATCH];
};

static bool membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

void epoch_init(struct epoch *epoch)
{
    *epoch =
        (struct epoch){.system_has_barrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)};
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
    uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);

    atomic_store_explicit(&reader->entered, now, memory_order_release);
    if (epoch->system_has_barrier)
        atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps the order too */
    else
        atomic_thread_fence(memory_order_seq_cst);
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
        uint64_t entered = atomic_load_explicit(&reader->entered, memory_order_acquire);
        if (entered != 0 && entered < oldest)
            oldest = entered;
    }
    pthread_mutex_unlock(&epoch->lock);
    return oldest;
}

/* A thread that does not show as a reader afterwards has yet to look anything up. */
static bool barrier(const struct epoch *epoch)
{
    atomic_thread_fence(memory_order_seq_cst);
    return !epoch->system_has_barrier || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void epoch_reclaim(struct epoch *epoch)
{
    atomic_fetch_add(&epoch->now, 1);
    if (barrier(epoch))
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
