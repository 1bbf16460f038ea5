/* Which operator's word answers. */
#include "proto/decide/internal.h"

static bool same_handle(struct str a, struct str b)
{
    return str_eq(handle_key(a), handle_key(b));
}

/* A word on the dimension beats one on all, one on the handle as asked beats one on what it leads
 * to, a newer one beats an older one. */
static bool beats(const struct override *a, const struct override *b, struct str handle)
{
    bool a_as_asked = same_handle(a->handle, handle), b_as_asked = same_handle(b->handle, handle);

    if ((a->dimension.len > 0) != (b->dimension.len > 0))
        return a->dimension.len > 0;
    if (a_as_asked != b_as_asked)
        return a_as_asked;
    if (a->seq != b->seq)
        return a->seq > b->seq;
    if (a->created_at != b->created_at)
        return a->created_at > b->created_at;
    return str_compare(a->id, b->id) > 0;
}

static bool applies(const struct override *override, const struct decide_question *question,
                    int64_t now_s)
{
    if (override->action == override_action_none ||
        (override->expires_at != 0 && override->expires_at <= now_s))
        return false;
    return override->dimension.len == 0 || str_eq(override->dimension, question->dimension);
}

/* The best word under each spelling and under each licence's key, for records to be held against
 * all of them at once. */
struct words {
    const struct decide_facts *facts;
    struct str handle; /* as asked */
    struct numbering by_text, by_key;
    const struct override *best; /* of those that name something */
};

static const struct override *better(const struct words *words, const struct override *a,
                                     const struct override *b)
{
    return !a || (b && beats(b, a, words->handle)) ? b : a;
}

static void put(const struct words *words, struct numbering *table, struct str text, size_t number)
{
    struct numbering_entry *known;

    if (text.len == 0 || numbering_add(table, text, number))
        return;
    known = &table->entries[numbering_find(table, text) - table->entries];
    if (beats(words->facts->overrides[number], words->facts->overrides[known->number],
              words->handle))
        known->number = number;
}

static void hear(struct words *words, const struct numbering *table, struct str text)
{
    const struct numbering_entry *found = text.len > 0 ? numbering_find(table, text) : NULL;

    if (found)
        words->best = better(words, words->best, words->facts->overrides[found->number]);
}

/* As record_has_handle() says. */
static void hear_about(struct words *words, const struct subscription *record)
{
    hear(words, &words->by_key, record->license_key);
    hear(words, &words->by_text, record->id);
    for (size_t i = 0; i < record->aliases.count; i++)
        hear(words, &words->by_text, record->aliases.items[i]);
    hear(words, &words->by_text, record->tenant);
    hear(words, &words->by_text, record->account_id);
    hear(words, &words->by_text, record->customer_identifier);
    hear(words, &words->by_text, record->license_arn);
}

const struct override *decide_override(const struct decide_question *question,
                                       const struct decide_facts *facts,
                                       const struct selection *records, int64_t now_s,
                                       struct arena *arena)
{
    struct words words;

    if (facts->override_count == 0)
        return NULL;
    words.facts = facts;
    words.handle = question->handle;
    words.best = NULL;
    numbering_init(&words.by_text, arena);
    numbering_init(&words.by_key, arena);
    for (size_t i = 0; i < facts->override_count; i++) {
        const struct override *override = facts->overrides[i];
        if (!applies(override, question, now_s))
            continue;
        if (same_handle(override->handle, question->handle)) {
            words.best = better(&words, words.best, override);
            continue;
        }
        put(&words, &words.by_text, override->handle, i);
        put(&words, &words.by_key, license_key(override->handle), i);
    }
    if (words.by_text.count > 0) {
        for (size_t i = 0; i < records->count; i++)
            hear_about(&words, records->items[i]);
    }
    return words.best;
}
