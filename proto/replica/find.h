/* What a handle leads to, within a reader's section. */
#ifndef PROTO_REPLICA_FIND_H
#define PROTO_REPLICA_FIND_H

#include "proto/decide/decide.h"
#include "proto/replica/contents.h"
#include "proto/replica/replica.h"

void find_facts(const struct contents *contents, struct str handle, struct arena *arena,
                struct decide_facts *ret);

/* What the answer rests on alone, as decide_plain() asks; false: it takes more. */
bool find_plain_fact(const struct replica_lookup *lookup, char id[TEXT_ID_LEN],
                     struct decide_plain_fact *ret);

/* What an answer to one question rests on, unpacked no further than that; false: find it all. */
bool find_lean_facts(struct replica_lookup *lookup, struct arena *arena, struct decide_facts *ret);

#endif
