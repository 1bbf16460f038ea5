/* What packing and unpacking agree on. */
#ifndef PROTO_REPLICA_PACK_INTERNAL_H
#define PROTO_REPLICA_PACK_INTERNAL_H

#include <stddef.h>

/* Beside the kind of a value. */
enum { PACKED_KIND = 0x07, PACKED_TRUE = 0x08, PACKED_EXPIRES = 0x10 };

/* Every list of messages.def has this layout. */
struct any_list {
    char *items;
    size_t count;
};

#endif
