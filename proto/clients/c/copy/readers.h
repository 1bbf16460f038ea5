/* One reader of a replica for each thread that asks, found without a lock.
 *
 * When a thread ends, the next new thread takes over its reader.
 */
#ifndef PROTO_CLIENTS_C_COPY_READERS_H
#define PROTO_CLIENTS_C_COPY_READERS_H

#include "common/base/arena.h"
#include "proto/replica/replica.h"

struct readers;

struct reader_slot {
    struct replica_reader *reader;
    struct arena arena; /* cleared before each use */
};

/* Both under guard_call(). */
struct readers *readers_new(struct replica *replica);
struct reader_slot *readers_get(struct readers *readers);

/* The slot of this thread if it has one already, else NULL. */
struct reader_slot *readers_find(const struct readers *readers);

/* No thread may be reading; threads that have read before may live on. Takes NULL. */
void readers_free(struct readers *readers);

#endif
