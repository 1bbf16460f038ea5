/* What the process says of itself. */
#include "common/base/clock.h"
#include "services/store/process/store.h"
#include "services/store/rules/ends.h"
#include "services/store/tables/seller.h"

/* Only checkers answer applications: clients are told of them. */
static const char checker_daemon[] = "entitled-checker";

struct peer_list store_live_checkers(struct store *store, struct arena *arena)
{
    return presence_list(store->presence, str_of(checker_daemon), clock_mono_ms(), arena);
}

void serve_describe(void *arg, struct rpc_request *request)
{
    struct store *store = arg;

    rpc_reply(request, &(struct describe_result){
                           .daemon = STR("entitled-store"),
                           .version = STR(ENTITLED_VERSION),
                           .instance = str_of(store->context->instance),
                           .protocol_major = PROTOCOL_MAJOR,
                           .protocol_minor = PROTOCOL_MINOR,
                           .ready = true,
                           .incarnation = str_of(store->books.incarnation),
                           .seq = store->books.seq,
                           .peers = store_live_checkers(store, rpc_request_arena(request)),
                           .catching_up_since = store->books.catching_up_since_s,
                       });
}

void serve_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = clock_wall_ms()});
}

static size_t count_parked(const struct parked_queue *queue)
{
    const struct parked *parked;
    size_t count = 0;

    TAILQ_FOREACH (parked, queue, link)
        count++;
    return count;
}

static void add(struct stats_result *stats, struct str name, double value)
{
    stats->counters.items[stats->counters.count++] = (struct counter){name, value};
}

static void add_server(struct store *store, struct stats_result *stats)
{
    struct rpc_server_stats server;

    rpc_server_stats(store->server, &server);
    add(stats, STR("requests_total"), (double)server.requests);
    add(stats, STR("requests_malformed_total"), (double)server.malformed);
    add(stats, STR("requests_failed_total"), (double)server.failed);
    add(stats, STR("requests_declined_total"), (double)server.declined);
    add(stats, STR("requests_expired_total"), (double)server.expired);
    add(stats, STR("requests_idle_total"), (double)server.idle);
    add(stats, STR("replies_undeliverable_total"), (double)server.undeliverable);
    add(stats, STR("requests_refused_total"), (double)server.refused);
    add(stats, STR("requests_parked"), (double)server.parked);
    add(stats, STR("waiting_bytes"), (double)server.waiting_bytes);
    struct feed_publisher_stats feed = feed_publisher_stats(store->feed);
    add(stats, STR("feed_readers_cut_off_total"), (double)feed.cut_off);
    add(stats, STR("feed_withheld_total"), (double)feed.withheld);
    add(stats, STR("feed_waiting_bytes"), (double)feed.waiting_bytes);
    struct admission_stats tcp = admission_stats(store->suite.admission);
    add(stats, STR("connections_admitted_total"), (double)tcp.admitted);
    add(stats, STR("keys_refused_total"), (double)tcp.keys_refused);
    add(stats, STR("handshakes_failed_total"), (double)tcp.not_handshaken);
}

static void add_commits(const struct store *store, struct stats_result *stats)
{
    const struct commit_stats *commits = &store->commit.stats;

    add(stats, STR("seq"), (double)store->books.seq);
    add(stats, STR("commit_groups_total"), (double)commits->groups);
    add(stats, STR("commit_requests_total"), (double)commits->requests);
    add(stats, STR("commit_spoiled_total"), (double)commits->spoiled);
    add(stats, STR("commit_refused_total"), (double)commits->refused);
    add(stats, STR("feed_events_total"), (double)store->events_published);
    add(stats, STR("feed_truncated_total"), (double)store->events_truncated);
    add(stats, STR("indexes_unproven"), store->books.indexes_unproven);
    add(stats, STR("index_entries_checked_total"), (double)store->index_check.entries);
    add(stats, STR("index_entries_mended_total"),
        (double)(store->index_check.missing + store->index_check.surplus));
    add(stats, STR("free_space_bytes"), (double)db_free_bytes(store->books.db));
}

static void add_due(const struct store *store, struct stats_result *stats, struct arena *arena)
{
    struct due_counts due = due_counts(store->books.due);

    add(stats, STR("catching_up"), store->books.catching_up_since_s != 0);
    add(stats, STR("lost_commits"), (double)store->books.lost_commits);
    add(stats, STR("due_planned"), (double)due.planned);
    add(stats, STR("due_ready"), (double)due.ready);
    add(stats, STR("due_claimed"), (double)due.claimed);
    add(stats, STR("claims_total"), (double)due.claims);
    add(stats, STR("claims_lapsed_total"), (double)due.lapses);
    add(stats, STR("claims_refused_total"), (double)store->claims_refused);
    add(stats, STR("claims_waiting"), (double)count_parked(&store->claims));
    add(stats, STR("waits_waiting"), (double)count_parked(&store->waits));
    struct ends_held held = ends_held(&store->books, clock_wall_s());
    add(stats, STR("ends_held"), (double)held.waiting);
    add(stats, STR("ends_refused"), (double)held.refused);
    add(stats, STR("quota_rate_per_second"), store->quota.rate_per_s);
    add(stats, STR("quota_throttled_total"), (double)store->quota.throttles);
    for (int class = due_class_none + 1; class < due_class_count; class ++)
        add(stats,
            arena_printf(arena, "quota_taken_%s_total", choice_text(&enumeration_due_class, class)),
            (double)store->quota.taken[class]);
}

void serve_stats(void *arg, struct rpc_request *request)
{
    enum { COUNTERS_MAX = 64 };
    struct store *store = arg;
    struct arena *arena = rpc_request_arena(request);
    struct stats_result stats = {
        .counters.items = arena_alloc_array(arena, COUNTERS_MAX, sizeof(struct counter))};

    add_server(store, &stats);
    add_commits(store, &stats);
    add_due(store, &stats, arena);
    db_forgive(store->books.db);
    stats.processes = presence_figures(store->presence, clock_mono_ms(), arena);
    stats.aws_account = seller_account(store->books.db, arena);
    rpc_reply(request, &stats);
}
