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

/* False: the bytes end within it, or it begins with the byte that is never used. */
bool token_next(struct input *input, struct token *ret_token);
/* Passes what follows on a token: the items of an array, the pairs of a map. */
bool token_skip_parts(struct input *input, const struct token *token);
bool token_skip(struct input *input); /* a whole object */
/* Whether the bytes are one whole object and nothing else; then nothing above fails on them. */
bool token_is_one_object(struct str bytes);

static inline bool token_is_text(const struct token *token, const char *text)
{
    return token->kind == TOKEN_TEXT && str_eq_text(token->bytes, text);
}

#endif
