/* What the process says of itself. */
#include "common/base/clock.h"
#include "proto/figures/figures.h"
#include "services/store/process/store.h"
#include "services/store/tables/seller.h"
#include "services/store/work/held.h"

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

static void add_own(const struct store *store, struct figures *figures)
{
    const struct commit_stats *commits = &store->commit.stats;
    struct due_counts due = due_counts(store->books.due);
    struct held_counts held = held_count(&store->books, clock_wall_s());
    size_t claims_waiting = count_parked(&store->claims);
    size_t waits_waiting = count_parked(&store->waits);

#define FIGURES_OF_store FIGURES_ADD
#include "proto/figures/figures.def"
}

static void add_quota(const struct store *store, struct figures *figures)
{
    for (int class = due_class_none + 1; class < due_class_count; class ++) {
        struct str label = str_of(choice_text(&enumeration_due_class, class));
#define FIGURES_OF_quota(name, where) figures_add(figures, figure_##name, label, (double)(where));
#include "proto/figures/figures.def"
    }
}

void serve_stats(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    struct arena *arena = rpc_request_arena(request);
    struct figures figures = {.arena = arena};

    add_own(store, &figures);
    add_quota(store, &figures);
    suite_add_figures(&store->suite, store->server, feed_publisher_stats(store->feed), &figures);
    db_forgive(store->books.db);
    rpc_reply(request, &(struct stats_result){
                           .counters = figures.list,
                           .processes = presence_figures(store->presence, clock_mono_ms(), arena),
                           .aws_account = seller_account(store->books.db, arena),
                       });
}
