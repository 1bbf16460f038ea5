/* Memory that goes all at once: what a decoded message, a request or a parsed answer needs lives in
 * an arena and is freed with it. */
#ifndef COMMON_BASE_ARENA_H
#define COMMON_BASE_ARENA_H

#include "common/base/str.h"

struct arena {
    struct arena_block *blocks;
    struct arena_deferred *deferred;
};

#define ARENA_INIT ((struct arena){0})

void arena_done(struct arena *arena); /* frees everything; usable again; takes NULL */
/* Everything goes, but the newest block of memory is kept for what comes next. */
void arena_clear(struct arena *arena);
size_t arena_size(const struct arena *arena);        /* of all its memory, used or not */
void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);
struct str arena_str(struct arena *arena, struct str s); /* a copy; terminated */
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls fn(arg) when the arena is done, before its memory goes. */
void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg);

#endif
