/* Texts in few bytes, and handles ready to be looked up.
 *
 * A packed text is a tag and a payload whose length the tag tells. The form follows from the text
 * alone, so two texts are equal exactly if their packed forms are.
 */
#ifndef PROTO_REPLICA_TEXT_H
#define PROTO_REPLICA_TEXT_H

#include <string.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/hash.h"

void text_pack(struct buf *out, struct str text);
/* As text_pack() if the text has a form of fixed size; else false, and nothing was written. */
bool text_pack_fixed(struct buf *out, struct str text);
/* As text_pack(), smaller and slower: for what is not looked up by. Read by the same functions. */
void text_pack_tight(struct buf *out, struct str text);
/* Advances *at behind the packed text. */
struct str text_unpack(const unsigned char **at, struct arena *arena);
const unsigned char *text_end_other(const unsigned char *packed);
/* Compares packed texts as str_compare() does the texts. */
int text_compare(const unsigned char *packed, struct str text);

/* The tag of a licence key that is written as AWS writes them: l- and 32 hexadecimal digits. */
enum { TEXT_LICENSE = 0x80 };
enum { TEXT_SMALL = 16, TEXT_ID_LEN = 18 };
/* Below this the tag is the length of a text that stands as it is; from here on the length stands
 * behind as a number, or follows from the tag. */
enum { TEXT_LONG = 0x7f };

static inline const unsigned char *text_end(const unsigned char *packed)
{
    return *packed < TEXT_LONG ? packed + 1 + *packed : text_end_other(packed);
}

/* Writes the text at `place` if it is a subscription id of the store's own kind, which has
 * TEXT_ID_LEN characters. */
bool text_unpack_id(const unsigned char **at, char place[TEXT_ID_LEN]);

/* The text without a copy, if it stands as it is, and where it ends; else NULL. */
const unsigned char *text_peek(const unsigned char *packed, struct str *ret_text);

/* memcmp() is a call, and what is compared here is short. */
static inline bool bytes_are_equal(const void *a, const void *b, size_t len)
{
    const unsigned char *x = a, *y = b;

    if (len < sizeof(uint32_t))
        return len == 0 || memcmp(x, y, len) == 0;
    if (len < sizeof(uint64_t))
        return hash_read_4(x) == hash_read_4(y) &&
               hash_read_4(x + len - 4) == hash_read_4(y + len - 4);
    for (size_t i = 0; i + 8 < len; i += 8) {
        if (hash_read_8(x + i) != hash_read_8(y + i))
            return false;
    }
    return hash_read_8(x + len - 8) == hash_read_8(y + len - 8);
}

static inline bool texts_are_equal(struct str a, struct str b)
{
    return a.len == b.len && bytes_are_equal(a.ptr, b.ptr, a.len);
}

/* What a question names a customer by: borrows the text. */
struct handle {
    struct str text;
    const unsigned char *payload; /* in `small`, or in the text */
    size_t len;
    uint32_t hash;
    unsigned char tag;
    /* The text is another spelling of what is looked up: a licence's ARN. */
    bool is_spelling;
    unsigned char small[TEXT_SMALL];
};

void handle_set(struct handle *handle, struct str text, uint64_t seed);
/* Whether the packed text is the one that the handle is looked up by. */
bool handle_matches_long(const struct handle *handle, const unsigned char *packed);

static inline bool handle_matches(const struct handle *handle, const unsigned char *packed)
{
    if (*packed != handle->tag)
        return false;
    return handle->tag == TEXT_LONG ? handle_matches_long(handle, packed)
                                    : bytes_are_equal(packed + 1, handle->payload, handle->len);
}

/* The hash of a packed text as handle_set() makes it, were it asked for; advances *at. */
uint32_t text_hash(const unsigned char **at, uint64_t seed);

/* Numbers in as many groups of seven bits as they need (LEB128), small ones first. */
void number_pack(struct buf *out, uint64_t number);
void number_pack_signed(struct buf *out, int64_t number);

static inline uint64_t number_unpack(const unsigned char **at)
{
    uint64_t number = *(*at)++;
    unsigned char byte;
    int shift = 7;

    if (__builtin_expect(number < 0x80, 1))
        return number;
    number &= 0x7f;
    do {
        byte = *(*at)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return number;
}

/* 0, -1, 1, -2, ... stand as 0, 1, 2, 3, ... */
static inline int64_t number_unpack_signed(const unsigned char **at)
{
    uint64_t number = number_unpack(at);

    return (int64_t)(number >> 1 ^ -(number & 1));
}

/* Times near ours, and versions, in four bytes; any other number in twelve. */
void narrow_pack(struct buf *out, int64_t number);

static inline int64_t narrow_unpack(const unsigned char **at)
{
    uint32_t near;
    int64_t far;

    memcpy(&near, *at, sizeof(near));
    *at += sizeof(near);
    if (__builtin_expect(near != UINT32_MAX, 1))
        return near;
    memcpy(&far, *at, sizeof(far));
    *at += sizeof(far);
    return far;
}

#endif
