#include "services/store/work/presence.h"

#include <sys/queue.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"

struct present {
    LIST_ENTRY(present) link;
    struct arena arena;
    struct announce_params told;
    int64_t heard_mono_ms;
};

struct presence {
    LIST_HEAD(, present) all;
    size_t count;
};

struct presence *presence_new(void)
{
    return mem_alloc_zero(sizeof(struct presence));
}

static void forget(struct presence *presence, struct present *present)
{
    LIST_REMOVE(present, link);
    presence->count--;
    arena_done(&present->arena);
    mem_free(present);
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    while (!LIST_EMPTY(&presence->all))
        forget(presence, LIST_FIRST(&presence->all));
    mem_free(presence);
}

static struct present *find(const struct presence *presence, const struct peer *peer)
{
    struct present *present;

    LIST_FOREACH (present, &presence->all, link) {
        const struct peer *other = present->told.peer;
        if (str_eq(other->daemon, peer->daemon) && str_eq(other->name, peer->name) &&
            str_eq(other->host, peer->host))
            return present;
    }
    return NULL;
}

void presence_announce(struct presence *presence, const struct announce_params *params,
                       int64_t now_mono_ms)
{
    struct present *present = find(presence, params->peer);

    if (!present) {
        present = mem_alloc_zero(sizeof(*present));
        LIST_INSERT_HEAD(&presence->all, present, link);
        presence->count++;
    }
    arena_done(&present->arena);
    codec_copy(&shape_announce_params, params, &present->arena, &present->told);
    present->heard_mono_ms = now_mono_ms;
}

static void forget_silent(struct presence *presence, int64_t now_mono_ms)
{
    int64_t oldest = now_mono_ms - PRESENCE_MISSES * PRESENCE_INTERVAL_MS;
    struct present *present, *next;

    for (present = LIST_FIRST(&presence->all); present; present = next) {
        next = LIST_NEXT(present, link);
        if (present->heard_mono_ms < oldest)
            forget(presence, present);
    }
}

struct peer_list presence_list(struct presence *presence, struct str daemon, int64_t now_mono_ms,
                               struct arena *arena)
{
    struct peer_list list = {.items =
                                 arena_alloc_array(arena, presence->count, sizeof(struct peer))};
    const struct present *present;

    forget_silent(presence, now_mono_ms);
    LIST_FOREACH (present, &presence->all, link) {
        if (daemon.len == 0 || str_eq(present->told.peer->daemon, daemon))
            list.items[list.count++] = *present->told.peer;
    }
    return list;
}

struct process_figures_list presence_figures(struct presence *presence, int64_t now_mono_ms,
                                             struct arena *arena)
{
    struct process_figures_list list = {
        .items = arena_alloc_array(arena, presence->count, sizeof(struct process_figures))};
    const struct present *present;

    forget_silent(presence, now_mono_ms);
    LIST_FOREACH (present, &presence->all, link) {
        const struct peer *peer = present->told.peer;
        if (present->told.counters.count > 0)
            list.items[list.count++] = (struct process_figures){.daemon = peer->daemon,
                                                                .name = peer->name,
                                                                .host = peer->host,
                                                                .counters = present->told.counters};
    }
    return list;
}
