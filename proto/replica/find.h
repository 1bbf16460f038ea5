/* What a handle leads to, within a reader's section. */
#ifndef PROTO_REPLICA_FIND_H
#define PROTO_REPLICA_FIND_H

#include "common/base/arena.h"
#include "proto/decide/decide.h"
#include "proto/replica/collection.h"

void find_facts(const struct collection *subscriptions, const struct collection *overrides,
                struct str handle, struct arena *arena, struct decide_facts *ret);

#endif
