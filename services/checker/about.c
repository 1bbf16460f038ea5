/* `describe` and `stats`. On the loop. */
#include "common/base/clock.h"
#include "services/checker/checker.h"

void on_describe(void *arg, struct rpc_request *request)
{
    const struct checker *checker = arg;
    struct decision_policy policy = policy_to_message(&checker->guidance.policy);
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    const struct describe_result result = {
        .daemon = STR("entitled-checker"),
        .version = STR(ENTITLED_VERSION),
        .instance = str_of(checker->daemon->instance),
        .protocol_major = PROTOCOL_MAJOR,
        .protocol_minor = PROTOCOL_MINOR,
        .ready = now.complete || now.kept,
        .incarnation = now.incarnation,
        .seq = now.seq,
        .peers = suite_peers(&checker->suite),
        .policy = &policy,
        .products = checker->guidance.products,
        .catching_up_since = now.catching_up_since_s,
    };
    rpc_reply(request, &result);
}

struct figures {
    struct counter items[64];
    size_t count;
};

static void add(struct figures *figures, const char *name, double value)
{
    figures->items[figures->count++] = (struct counter){.name = str_of(name), .value = value};
}

static void add_replica(struct figures *figures, const struct checker *checker)
{
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    add(figures, "ready", now.complete || now.kept);
    add(figures, "store_connected", rpc_client_connected(checker->suite.store));
    add(figures, "replica_subscriptions", (double)replica_count(checker->replica));
    add(figures, "replica_seq", (double)now.seq);
    if (now.last_heard_mono_ms > 0)
        add(figures, "store_heard_ms_ago", (double)(clock_mono_ms() - now.last_heard_mono_ms));
    add(figures, "feed_gaps_total", (double)now.gaps);
    add(figures, "snapshots_taken_total", (double)now.snapshots);
    add(figures, "records_unreadable_total", (double)now.unreadable);
    add(figures, "store_catching_up", now.catching_up_since_s != 0);
    add(figures, "store_older_starts_total", (double)now.older_starts);
    add(figures, "store_lost_commits", (double)now.lost_commits);
    add(figures, "overrides_lost_total", (double)checker->kept.overrides_lost);
    add(figures, "overrides_back_total", (double)checker->kept.overrides_back);
    add(figures, "tenants_lost_total", (double)checker->kept.tenants_lost);
}

static void add_queries(struct figures *figures, const struct checker *checker)
{
    struct rpc_server_stats stats;

    rpc_server_stats(checker->queries, &stats);
    add(figures, "requests_total", (double)stats.requests);
    add(figures, "requests_malformed_total", (double)stats.malformed);
    add(figures, "requests_failed_total", (double)stats.failed);
    add(figures, "requests_declined_total", (double)stats.declined);
    add(figures, "requests_expired_total", (double)stats.expired);
    add(figures, "requests_idle_total", (double)stats.idle);
    add(figures, "replies_undeliverable_total", (double)stats.undeliverable);
    add(figures, "requests_refused_total", (double)stats.refused);
    add(figures, "requests_parked", (double)stats.parked);
    add(figures, "waiting_bytes", (double)stats.waiting_bytes);
}

static void add_feed(struct figures *figures, const struct checker *checker)
{
    struct feed_publisher_stats stats = public_feed_stats(checker->feed);

    add(figures, "feed_readers_cut_off_total", (double)stats.cut_off);
    add(figures, "feed_withheld_total", (double)stats.withheld);
    add(figures, "feed_waiting_bytes", (double)stats.waiting_bytes);
}

static void add_connections(struct figures *figures, const struct checker *checker)
{
    struct admission_stats stats = admission_stats(checker->suite.admission);

    add(figures, "connections_admitted_total", (double)stats.admitted);
    add(figures, "keys_refused_total", (double)stats.keys_refused);
    add(figures, "handshakes_failed_total", (double)stats.not_handshaken);
}

static void add_refresh(struct figures *figures, const struct checker *checker)
{
    struct refresh_stats stats = refresh_stats(checker->refresh);

    add(figures, "refreshes_applied_total", (double)stats.applied);
    add(figures, "refreshes_changed_total", (double)stats.changed);
    add(figures, "refreshes_failed_total", (double)stats.failed);
    add(figures, "refreshes_throttled_total", (double)stats.throttled);
    add(figures, "refreshes_too_late_total", (double)stats.refused);
    add(figures, "sweeps_total", (double)stats.swept);
    add(figures, "claims_refused_total", (double)stats.unwelcome);
    add(figures, "refreshes_calling", (double)stats.calling);
}

static void add_max_age(struct figures *figures, const struct checker *checker)
{
    struct max_age_stats stats = max_age_stats(checker->max_age);

    add(figures, "max_age_asked_total", (double)stats.asked);
    add(figures, "max_age_rationed_total", (double)stats.rationed);
    add(figures, "max_age_unmet_total", (double)stats.unmet);
}

void on_stats(void *arg, struct rpc_request *request)
{
    const struct checker *checker = arg;
    struct figures figures = {.count = 0};

    add_replica(&figures, checker);
    add_queries(&figures, checker);
    add_feed(&figures, checker);
    add_connections(&figures, checker);
    add_refresh(&figures, checker);
    add_max_age(&figures, checker);
    rpc_reply(request,
              &(struct stats_result){.counters = {figures.items, figures.count},
                                     .aws_credentials = aws_credentials_source(checker->aws),
                                     .aws_account = aws_account(checker->aws)});
}
