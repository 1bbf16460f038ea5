#include "proto/replica/words.h"

#include "common/base/map.h"
#include "common/base/mem.h"
#include "proto/replica/text.h"

void words_init(struct words *words)
{
    *words = (struct words){.numbers = map_new(), .count = 1};
}

void words_done(struct words *words)
{
    for (size_t i = 0; i < WORD_BLOCKS; i++)
        mem_free(words->blocks[i]);
    arena_done(&words->texts);
    map_free(words->numbers);
}

static uint32_t add(struct words *words, struct str text)
{
    size_t number = words->count, block = number / WORDS_PER_BLOCK;

    if (number == WORDS_PER_BLOCK * WORD_BLOCKS)
        return 0;
    if (!words->blocks[block])
        words->blocks[block] = mem_alloc_array(WORDS_PER_BLOCK, sizeof(struct str));
    words->blocks[block][number % WORDS_PER_BLOCK] = arena_str(&words->texts, text);
    map_put(words->numbers, text, (void *)(uintptr_t)number);
    words->count++;
    return (uint32_t)number;
}

static uint32_t find_or_add(struct words *words, struct str text)
{
    uint32_t known = (uint32_t)(uintptr_t)map_get(words->numbers, text);

    return known ? known : add(words, text);
}

static size_t place_of(struct str text)
{
    unsigned char first = 0, last = 0;

    if (text.len > 0) {
        first = (unsigned char)text.ptr[0];
        last = (unsigned char)text.ptr[text.len - 1];
    }
    return (text.len * 7 + first * 3u + last) % RECENT_WORDS;
}

uint32_t words_recent(const struct words *words, struct str text)
{
    uint32_t recent = words->recent[place_of(text)];

    return recent != 0 && texts_are_equal(words_text(words, recent), text) ? recent : 0;
}

uint32_t words_number(struct words *words, struct str text)
{
    uint32_t number = words_recent(words, text);

    if (number == 0 && text.len <= WORD_LEN_MAX)
        number = words->recent[place_of(text)] = find_or_add(words, text);
    return number;
}
