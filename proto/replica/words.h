/* Texts that many records share, each kept once and named by a number: product codes, dimensions,
 * the beginnings of licence ARNs.
 *
 * One thread adds; any may look a number up that it was given. Nothing is taken away.
 */
#ifndef PROTO_REPLICA_WORDS_H
#define PROTO_REPLICA_WORDS_H

#include "common/base/arena.h"

/* Records nearly always share their words with those before: RECENT_WORDS are found without the
 * map. */
enum { RECENT_WORDS = 64 };
enum { WORDS_PER_BLOCK = 256, WORD_BLOCKS = 256, WORD_LEN_MAX = 255 };

struct words {
    struct map *numbers; /* the writer's */
    struct arena texts;
    size_t count;
    uint32_t
        license_prefix; /* the writer's: one that is known to make ARNs of licence keys; 0: none */
    uint32_t recent[RECENT_WORDS];   /* the writer's; by length, first and last byte */
    struct str *blocks[WORD_BLOCKS]; /* set before any number in them is given out */
};

void words_init(struct words *words);
void words_done(struct words *words);

/* The number of a text, above 0; 0 if it is too long, or too many texts differ. */
uint32_t words_number(struct words *words, struct str text);
/* The same if it is one of the recent words; else 0. */
uint32_t words_recent(const struct words *words, struct str text);

static inline struct str words_text(const struct words *words, uint64_t number)
{
    return words->blocks[number / WORDS_PER_BLOCK][number % WORDS_PER_BLOCK];
}

#endif
