/* What the parts of the codec share. */
#ifndef PROTO_CODEC_INTERNAL_H
#define PROTO_CODEC_INTERNAL_H

#include "proto/codec/codec.h"
#include "proto/codec/token.h"
#include "proto/field.h"

struct reader {
    struct input input; /* bytes that are one whole object, or part of one */
    struct arena *arena;
    struct error *error;
    bool strict; /* a required word must be known: parameters, but not what newer peers answer */
};

int codec_read_map(struct reader *reader, const struct shape *shape, void *value);
/* Positional fields from an array; a last map holds OPTION fields and those of the call. */
int codec_read_params_array(struct reader *reader, const struct shape *shape, void *value,
                            struct call_options *ret_options);

/* The member of a struct that a field describes. */
static inline const void *codec_member(const struct field *field, const void *value)
{
    return (const char *)value + field->offset;
}

#endif
