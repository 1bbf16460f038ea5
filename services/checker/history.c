#include "services/checker/history.h"

#include <string.h>

#include "common/base/mem.h"

enum { ENTRIES_MAX = 65536 };

struct entry {
    int64_t seq;
    enum history_kind kind;
    char *id;
};

/* A ring. */
struct history {
    struct entry entries[ENTRIES_MAX];
    size_t first, count;
    int64_t since; /* everything after this commit is held */
    int64_t last;
};

struct history *history_new(void)
{
    return mem_alloc_zero(sizeof(struct history));
}

/* The rest of its commit goes with it: half of one is no use. */
static void drop_first(struct history *history)
{
    struct entry *entry = &history->entries[history->first];

    history->since = entry->seq;
    mem_free(entry->id);
    history->first = (history->first + 1) % ENTRIES_MAX;
    history->count--;
}

void history_restart(struct history *history, int64_t seq)
{
    while (history->count > 0)
        drop_first(history);
    history->since = history->last = seq;
}

void history_free(struct history *history)
{
    if (!history)
        return;
    history_restart(history, 0);
    mem_free(history);
}

static void add(struct history *history, int64_t seq, enum history_kind kind, struct str id)
{
    if (history->count == ENTRIES_MAX)
        drop_first(history);
    history->entries[(history->first + history->count++) % ENTRIES_MAX] =
        (struct entry){.seq = seq, .kind = kind, .id = str_dup(id)};
}

static void add_all(struct history *history, int64_t seq, enum history_kind kind,
                    const struct str_list *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        add(history, seq, kind, ids->items[i]);
}

void history_add(struct history *history, const struct commit_event *event)
{
    if (event->seq != history->last + 1 || event->truncated) {
        history_restart(history, event->seq);
        return;
    }
    for (size_t i = 0; i < event->subscriptions.count; i++)
        add(history, event->seq, HISTORY_SUBSCRIPTION, event->subscriptions.items[i].id);
    for (size_t i = 0; i < event->overrides.count; i++)
        add(history, event->seq, HISTORY_OVERRIDE, event->overrides.items[i].id);
    add_all(history, event->seq, HISTORY_SUBSCRIPTION, &event->removed);
    add_all(history, event->seq, HISTORY_OVERRIDE, &event->overrides_removed);
    history->last = event->seq;
}

int64_t history_last(const struct history *history)
{
    return history->last;
}

bool history_each(const struct history *history, int64_t since,
                  void (*visit)(void *arg, enum history_kind kind, struct str id), void *arg)
{
    if (since < history->since)
        return false;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *entry = &history->entries[(history->first + i) % ENTRIES_MAX];
        if (entry->seq > since)
            visit(arg, entry->kind, str_of(entry->id));
    }
    return true;
}
