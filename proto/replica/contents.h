/* Everything that a replica holds at one time, in memory that goes with it. */
#ifndef PROTO_REPLICA_CONTENTS_H
#define PROTO_REPLICA_CONTENTS_H

#include "proto/replica/collection.h"
#include "proto/replica/pack.h"

struct contents {
    struct words words;
    struct collection subscriptions, overrides;
    struct slabs slabs;
};

struct contents *contents_new(struct epoch *epoch, uint64_t seed);
void contents_free(struct contents *contents); /* no reader may be left */

#endif
