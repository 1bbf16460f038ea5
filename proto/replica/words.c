#include "proto/replica/words.h"

#include "common/base/map.h"
#include "common/base/mem.h"

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

uint32_t words_number(struct words *words, struct str text)
{
    if (text.len > WORD_LEN_MAX)
        return 0;
    size_t last = text.len > 0 ? (unsigned char)text.ptr[text.len - 1] : 0;
    uint32_t *recent = &words->recent[(text.len + last) % RECENT_WORDS];
    if (*recent == 0 || !str_eq(words_text(words, *recent), text))
        *recent = find_or_add(words, text);
    return *recent;
}
