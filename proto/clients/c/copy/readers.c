#include "proto/clients/c/copy/readers.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/mem.h"

/* A slot belongs to its thread and to the list; the last of the two frees it. */
enum slot_state {
    USED,     /* used by a living thread */
    FREE,     /* its thread has ended */
    ORPHANED, /* the list is freed, the thread lives */
};

struct slot {
    struct reader_slot mine;
    struct slot *next;
    atomic_int state;
};

struct readers {
    struct replica *replica;
    pthread_key_t key;
    _Atomic(struct slot *) slots; /* only ever grows */
};

static void on_thread_end(void *arg)
{
    struct slot *slot = arg;
    int state = USED;

    if (!atomic_compare_exchange_strong(&slot->state, &state, FREE))
        mem_free(slot);
}

struct readers *readers_new(struct replica *replica)
{
    struct readers *readers = mem_alloc_zero(sizeof(*readers));

    readers->replica = replica;
    if (pthread_key_create(&readers->key, on_thread_end) != 0) {
        mem_free(readers);
        mem_exhausted();
    }
    return readers;
}

void readers_free(struct readers *readers)
{
    if (!readers)
        return;
    struct slot *own = pthread_getspecific(readers->key);
    if (own)
        atomic_store(&own->state, FREE);
    /* A thread that is ending may still call on_thread_end(). Other threads will not, so their
     * slots are lost; the readers and arenas in them are freed. */
    pthread_key_delete(readers->key);
    for (struct slot *slot = atomic_load(&readers->slots), *next; slot; slot = next) {
        next = slot->next;
        replica_reader_free(slot->mine.reader);
        arena_done(&slot->mine.arena);
        if (atomic_exchange(&slot->state, ORPHANED) == FREE)
            mem_free(slot);
    }
    mem_free(readers);
}

static struct slot *reuse(struct readers *readers)
{
    for (struct slot *slot = atomic_load(&readers->slots); slot; slot = slot->next) {
        int state = FREE;
        if (atomic_compare_exchange_strong(&slot->state, &state, USED))
            return slot;
    }
    return NULL;
}

static struct slot *add_slot(struct readers *readers)
{
    struct slot *slot = mem_alloc_zero(sizeof(*slot));

    slot->mine.reader = replica_reader_new(readers->replica);
    atomic_init(&slot->state, USED);
    slot->next = atomic_load(&readers->slots);
    while (!atomic_compare_exchange_weak(&readers->slots, &slot->next, slot))
        ;
    return slot;
}

struct reader_slot *readers_find(const struct readers *readers)
{
    struct slot *slot = pthread_getspecific(readers->key);

    return slot ? &slot->mine : NULL;
}

struct reader_slot *readers_get(struct readers *readers)
{
    struct reader_slot *own = readers_find(readers);
    struct slot *slot;

    if (own)
        return own;
    slot = reuse(readers);
    if (!slot)
        slot = add_slot(readers);
    if (pthread_setspecific(readers->key, slot) != 0) {
        atomic_store(&slot->state, FREE);
        mem_exhausted();
    }
    return &slot->mine;
}
