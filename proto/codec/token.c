/* The first bytes are those of the MessagePack specification, "Formats". */
#include "proto/codec/token.h"

#include <endian.h>
#include <string.h>

/* Of 1, 2, 4 or 8 bytes; each case is a few instructions. */
static uint64_t big_endian(const unsigned char *at, size_t width)
{
    uint16_t half;
    uint32_t word;
    uint64_t all;

    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&half, at, sizeof(half));
        return be16toh(half);
    case 4:
        memcpy(&word, at, sizeof(word));
        return be32toh(word);
    default:
        memcpy(&all, at, sizeof(all));
        return be64toh(all);
    }
}

static inline bool read_big_endian(struct input *input, size_t width, uint64_t *ret)
{
    if ((size_t)(input->end - input->at) < width)
        return false;
    *ret = big_endian(input->at, width);
    input->at += width;
    return true;
}

static bool take_bytes(struct input *input, enum token_kind kind, size_t len, struct token *ret)
{
    if ((size_t)(input->end - input->at) < len)
        return false;
    ret->kind = kind;
    ret->bytes = str_from(input->at, len);
    input->at += len;
    return true;
}

/* An array or map; an item takes a byte at least, so that no count can promise more than there is.
 */
static bool take_count(const struct input *input, enum token_kind kind, uint64_t count,
                       struct token *ret)
{
    uint64_t parts = kind == TOKEN_MAP ? 2 * count : count;

    ret->kind = kind;
    ret->count = (uint32_t)count;
    return parts <= (uint64_t)(input->end - input->at);
}

static bool take_unsigned(struct input *input, size_t width, struct token *ret)
{
    uint64_t number;

    if (!read_big_endian(input, width, &number))
        return false;
    ret->kind = number <= INT64_MAX ? TOKEN_INTEGER : TOKEN_HUGE;
    ret->huge = number;
    return true;
}

static bool take_signed(struct input *input, size_t width, struct token *ret)
{
    uint64_t number;
    unsigned unused_bits = (unsigned)(8 * (sizeof(number) - width));

    if (!read_big_endian(input, width, &number))
        return false;
    ret->kind = TOKEN_INTEGER;
    ret->integer = (int64_t)(number << unused_bits) >> unused_bits;
    return true;
}

static bool take_float(struct input *input, size_t width, struct token *ret)
{
    uint64_t bits;

    if (!read_big_endian(input, width, &bits))
        return false;
    ret->kind = TOKEN_DOUBLE;
    if (width == sizeof(ret->number)) {
        memcpy(&ret->number, &bits, sizeof(ret->number));
    } else {
        uint32_t half = (uint32_t)bits;
        float number;
        memcpy(&number, &half, sizeof(number));
        ret->number = (double)number;
    }
    return true;
}

/* `width` bytes of length stand before the bytes themselves. */
static bool take_counted(struct input *input, enum token_kind kind, size_t width, size_t extra,
                         struct token *ret)
{
    uint64_t len;

    return read_big_endian(input, width, &len) && take_bytes(input, kind, len + extra, ret);
}

static bool take_many(struct input *input, enum token_kind kind, size_t width, struct token *ret)
{
    uint64_t count;

    return read_big_endian(input, width, &count) && take_count(input, kind, count, ret);
}

static bool take_boolean(bool value, struct token *ret)
{
    ret->kind = TOKEN_BOOLEAN;
    ret->boolean = value;
    return true;
}

/* Those with a first byte of their own: 0xc0 to 0xdf. */
static bool take_by_first_byte(struct input *input, unsigned first, struct token *ret)
{
    switch (first) {
    case 0xc0:
        ret->kind = TOKEN_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        return take_boolean(first == 0xc3, ret);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_counted(input, TOKEN_BYTES, (size_t)1 << (first - 0xc4), 0, ret);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return take_counted(input, TOKEN_EXTENSION, (size_t)1 << (first - 0xc7), 1, ret);
    case 0xca:
    case 0xcb:
        return take_float(input, first == 0xca ? 4 : 8, ret);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_unsigned(input, (size_t)1 << (first - 0xcc), ret);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_signed(input, (size_t)1 << (first - 0xd0), ret);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_bytes(input, TOKEN_EXTENSION, ((size_t)1 << (first - 0xd4)) + 1, ret);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_counted(input, TOKEN_TEXT, (size_t)1 << (first - 0xd9), 0, ret);
    case 0xdc:
    case 0xdd:
        return take_many(input, TOKEN_ARRAY, first == 0xdc ? 2 : 4, ret);
    case 0xde:
    case 0xdf:
        return take_many(input, TOKEN_MAP, first == 0xde ? 2 : 4, ret);
    default:
        return false; /* 0xc1 */
    }
}

bool token_next_wide(struct input *input, struct token *ret_token)
{
    if (input->at == input->end)
        return false;
    unsigned first = *input->at++;

    if (first < 0x80 || first >= 0xe0) {
        ret_token->kind = TOKEN_INTEGER;
        ret_token->integer = first < 0x80 ? (int64_t)first : (int64_t)first - 0x100;
        return true;
    }
    if (first < 0x90)
        return take_count(input, TOKEN_MAP, first & 0x0f, ret_token);
    if (first < 0xa0)
        return take_count(input, TOKEN_ARRAY, first & 0x0f, ret_token);
    if (first < 0xc0)
        return take_bytes(input, TOKEN_TEXT, first & 0x1f, ret_token);
    return take_by_first_byte(input, first, ret_token);
}

static size_t parts_of(const struct token *token)
{
    if (token->kind == TOKEN_ARRAY)
        return token->count;
    return token->kind == TOKEN_MAP ? 2 * (size_t)token->count : 0;
}

/* The bytes of an object that begins with this one, if that tells and it has no parts; else 0. A
 * table, for which one comes next cannot be predicted. */
#define EIGHT(x)      x, x, x, x, x, x, x, x
#define THIRTY_TWO(x) EIGHT(x), EIGHT(x), EIGHT(x), EIGHT(x)
static const unsigned char whole_sizes[256] = {
    THIRTY_TWO(1),
    THIRTY_TWO(1),
    THIRTY_TWO(1),
    THIRTY_TWO(1), /* 0x00: integers */
    EIGHT(0),
    EIGHT(0),
    EIGHT(0),
    EIGHT(0), /* 0x80: maps and arrays */
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16, /* 0xa0: texts */
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
    28,
    29,
    30,
    31,
    32, /* 0xb0 */
    1,
    0,
    1,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    5,
    9, /* 0xc0: nil, booleans, counted bytes, floats */
    2,
    3,
    5,
    9,
    2,
    3,
    5,
    9, /* 0xcc: integers */
    3,
    4,
    6,
    10,
    18,
    0,
    0,
    0,
    0,
    0,
    0,
    0,             /* 0xd4: extensions; what is counted */
    THIRTY_TWO(1), /* 0xe0: negative integers */
};

/* Passes the small objects that most are. False: the bytes end within one. */
static bool skip_small(struct input *input, size_t *wanted)
{
    enum { LONGEST_SMALL = 33 };
    const unsigned char *at = input->at;
    size_t left = *wanted, size = 0;

    /* So many cannot reach beyond the end. */
    size_t certain = (size_t)(input->end - at) / LONGEST_SMALL;
    certain = certain < left ? certain : left;
    left -= certain;
    while (certain > 0 && (size = whole_sizes[*at]) != 0) {
        at += size;
        certain--;
    }
    left += certain;
    while (left > 0 && at < input->end && (size = whole_sizes[*at]) != 0) {
        if ((size_t)(input->end - at) < size)
            return false;
        at += size;
        left--;
    }
    input->at = at;
    *wanted = left;
    return true;
}

/* The head of an array or map whose count stands in it: its parts are wanted instead of it. */
static inline bool take_short_parts(struct input *input, size_t *wanted)
{
    enum { SHORT = 0x80, SHORT_BITS = 0xe0, IS_ARRAY = 0x10, COUNT = 0x0f };

    if (input->at == input->end || (*input->at & SHORT_BITS) != SHORT)
        return false;
    unsigned first = *input->at++;
    size_t count = first & COUNT;
    *wanted += first & IS_ARRAY ? count : 2 * count;
    --*wanted;
    return true;
}

/* Without recursion: how deep they nest does not matter. */
static bool skip_objects(struct input *input, size_t wanted)
{
    while (wanted > 0) {
        struct token token;
        if (!skip_small(input, &wanted))
            return false;
        if (wanted == 0)
            break;
        if (!take_short_parts(input, &wanted)) {
            if (!token_next_wide(input, &token))
                return false;
            wanted += parts_of(&token) - 1;
        }
        if (wanted > (size_t)(input->end - input->at))
            return false;
    }
    return true;
}

bool token_skip_parts(struct input *input, const struct token *token)
{
    return skip_objects(input, parts_of(token));
}

bool token_skip(struct input *input)
{
    return skip_objects(input, 1);
}

bool token_is_one_object(struct str bytes)
{
    struct input input = {(const unsigned char *)bytes.ptr, (const unsigned char *)bytes.ptr};

    if (bytes.len == 0)
        return false;
    input.end += bytes.len;
    return skip_objects(&input, 1) && input.at == input.end;
}
