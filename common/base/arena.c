#include "common/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

enum { BLOCK_SIZE = 4096 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

struct arena_deferred {
    struct arena_deferred *next;
    void (*fn)(void *arg);
    void *arg;
};

void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg)
{
    struct arena_deferred *deferred = arena_alloc(arena, sizeof(*deferred));

    *deferred = (struct arena_deferred){.next = arena->deferred, .fn = fn, .arg = arg};
    arena->deferred = deferred;
}

static void run_deferred(struct arena *arena)
{
    for (struct arena_deferred *deferred = arena->deferred; deferred; deferred = deferred->next)
        deferred->fn(deferred->arg);
    arena->deferred = NULL;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
}

void arena_done(struct arena *arena)
{
    if (!arena)
        return;
    run_deferred(arena);
    free_blocks(arena->blocks);
    arena->blocks = NULL;
}

void arena_clear(struct arena *arena)
{
    run_deferred(arena);
    if (!arena->blocks)
        return;
    free_blocks(arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
}

size_t arena_size(const struct arena *arena)
{
    size_t size = 0;

    for (const struct arena_block *block = arena->blocks; block; block = block->next)
        size += block->size;
    return size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);

    if (size > SIZE_MAX / 2)
        mem_exhausted();
    size = (size + align - 1) & ~(align - 1);

    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = mem_alloc(sizeof(*block) + capacity);
        *block = (struct arena_block){.next = arena->blocks, .size = capacity};
        arena->blocks = block;
    }
    void *ptr = block->data + block->used;
    block->used += size;
    return memset(ptr, 0, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        mem_exhausted();
    return arena_alloc(arena, total);
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *text = arena_alloc(arena, s.len + 1);

    if (s.len > 0)
        memcpy(text, s.ptr, s.len);
    return (struct str){text, s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();

    char *text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return (struct str){text, (size_t)len};
}
