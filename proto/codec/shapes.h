/* The encoder and the decoder of each shape of messages.def; internal to codec. */
#ifndef PROTO_CODEC_SHAPES_H
#define PROTO_CODEC_SHAPES_H

#include "proto/codec/read.h"
#include "proto/codec/write.h"

struct coder {
    write_fn *write_map;
    unsigned char *(*write_params)(struct buf *out, unsigned char *at, const void *value,
                                   const struct call_options *options);
    read_fn *read_map;
    /* options may be NULL: then those of a call are passed over. */
    int (*read_params)(struct reader *reader, void *value, struct call_options *options);
};

extern const struct coder coders[SHAPE_COUNT];

static inline const struct coder *coder_of(const struct shape *shape)
{
    return &coders[shape->number];
}

#endif
