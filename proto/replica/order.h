/* Blocks in the order of their ids, for snapshots. One thread's own.
 *
 * Sorted leaves of references, and a sorted list of the leaves. Ids that come in order, as a
 * snapshot brings them, fill their leaves.
 */
#ifndef PROTO_REPLICA_ORDER_H
#define PROTO_REPLICA_ORDER_H

#include "common/base/str.h"
#include "proto/replica/slabs.h"

enum { ORDER_LEAF = 254 };

struct order {
    const struct slabs *slabs;
    /* Compares the id of a block with another. */
    int (*compare)(const unsigned char *block, struct str id);
    struct order_leaf **leaves;
    size_t leaf_count, leaf_room;
    size_t count;
};

void order_init(struct order *order, const struct slabs *slabs,
                int (*compare)(const unsigned char *block, struct str id));
void order_done(struct order *order);
uint32_t order_find(const struct order *order, struct str id); /* 0: none */
/* The first behind `id`; 0: none. */
uint32_t order_next(const struct order *order, struct str id);
void order_set(struct order *order, struct str id, uint32_t ref); /* added or replaced */
void order_remove(struct order *order, struct str id);

#endif
