/* MessagePack one token at a time, straight from the bytes: the head of an object, and with it all
 * of one that has no parts. Nothing is allocated. */
#ifndef PROTO_CODEC_TOKEN_H
#define PROTO_CODEC_TOKEN_H

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

/* False: the bytes end within it, or it begins with the byte that is never used. Most begin with a
 * small number or are a short text. */
static inline bool token_next(struct input *input, struct token *ret_token)
{
    enum { SHORT_TEXT = 0xa0, SHORT_TEXT_BITS = 0xe0, FIRST_NOT_A_NUMBER = 0x80 };
    size_t left = (size_t)(input->end - input->at);

    if (left == 0)
        return false;
    unsigned first = *input->at;
    if (first < FIRST_NOT_A_NUMBER) {
        input->at++;
        ret_token->kind = TOKEN_INTEGER;
        ret_token->integer = first;
        return true;
    }
    if ((first & SHORT_TEXT_BITS) == SHORT_TEXT) {
        size_t len = first - SHORT_TEXT;
        if (left <= len)
            return false;
        ret_token->kind = TOKEN_TEXT;
        ret_token->bytes.ptr = (const char *)input->at + 1;
        ret_token->bytes.len = len;
        input->at += 1 + len;
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
