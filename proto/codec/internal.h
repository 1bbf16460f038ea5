/* What the parts of the codec share. */
#ifndef PROTO_CODEC_INTERNAL_H
#define PROTO_CODEC_INTERNAL_H

#include <msgpack.h>

#include "proto/codec/codec.h"

/* A whole message as msgpack-c's objects, which live in the arena. Refuses counts that the bytes
 * cannot hold before msgpack-c allocates for them. */
int codec_unpack(struct str bytes, struct arena *arena, const msgpack_object **ret_object,
                 struct error *error);

struct reader {
    struct arena *arena;
    struct error *error;
    bool strict; /* a required word must be known: parameters, but not what newer peers answer */
};

int codec_read_map(const struct reader *reader, const msgpack_object *object,
                   const struct shape *shape, void *value);
/* Positional fields from an array of `count`, OPTION fields from the options map (NULL: none). */
int codec_read_array(const struct reader *reader, const msgpack_object *items, uint32_t count,
                     const msgpack_object *options, const struct shape *shape, void *value);

/* Text as a view; empty if it is not one. */
struct str codec_object_str(const msgpack_object *object);
const msgpack_object *codec_map_get(const msgpack_object *map,
                                    const char *key); /* NULL if absent */

void codec_packer_init(msgpack_packer *packer, struct buf *out);
void codec_pack_text(msgpack_packer *packer, struct str text);
void codec_pack_map(msgpack_packer *packer, const struct shape *shape, const void *value);
void codec_pack_params(msgpack_packer *packer, const struct shape *shape, const void *value,
                       const struct call_options *options);

/* The member of a struct that a field describes. */
static inline const void *codec_member(const struct field *field, const void *value)
{
    return (const char *)value + field->offset;
}

/* Every list of messages.def has this layout. */
struct any_list {
    char *items;
    size_t count;
};

#endif
