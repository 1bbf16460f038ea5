/* msgpack-c's packer, made for our buffer: its template of functions, expanded with `struct buf *`
 * for the user and a put that the compiler can see through. Calling its ready-made packer back for
 * every piece took longer than deciding what to answer. */
#ifndef PROTO_CODEC_PACK_H
#define PROTO_CODEC_PACK_H

#include <limits.h>
#include <msgpack/sysdep.h>
#include <msgpack/timestamp.h>
#include <string.h>

#include "common/base/buf.h"
#include "proto/codec/codec.h"

static inline int pack_put(struct buf *out, const void *bytes, size_t len)
{
    if (out->capacity - out->len <= len)
        buf_reserve(out, len);
    if (len > 0)
        memcpy(out->data + out->len, bytes, len);
    out->len += len;
    out->data[out->len] = '\0';
    return 0;
}

#define msgpack_pack_inline_func(name)                static inline int pack##name
#define msgpack_pack_inline_func_cint(name)           static inline int pack##name
#define msgpack_pack_user                             struct buf *
#define msgpack_pack_append_buffer(out, bytes, count) return pack_put(out, bytes, count)
#include <msgpack/pack_template.h>

static inline void codec_pack_text(struct buf *out, struct str text)
{
    pack_str(out, text.len);
    pack_str_body(out, text.ptr, text.len);
}

void codec_pack_map(struct buf *out, const struct shape *shape, const void *value);
void codec_pack_params(struct buf *out, const struct shape *shape, const void *value,
                       const struct call_options *options);

#endif
