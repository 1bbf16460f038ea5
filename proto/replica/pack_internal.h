/* What packing and unpacking agree on. */
#ifndef PROTO_REPLICA_PACK_INTERNAL_H
#define PROTO_REPLICA_PACK_INTERNAL_H

#include <stddef.h>

/* Beside the kind of a value. An integer has four bytes, if they are enough, else eight. */
enum { PACKED_KIND = 0x07, PACKED_TRUE = 0x08, PACKED_EXPIRES = 0x10, PACKED_WIDE = 0x20 };

/* Every list of messages.def has this layout. */
struct any_list {
    char *items;
    size_t count;
};

#endif
