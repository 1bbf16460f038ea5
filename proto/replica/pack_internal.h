/* What packing and unpacking agree on. */
#ifndef PROTO_REPLICA_PACK_INTERNAL_H
#define PROTO_REPLICA_PACK_INTERNAL_H

#include <stddef.h>

#include "proto/field.h"
#include "proto/replica/pack.h"

/* Beside the kind of a value. An integer has as few of 1, 2, 4 or 8 bytes as are enough: the two
 * bits of PACKED_WIDTH are the logarithm. */
enum {
    PACKED_KIND = 0x07,
    PACKED_TRUE = 0x08,
    PACKED_WIDTH_AT = 4,
    PACKED_WIDTH = 3 << PACKED_WIDTH_AT,
    PACKED_EXPIRES = 0x40,
    PACKED_SAME = 0x80, /* expires with the entitlement before it */
};

static inline unsigned packed_width(unsigned flags)
{
    return 1U << ((flags & PACKED_WIDTH) >> PACKED_WIDTH_AT);
}

struct packer {
    struct words *words;
    struct buf *out;
    int64_t near_s; /* other times are told as what they differ from it */
};

/* The value's kind and more flags in one byte, then the value. */
void pack_value(struct buf *out, const struct value *value, unsigned flags);
void pack_texts(struct buf *out, const struct str_list *list);
void pack_fields_of_subscription(const struct packer *packer, const struct subscription *record);
void pack_fields_of_override(const struct packer *packer, const struct override *override);

#endif
