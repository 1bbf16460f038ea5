/* MessagePack one token at a time, straight from the bytes: the head of an object, and with it all
 * of one that has no parts. Nothing is allocated. */
#ifndef PROTO_CODEC_TOKEN_H
#define PROTO_CODEC_TOKEN_H

#include <endian.h>
#include <string.h>

#include "common/base/str.h"

struct input {
    const unsigned char *at, *end;
};

enum token_kind {
    TOKEN_NIL,
    TOKEN_BOOLEAN,
    TOKEN_INTEGER,
    TOKEN_HUGE, /* an integer that int64_t cannot hold */
    TOKEN_DOUBLE,
    TOKEN_TEXT,
    TOKEN_BYTES,
    TOKEN_ARRAY, /* its items follow */
    TOKEN_MAP,   /* its pairs follow */
    TOKEN_EXTENSION,
};

struct token {
    enum token_kind kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t huge;
        double number;
        struct str bytes; /* of a text too; borrows from the input */
        uint32_t count;
    };
};

bool token_next_wide(struct input *input, struct token *ret_token);

/* Takes a text whose length stands in its first byte; false: something else stands there. */
static inline bool input_take_short_text(struct input *input, struct str *ret)
{
    enum { SHORT_TEXT = 0xa0, SHORT_TEXT_MAX = 31 };
    const unsigned char *at = input->at;
    size_t len;

    if (at == input->end || (len = (size_t)*at - SHORT_TEXT) > SHORT_TEXT_MAX ||
        (size_t)(input->end - at) <= len)
        return false;
    ret->ptr = (const char *)at + 1;
    ret->len = len;
    input->at = at + 1 + len;
    return true;
}

/* Likewise a small number, or one of four bytes, as times are. */
static inline bool input_take_common_integer(struct input *input, int64_t *ret)
{
    enum { SMALL_MAX = 0x7f, FOUR_BYTES = 0xce };
    const unsigned char *at = input->at;
    uint32_t number;

    if (at == input->end)
        return false;
    if (*at <= SMALL_MAX) {
        *ret = *at;
        input->at = at + 1;
        return true;
    }
    if (*at != FOUR_BYTES || (size_t)(input->end - at) <= sizeof(number))
        return false;
    memcpy(&number, at + 1, sizeof(number));
    *ret = be32toh(number);
    input->at = at + 1 + sizeof(number);
    return true;
}

/* Likewise the head of an array. */
static inline bool input_take_short_array(struct input *input, uint32_t *ret_count)
{
    enum { SHORT_ARRAY = 0x90, SHORT_ARRAY_MAX = 15 };
    unsigned count;

    if (input->at == input->end || (count = *input->at - (unsigned)SHORT_ARRAY) > SHORT_ARRAY_MAX ||
        (size_t)(input->end - input->at) <= count)
        return false;
    input->at++;
    *ret_count = count;
    return true;
}

/* Likewise the head of a map, with its count. Each pair takes two bytes at least. */
static inline bool input_take_short_map(struct input *input, uint32_t *ret_count)
{
    enum { SHORT_MAP = 0x80, SHORT_MAP_MAX = 15 };
    unsigned count;

    if (input->at == input->end || (count = *input->at - (unsigned)SHORT_MAP) > SHORT_MAP_MAX ||
        (size_t)(input->end - input->at) <= 2 * (size_t)count)
        return false;
    input->at++;
    *ret_count = count;
    return true;
}

/* False: the bytes end within it, or it begins with the byte that is never used. */
static inline bool token_next(struct input *input, struct token *ret_token)
{
    if (input_take_short_text(input, &ret_token->bytes)) {
        ret_token->kind = TOKEN_TEXT;
        return true;
    }
    return token_next_wide(input, ret_token);
}
/* Passes what follows on a token: the items of an array, the pairs of a map. */
bool token_skip_parts(struct input *input, const struct token *token);
bool token_skip(struct input *input); /* a whole object */
/* Whether the bytes are one whole object and nothing else; then nothing above fails on them. */
bool token_is_one_object(struct str bytes);

/* Whether a map stands at the input, by its first byte. */
static inline bool input_is_map(const struct input *input)
{
    enum { SHORT_MAP = 0x80, SHORT_MAP_BITS = 0xf0, MAP_16 = 0xde, MAP_32 = 0xdf };

    return input->at != input->end && ((*input->at & SHORT_MAP_BITS) == SHORT_MAP ||
                                       *input->at == MAP_16 || *input->at == MAP_32);
}

static inline bool token_is_text(const struct token *token, const char *text)
{
    return token->kind == TOKEN_TEXT && str_eq_text(token->bytes, text);
}

#endif
