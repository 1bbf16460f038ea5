/* bench_source: stands where the store stands, for checkers that are to hold more subscriptions
 * than a database is worth filling with. It makes up the records while it serves the snapshot; the
 * checker, its replica and its query path are the real ones.
 *
 *   --run-directory D --customers N [--updates-per-second U]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "common/loop/signals.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/feed.h"
#include "proto/endpoint/server.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"
#include "tests/support/random.h"

enum { CHUNK_MAX = 1500, TICK_MS = 10, TICKS_PER_HEARTBEAT = 20, CHECKERS_MAX = 16 };

struct source {
    struct loop *loop;
    struct feed_publisher *feed;
    uint64_t customers;
    double updates_per_tick, owed;
    int64_t base_s, seq, ticks;
    struct random random;
    struct arena peers_arena;
    struct peer peers[CHECKERS_MAX];
    size_t peer_count;
};

static const struct str incarnation = STR_INIT("bench");

/* data_record()'s ids begin with their number. */
static uint64_t number_after(struct str id)
{
    char digits[9] = {0};

    for (size_t i = 0; i < 8 && i + 2 < id.len; i++)
        digits[i] = id.ptr[i + 2];
    return id.len == 0 ? 0 : strtoull(digits, NULL, 16) + 1;
}

static void on_snapshot(void *arg, struct rpc_request *request)
{
    const struct source *source = arg;
    const struct snapshot_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct snapshot_result result = {.incarnation = incarnation, .seq = source->seq};
    uint64_t first = number_after(params->after);
    uint64_t count = first < source->customers ? source->customers - first : 0;

    if (count > CHUNK_MAX)
        count = CHUNK_MAX;
    if (params->limit > 0 && count > (uint64_t)params->limit)
        count = (uint64_t)params->limit;
    result.subscriptions.items = arena_alloc_array(arena, count, sizeof(struct str));
    for (uint64_t i = 0; i < count; i++) {
        struct buf bytes = BUF_INIT;
        struct subscription record;
        data_record(first + i, source->base_s, arena, &record);
        codec_encode(&shape_subscription, &record, &bytes);
        result.subscriptions.items[i] = arena_str(arena, buf_str(&bytes));
        buf_done(&bytes);
        if (i + 1 == count && first + count < source->customers)
            result.next = record.id;
    }
    result.subscriptions.count = count;
    rpc_reply(request, &result);
}

static void on_changes(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_fail(request, ERROR_NOT_FOUND, "take a snapshot");
}

/* Checkers tell others of each other by this list. */
static void on_announce(void *arg, struct rpc_request *request)
{
    struct source *source = arg;
    const struct announce_params *params = rpc_request_params(request);
    size_t at = 0;

    while (at < source->peer_count && !str_eq(source->peers[at].name, params->peer->name))
        at++;
    if (at == source->peer_count && at < CHECKERS_MAX) {
        codec_copy(&shape_peer, params->peer, &source->peers_arena, &source->peers[at]);
        source->peer_count++;
    }
    rpc_reply(request, &(struct announce_result){.peers = {source->peers, source->peer_count}});
}

static void on_describe(void *arg, struct rpc_request *request)
{
    const struct source *source = arg;

    rpc_reply(request, &(struct describe_result){.daemon = STR("entitled-store"),
                                                 .version = STR("bench"),
                                                 .instance = STR("bench"),
                                                 .protocol_major = PROTOCOL_MAJOR,
                                                 .protocol_minor = PROTOCOL_MINOR,
                                                 .ready = true,
                                                 .incarnation = incarnation,
                                                 .seq = source->seq});
}

static void forget(void *arg, struct rpc_request *request)
{
    (void)arg;
    (void)request;
}

/* Nothing is ever due. */
static void on_claim(void *arg, struct rpc_request *request)
{
    rpc_park(request, forget, arg);
}

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = clock_wall_ms()});
}

static const struct rpc_route routes[] = {
    {METHOD_store_snapshot, on_snapshot},
    {METHOD_store_changes, on_changes},
    {METHOD_store_announce, on_announce},
    {METHOD_store_describe, on_describe},
    {METHOD_store_claim, on_claim},
    {METHOD_store_ping, on_ping},
    {METHOD_COUNT, NULL},
};

static void publish_update(struct source *source)
{
    struct arena arena = ARENA_INIT;
    struct subscription record;

    data_record(random_next(&source->random) % source->customers, source->base_s, &arena, &record);
    record.version = record.seq = ++source->seq;
    feed_publish(source->feed, EVENT_feed_commit,
                 &(struct commit_event){.incarnation = incarnation,
                                        .seq = source->seq,
                                        .subscriptions = {&record, 1}});
    arena_done(&arena);
}

static void on_tick(void *arg)
{
    struct source *source = arg;

    if (source->ticks++ % TICKS_PER_HEARTBEAT == 0)
        feed_publish(source->feed, EVENT_feed_heartbeat,
                     &(struct heartbeat_event){.incarnation = incarnation,
                                               .seq = source->seq,
                                               .time_ms = clock_wall_ms()});
    for (source->owed += source->updates_per_tick; source->owed >= 1; source->owed--)
        publish_update(source);
    loop_after(source->loop, TICK_MS, on_tick, source);
}

static struct config_list one_address(struct arena *arena, const char *directory, const char *name)
{
    const char **items = arena_alloc(arena, sizeof(*items));

    *items = arena_printf(arena, "ipc://%s/private/%s", directory, name).ptr;
    return (struct config_list){items, 1};
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    const char *directory = option_text(&options, "--run-directory", NULL);
    struct arena arena = ARENA_INIT;
    struct config_list rpc = one_address(&arena, directory, "store.rpc");
    struct config_list feed = one_address(&arena, directory, "store.feed");
    struct endpoint_binding feed_binding = {&feed, "bench_source", 0660};
    struct endpoint_context *context = endpoint_context_new();
    struct source source = {
        .loop = loop_new(),
        .customers = (uint64_t)option_int(&options, "--customers", NULL),
        .updates_per_tick = option_number(&options, "--updates-per-second", "0") * TICK_MS / 1000,
        .base_s = clock_wall_s(),
        .seq = 1,
        .random = {1},
    };
    struct rpc_server_options server_options = {
        .context = context,
        .binding = {&rpc, "bench_source", 0660},
        .routes = routes,
        .arg = &source,
    };
    struct rpc_server *server;
    struct error error;

    int signals = loop_stop_on_signals(source.loop);
    if (feed_publisher_open(&source.feed, source.loop, context, &feed_binding, &error) < 0 ||
        rpc_server_open(&server, source.loop, &server_options, &error) < 0)
        tool_die("%s", error.text);
    loop_soon(source.loop, on_tick, &source);
    printf("ready\n");
    fflush(stdout);
    loop_run(source.loop);
    rpc_server_close(server);
    feed_publisher_close(source.feed);
    endpoint_context_free(context);
    loop_free(source.loop);
    close(signals);
    arena_done(&source.peers_arena);
    arena_done(&arena);
    return 0;
}
