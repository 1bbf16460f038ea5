#include "services/registrar/spent.h"

#include <sys/queue.h>

#include "common/base/map.h"
#include "common/base/mem.h"

struct spent_word {
    STAILQ_ENTRY(spent_word) next;
    char *word;
    int64_t expires_s;
};

struct spent {
    struct map *by_word;
    STAILQ_HEAD(, spent_word) in_order;
    size_t limit;
};

struct spent *spent_new(size_t limit)
{
    struct spent *spent = mem_alloc_zero(sizeof(*spent));

    spent->by_word = map_new();
    spent->limit = limit;
    STAILQ_INIT(&spent->in_order);
    return spent;
}

static void forget_first(struct spent *spent)
{
    struct spent_word *first = STAILQ_FIRST(&spent->in_order);

    STAILQ_REMOVE_HEAD(&spent->in_order, next);
    map_remove(spent->by_word, str_of(first->word));
    mem_free(first->word);
    mem_free(first);
}

void spent_free(struct spent *spent)
{
    if (!spent)
        return;
    while (!STAILQ_EMPTY(&spent->in_order))
        forget_first(spent);
    map_free(spent->by_word);
    mem_free(spent);
}

/* All live equally long, so the first in was the first to end. */
static void forget_ended(struct spent *spent, int64_t now_s)
{
    while (!STAILQ_EMPTY(&spent->in_order) && STAILQ_FIRST(&spent->in_order)->expires_s <= now_s)
        forget_first(spent);
    while (map_count(spent->by_word) >= spent->limit)
        forget_first(spent);
}

bool spent_use(struct spent *spent, struct str word, int64_t expires_s, int64_t now_s)
{
    if (spent_was_used(spent, word))
        return false;
    forget_ended(spent, now_s);

    struct spent_word *entry = mem_alloc_zero(sizeof(*entry));
    entry->word = str_dup(word);
    entry->expires_s = expires_s;
    STAILQ_INSERT_TAIL(&spent->in_order, entry, next);
    map_put(spent->by_word, word, entry);
    return true;
}

bool spent_was_used(const struct spent *spent, struct str word)
{
    return map_get(spent->by_word, word) != NULL;
}
