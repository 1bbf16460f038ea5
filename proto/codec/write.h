/* What a message is written with.
 *
 * A writer takes the place that it writes to, and gives back the one behind what it wrote: both
 * stay in registers. Before that it has asked for room for all of it. What numbers and lengths look
 * like is msgpack-c's: its template of functions, expanded for such a place. Calling its ready-made
 * packer back for every piece took longer than deciding what to answer.
 */
#ifndef PROTO_CODEC_WRITE_H
#define PROTO_CODEC_WRITE_H

#include <limits.h>
#include <msgpack/sysdep.h>
#include <msgpack/timestamp.h>
#include <string.h>

#include "common/base/buf.h"
#include "proto/codec/codec.h"

/* The heads of a map, an array, a text and bytes take at most as much, and so does a number. */
enum { HEAD_ROOM = 9 };

typedef unsigned char *write_fn(struct buf *out, unsigned char *at, const void *value);

static inline unsigned char *write_begin(struct buf *out, size_t most)
{
    return buf_room(out, most);
}

static inline void write_end(struct buf *out, const unsigned char *at)
{
    buf_grew(out, (size_t)(at - (unsigned char *)out->data) - out->len);
}

/* The place, moved if the buffer had to be; what is written before it counts from now on. */
static inline unsigned char *write_room(struct buf *out, unsigned char *at, size_t most)
{
    if ((size_t)((unsigned char *)out->data + out->capacity - at) > most)
        return at;
    write_end(out, at);
    return write_begin(out, most);
}

static inline int put_piece(unsigned char **at, const void *piece, size_t len)
{
    memcpy(*at, piece, len);
    *at += len;
    return 0;
}

#define msgpack_pack_inline_func(name)               static inline int pack##name
#define msgpack_pack_inline_func_cint(name)          static inline int pack##name
#define msgpack_pack_user                            unsigned char **
#define msgpack_pack_append_buffer(at, piece, count) return put_piece(at, piece, count)
#include <msgpack/pack_template.h>

static inline unsigned char *put_map(unsigned char *at, size_t pairs)
{
    pack_map(&at, pairs);
    return at;
}

static inline unsigned char *put_array(unsigned char *at, size_t items)
{
    pack_array(&at, items);
    return at;
}

unsigned char *put_wide_integer(unsigned char *at, int64_t integer);

/* Most are small, and of most texts the length is. */
static inline unsigned char *put_integer(unsigned char *at, int64_t integer)
{
    if (integer < 0 || integer > SCHAR_MAX)
        return put_wide_integer(at, integer);
    *at++ = (unsigned char)integer;
    return at;
}

static inline unsigned char *put_number(unsigned char *at, double number)
{
    pack_double(&at, number);
    return at;
}

static inline unsigned char *put_nil(unsigned char *at)
{
    pack_nil(&at);
    return at;
}

static inline unsigned char *put_boolean(unsigned char *at, bool boolean)
{
    if (boolean)
        pack_true(&at);
    else
        pack_false(&at);
    return at;
}

unsigned char *put_text(unsigned char *at, struct str text);
unsigned char *put_binary(unsigned char *at, struct str bytes);
unsigned char *put_value(unsigned char *at, const struct value *value);
static inline size_t room_of_value(const struct value *value)
{
    return HEAD_ROOM + (value->kind == VALUE_STRING ? value->string.len : 0);
}

unsigned char *write_texts(struct buf *out, unsigned char *at, const struct str_list *list);
unsigned char *write_encoded(struct buf *out, unsigned char *at, const struct str_list *list);
unsigned char *write_items(struct buf *out, unsigned char *at, const void *items, size_t count,
                           size_t size, write_fn *write);
/* NULL: nil. */
unsigned char *write_item(struct buf *out, unsigned char *at, const void *item, write_fn *write);
/* Those that are given, of which there are `count`. */
size_t call_option_count(const struct call_options *options);
unsigned char *write_call_options(struct buf *out, unsigned char *at,
                                  const struct call_options *options);

#endif
