/* The compact form of what a replica keeps: immutable bytes in one block.
 *
 * Head, then the id and the handles as packed texts, then the body. Whatever messages.def declares
 * and this form does not know by name is kept too, by the table of its shape.
 */
#ifndef PROTO_REPLICA_PACK_H
#define PROTO_REPLICA_PACK_H

#include "proto/decide/decide.h"
#include "proto/replica/text.h"
#include "proto/replica/words.h"

struct packed_head {
    unsigned char block; /* the allocator's */
    unsigned char flags;
    uint16_t body; /* of a subscription: where it begins */
};

/* The id stands first in every packed thing. */
static inline const unsigned char *packed_id(const unsigned char *packed)
{
    return packed + sizeof(struct packed_head);
}

static inline const struct packed_head *packed_head(const unsigned char *packed)
{
    return (const struct packed_head *)packed;
}

/* Which handles there are besides the id, in this order; then the aliases. */
enum {
    PACKED_TENANT = 1 << 0,
    PACKED_ACCOUNT = 1 << 1,
    PACKED_CUSTOMER = 1 << 2,
    PACKED_LICENSE = 1 << 3,
    PACKED_ALIASES = 1 << 4,
    /* An answer rests on more than product, age and one entitlement; or a handle has another
     * spelling than the one it is found by. */
    PACKED_UNUSUAL = 1 << 5,
};

void pack_subscription(struct words *words, const struct subscription *record, struct buf *out);
void unpack_subscription(const struct words *words, const unsigned char *packed,
                         struct arena *arena, struct subscription *ret_record);
int64_t packed_version(const unsigned char *packed);

void pack_override(struct words *words, const struct override *override, struct buf *out);
void unpack_override(const struct words *words, const unsigned char *packed, struct arena *arena,
                     struct override *ret_override);

/* What decide() looks at when it is asked about one dimension of a subscription that is not
 * PACKED_UNUSUAL: the id, the product, the age, and the entitlement of the dimension; if there is
 * none, one of another stands for all. */
struct lean_subscription {
    struct subscription record;
    struct entitlement entitlement;
    char id[TEXT_ID_LEN];
};

/* ret_lean must be zeroed. */
void unpack_lean(const struct words *words, const unsigned char *packed, struct str dimension,
                 struct arena *arena, struct lean_subscription *ret_lean);

/* The same where decide_plain() may do, without a copy but of an id of the store's own kind, to the
 * place given. False: the record is of another product, has no such entitlement, or holds a text in
 * another form. */
bool unpack_plain(const struct words *words, const unsigned char *packed,
                  const struct decide_question *question, char id[TEXT_ID_LEN],
                  struct decide_plain_fact *ret_fact);

#endif
