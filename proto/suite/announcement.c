#include "proto/suite/announcement.h"

#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"

enum { ANNOUNCE_EVERY_MS = 3000, ANNOUNCE_TIMEOUT_MS = 3000 };

struct announcement {
    struct loop *loop;
    struct rpc_client *store;
    struct rpc_call *call;
    struct loop_timer *timer;
    struct arena arena;
    struct peer self;
    announcement_figures_fn *figures;
    announcement_holds_fn *holds;
    announcement_told_fn *told;
    void *arg;
    struct arena peers_arena;
    struct announce_result peers;
};

static void announce(void *arg);

static void leave_out_paths(struct str_list *endpoints)
{
    size_t kept = 0;

    for (size_t i = 0; i < endpoints->count; i++) {
        if (!str_starts_with(endpoints->items[i], STR("ipc://")))
            endpoints->items[kept++] = endpoints->items[i];
    }
    endpoints->count = kept;
}

/* A path leads to a socket of the host that it is on: here it is another one's, or nobody's. */
static void leave_out_paths_elsewhere(struct announcement *announcement)
{
    for (size_t i = 0; i < announcement->peers.peers.count; i++) {
        struct peer *peer = &announcement->peers.peers.items[i];
        if (str_eq(peer->host, announcement->self.host))
            continue;
        leave_out_paths(&peer->endpoints);
        leave_out_paths(&peer->feeds);
    }
}

static void on_announced(void *arg, const struct rpc_response *response)
{
    struct announcement *announcement = arg;

    announcement->call = NULL;
    if (response->code == ERROR_NONE) {
        arena_done(&announcement->peers_arena);
        codec_copy(&shape_announce_result, response->result, &announcement->peers_arena,
                   &announcement->peers);
        leave_out_paths_elsewhere(announcement);
        if (announcement->told)
            announcement->told(announcement->arg, response->result);
    }
    announcement->timer = loop_after(announcement->loop, ANNOUNCE_EVERY_MS, announce, announcement);
}

static void announce(void *arg)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct announcement *announcement = arg;
    struct announce_params params = {.peer = &announcement->self};

    announcement->timer = NULL;
    if (announcement->figures)
        params.counters = announcement->figures(announcement->arg, &arena);
    if (announcement->holds)
        announcement->holds(announcement->arg, &params, &arena);
    announcement->call = rpc_call(announcement->store, METHOD_store_announce, &params,
                                  ANNOUNCE_TIMEOUT_MS, STR_NONE, on_announced, announcement);
}

void announcement_repeat(struct announcement *announcement)
{
    rpc_call_cancel(take(announcement->call));
    loop_cancel(take(announcement->timer));
    announce(announcement);
}

/* "tcp://0.0.0.0:5800" is no address to connect to: the host is replaced, the port stays. */
static struct str advertised(struct arena *arena, const char *address, const char *host)
{
    const char *port = strrchr(address, ':');

    if (strncmp(address, "tcp://", strlen("tcp://")) != 0 || !port || !host)
        return arena_str(arena, str_of(address));
    return arena_printf(arena, strchr(host, ':') ? "tcp://[%s]%s" : "tcp://%s%s", host, port);
}

static struct str_list advertise_all(struct arena *arena, const struct config_list *addresses,
                                     const char *host)
{
    size_t count = addresses ? addresses->count : 0;
    struct str_list list = {.items = arena_alloc_array(arena, count, sizeof(struct str)),
                            .count = count};

    for (size_t i = 0; i < count; i++)
        list.items[i] = advertised(arena, addresses->items[i], host);
    return list;
}

struct announcement *announcement_new(const struct announcement_options *options)
{
    struct announcement *announcement = mem_alloc_zero(sizeof(*announcement));
    struct arena *arena = &announcement->arena;
    const char *advertise = options->advertise && *options->advertise ? options->advertise : NULL;
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    announcement->loop = options->loop;
    announcement->store = options->store;
    announcement->figures = options->figures;
    announcement->holds = options->holds;
    announcement->told = options->told;
    announcement->arg = options->arg;
    announcement->self = (struct peer){
        .daemon = arena_str(arena, str_of(options->daemon)),
        .name = arena_str(arena, str_of(options->name)),
        .host = arena_str(arena, str_of(advertise ? advertise : host)),
        .endpoints = advertise_all(arena, options->endpoints, advertise),
        .feeds = advertise_all(arena, options->feeds, advertise),
        .public_key = arena_str(arena, str_of(options->public_key ? options->public_key : "")),
        .since = clock_wall_s(),
    };
    announce(announcement);
    return announcement;
}

void announcement_free(struct announcement *announcement)
{
    if (!announcement)
        return;
    rpc_call_cancel(announcement->call);
    loop_cancel(announcement->timer);
    arena_done(&announcement->peers_arena);
    arena_done(&announcement->arena);
    mem_free(announcement);
}

struct peer_list announcement_peers(const struct announcement *announcement)
{
    return announcement->peers.peers;
}
