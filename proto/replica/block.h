/* A deep copy of a message in one piece of memory, by the table of its shape: immutable, freed at
 * once. */
#ifndef PROTO_REPLICA_BLOCK_H
#define PROTO_REPLICA_BLOCK_H

#include <stddef.h>

#include "proto/message.h"
#include "proto/replica/epoch.h"

struct block {
    struct retired retired;
    _Alignas(max_align_t) char value[]; /* the struct of the shape, then all it points to */
};

struct block *block_new(const struct shape *shape, const void *value);

#endif
