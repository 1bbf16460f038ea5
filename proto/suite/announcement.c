#include "proto/suite/announcement.h"

#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"

enum { ANNOUNCE_EVERY_MS = 3000, ANNOUNCE_TIMEOUT_MS = 3000 };

struct presence {
    struct loop *loop;
    struct rpc_client *store;
    struct rpc_call *call;
    struct loop_timer *timer;
    struct arena arena;
    struct peer self;
    presence_figures_fn *figures;
    presence_holds_fn *holds;
    presence_told_fn *told;
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
static void leave_out_paths_elsewhere(struct presence *presence)
{
    for (size_t i = 0; i < presence->peers.peers.count; i++) {
        struct peer *peer = &presence->peers.peers.items[i];
        if (str_eq(peer->host, presence->self.host))
            continue;
        leave_out_paths(&peer->endpoints);
        leave_out_paths(&peer->feeds);
    }
}

static void on_announced(void *arg, const struct rpc_response *response)
{
    struct presence *presence = arg;

    presence->call = NULL;
    if (response->code == ERROR_NONE) {
        arena_done(&presence->peers_arena);
        codec_copy(&shape_announce_result, response->result, &presence->peers_arena,
                   &presence->peers);
        leave_out_paths_elsewhere(presence);
        if (presence->told)
            presence->told(presence->arg, response->result);
    }
    presence->timer = loop_after(presence->loop, ANNOUNCE_EVERY_MS, announce, presence);
}

static void announce(void *arg)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct presence *presence = arg;
    struct announce_params params = {.peer = &presence->self};

    presence->timer = NULL;
    if (presence->figures)
        params.counters = presence->figures(presence->arg, &arena);
    if (presence->holds)
        presence->holds(presence->arg, &params, &arena);
    presence->call = rpc_call(presence->store, METHOD_store_announce, &params, ANNOUNCE_TIMEOUT_MS,
                              STR_NONE, on_announced, presence);
}

void presence_announce_now(struct presence *presence)
{
    rpc_call_cancel(take(presence->call));
    loop_cancel(take(presence->timer));
    announce(presence);
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

struct presence *presence_new(const struct presence_options *options)
{
    struct presence *presence = mem_alloc_zero(sizeof(*presence));
    struct arena *arena = &presence->arena;
    const char *advertise = options->advertise && *options->advertise ? options->advertise : NULL;
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    presence->loop = options->loop;
    presence->store = options->store;
    presence->figures = options->figures;
    presence->holds = options->holds;
    presence->told = options->told;
    presence->arg = options->arg;
    presence->self = (struct peer){
        .daemon = arena_str(arena, str_of(options->daemon)),
        .name = arena_str(arena, str_of(options->name)),
        .host = arena_str(arena, str_of(advertise ? advertise : host)),
        .endpoints = advertise_all(arena, options->endpoints, advertise),
        .feeds = advertise_all(arena, options->feeds, advertise),
        .public_key = arena_str(arena, str_of(options->public_key ? options->public_key : "")),
        .since = clock_wall_s(),
    };
    announce(presence);
    return presence;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    rpc_call_cancel(presence->call);
    loop_cancel(presence->timer);
    arena_done(&presence->peers_arena);
    arena_done(&presence->arena);
    mem_free(presence);
}

struct peer_list presence_peers(const struct presence *presence)
{
    return presence->peers.peers;
}
