/* When memory that readers may still look at can be freed, without a lock on their side.
 *
 * A reader notes the epoch in which it entered. The writer takes a thing out of all structures,
 * then retires it with the current epoch; now and then it begins a new epoch and frees what was
 * retired before every epoch that a reader is in.
 *
 * Either the writer must see that a reader has entered, or that reader must see that the thing is
 * gone. That takes a full barrier on both sides, and readers enter far more often than the writer
 * frees: so the writer has the system execute the readers' barrier for them when it needs it
 * (membarrier(2), private expedited). Where the system does not, readers execute their own.
 */
#ifndef PROTO_REPLICA_EPOCH_H
#define PROTO_REPLICA_EPOCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A thing that is out of every structure already, and how it is freed. */
struct retired {
    void (*free)(void *owner, uint64_t thing);
    void *owner;
    uint64_t thing;
};

enum { CACHE_LINE = 64 };

struct epoch_reader {
    struct epoch_reader *next;
    /* Alone in its cache line: each reader writes its own at every question. */
    char before[CACHE_LINE];
    atomic_uint_fast64_t entered; /* 0: outside */
    char after[CACHE_LINE];
};

struct epoch {
    atomic_uint_fast64_t now;
    bool system_has_barrier; /* never changes */
    pthread_mutex_t lock;    /* of the list of readers; not taken by reading */
    struct epoch_reader *readers;
    struct retired_batch *first, *last; /* in the order of their epochs */
};

void epoch_init(struct epoch *epoch);
void epoch_done(struct epoch *epoch); /* frees what waits; no reader may be left */

/* Any thread. */
void epoch_add_reader(struct epoch *epoch, struct epoch_reader *reader);
void epoch_remove_reader(struct epoch *epoch, struct epoch_reader *reader);
void epoch_enter(const struct epoch *epoch, struct epoch_reader *reader);
void epoch_leave(struct epoch_reader *reader);

/* The writer's thread. Freed in batches, when no reader can see it any more. */
void epoch_retire(struct epoch *epoch, void (*free)(void *owner, uint64_t thing), void *owner,
                  uint64_t thing);
void epoch_retire_memory(struct epoch *epoch, void *memory); /* of mem_alloc() */
/* Frees what no reader can see, without waiting for the batch to be full. */
void epoch_reclaim(struct epoch *epoch);

#endif
