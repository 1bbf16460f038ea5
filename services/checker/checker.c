#include "services/checker/checker.h"

#include <stdio.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/settings/settings_aws.h"

/* Sockets in public/ are for the group of that directory. */
enum { PUBLIC_SOCKET_MODE = 0660 };

static const char program_name[] = "entitled-checker";

/* True if the copy was complete before. A copy that was given up never comes back, so a reader
 * that sees the same number before and after looking at the replica has looked at that copy. */
static bool show_copy(struct shown_state *shown, bool complete)
{
    bool was_complete = atomic_load(&shown->complete_copy) != 0;

    if (complete && !was_complete)
        atomic_store(&shown->complete_copy, ++shown->copies);
    else if (!complete)
        atomic_store(&shown->complete_copy, 0);
    return was_complete;
}

static void show_state(struct checker *checker, const struct replica_follow_state *now)
{
    struct shown_state *shown = &checker->shown;

    pthread_mutex_lock(&shown->lock);
    bool is_ready = now->complete || now->kept, was_ready = show_copy(shown, is_ready);
    shown->seq = now->seq;
    snprintf(shown->incarnation, sizeof(shown->incarnation), STR_FMT, STR_ARG(now->incarnation));
    pthread_mutex_unlock(&shown->lock);
    if (is_ready && !was_ready)
        log_info("answering", LOG_INT("subscriptions", replica_count(checker->replica)),
                 LOG_INT("seq", now->seq));
}

static void show_unreadable(struct checker *checker, const struct replica_follow_state *now)
{
    if (now->unreadable > checker->unreadable)
        log_error(
            "the store has records that this checker cannot read; they are missing from answers",
            LOG_INT("records", now->unreadable - checker->unreadable));
    checker->unreadable = now->unreadable;
}

static void on_change(void *arg, const struct commit_event *event)
{
    struct checker *checker = arg;
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    if (event)
        history_add(checker->history, event);
    else if (history_last(checker->history) != now.seq)
        history_restart(checker->history, now.seq);
    show_unreadable(checker, &now);
    show_state(checker, &now);
    checker_watch_kept(checker, &now);
    public_feed_update(checker->feed, &now, event);
}

static int open_replica(struct checker *checker, struct error *error)
{
    struct config_list feed;

    if (suite_store_feed(&checker->suite, &feed, error) < 0)
        return -1;
    const struct replica_follow_options options = {
        .loop = checker->daemon->loop,
        .context = checker->suite.sockets,
        .replica = checker->replica,
        .source = checker->suite.store,
        .snapshot_method = METHOD_store_snapshot,
        .changes_method = METHOD_store_changes,
        .feed = &feed,
        .reports_to_source = true,
        .on_change = on_change,
        .arg = checker,
    };

    return replica_follow_open(&checker->follow, &options, error);
}

/* A wrong account answers every question about our products with nothing; the store, which
 * remembers the right one, takes nothing from it. */
static void on_caller(void *arg, const struct aws_caller *caller)
{
    const struct checker *checker = arg;
    struct str seller = str_of(checker->settings->aws.seller_account);

    if (str_is_empty(caller->account))
        log_warning("AWS does not say whose credentials these are; until it does, a passed date "
                    "alone ends no access, and STS is asked again",
                    LOG_STR("why", caller->failure));
    else if (seller.len > 0 && !str_eq(seller, caller->account))
        log_warning("the credentials are not the seller account's; AWS will list nothing",
                    LOG_MASKED("account", caller->account), LOG_MASKED("seller_account", seller));
    else
        log_info("AWS knows the credentials", LOG_MASKED("account", caller->account),
                 LOG_STR("source", caller->source));
}

static int open_aws(struct checker *checker, struct error *error)
{
    struct aws_options options = settings_aws_options(checker->settings);

    settings_aws_role(&options, checker->settings->checker.role_arn);
    options.on_credentials = aws_log_credentials;
    options.on_clock = aws_log_clock;
    options.on_warning = aws_log_warning;
    options.services = AWS_CALLS(AWS_ENTITLEMENT);
    if (aws_new(&checker->aws, checker->daemon->loop, &options, error) < 0)
        return error_prefix(error, "aws");
    aws_watch_caller(checker->aws, on_caller, checker);
    return 0;
}

static void on_drained(void *arg)
{
    const struct checker *checker = arg;

    daemon_drained(checker->daemon);
}

static bool is_complete(void *arg)
{
    const struct checker *checker = arg;
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    return now.complete || now.kept;
}

static uint64_t complete_copy(void *arg)
{
    const struct checker *checker = arg;

    return atomic_load(&checker->shown.complete_copy);
}

static void start_work(struct checker *checker)
{
    checker->max_age = max_age_new(&(struct max_age_options){
        .guidance = &checker->guidance,
        .store = checker->suite.store,
        .replica = checker->replica,
        .reader = checker->loop_reader,
        .is_complete = is_complete,
        .arg = checker,
        .per_second = checker->settings->checker.max_age_rate,
    });
    checker->broad = broad_new(&(struct broad_options){
        .loop = checker->daemon->loop,
        .guidance = &checker->guidance,
        .reader = checker->loop_reader,
        .max_age = checker->max_age,
        .copy = complete_copy,
        .describe = checker_describe_state,
        .arg = checker,
    });
    checker->refresh = refresh_new(&(struct refresh_options){
        .loop = checker->daemon->loop,
        .aws = checker->aws,
        .store = checker->suite.store,
        .checker = checker->daemon->instance,
        .concurrent_calls = checker->settings->checker.max_concurrent_calls,
        .on_drained = on_drained,
        .arg = checker,
    });
}

static int64_t equal_mono_ms(void *arg)
{
    const struct checker *checker = arg;
    struct replica_follow_state now;

    replica_follow_state(checker->follow, &now);
    return now.equal_mono_ms;
}

static int open_sockets(struct checker *checker, struct error *error)
{
    const char *name = checker->daemon->instance;
    const struct settings *settings = checker->settings;
    struct config_list listen = settings_checker_listen(settings, name, &checker->arena);
    struct config_list feed = settings_checker_feed(settings, name, &checker->arena);
    const struct endpoint_binding feed_binding = {
        .addresses = &feed, .holder = program_name, .socket_mode = PUBLIC_SOCKET_MODE};
    const struct rpc_server_options query_options = {
        .context = checker->suite.sockets,
        .binding = {&listen, program_name, PUBLIC_SOCKET_MODE},
        .routes = query_routes,
        .batching = &query_batching,
        .arg = checker,
        .request_bytes = QUESTION_LIMIT_BYTES};

    if (suite_guard(&checker->suite, &listen, error) < 0 ||
        suite_guard(&checker->suite, &feed, error) < 0 ||
        public_feed_open(&checker->feed, checker->daemon->loop, checker->suite.sockets,
                         &feed_binding, equal_mono_ms, checker, error) < 0 ||
        rpc_server_open_threaded(&checker->queries, &query_options, error) < 0)
        return -1;
    suite_announce(&checker->suite, &(struct announcement_options){
                                        .endpoints = &listen,
                                        .feeds = &feed,
                                        .advertise = settings->checker.advertise,
                                        .holds = checker_holds,
                                        .told = checker_told,
                                        .arg = checker,
                                    });
    return 0;
}

int checker_start(void *state, const struct daemon_context *daemon, struct error *error)
{
    struct checker *checker = state;
    const struct suite_options suite = {
        .loop = daemon->loop,
        .settings = daemon->settings,
        .daemon = "checker",
        .instance = daemon->instance,
        .without_store = "answers go on from memory",
    };

    checker->daemon = daemon;
    checker->settings = daemon->settings;
    pthread_mutex_init(&checker->shown.lock, NULL);
    answering_init(&checker->guidance, checker->settings, &checker->arena);
    checker->replica = replica_new();
    checker->query_reader = replica_reader_new(checker->replica);
    checker->loop_reader = replica_reader_new(checker->replica);
    checker->history = history_new();
    if (handover_new(&checker->handover, daemon->loop, checker, error) < 0 ||
        suite_open(&checker->suite, &suite, error) < 0 || open_aws(checker, error) < 0)
        return -1;
    start_work(checker);
    if (open_replica(checker, error) < 0)
        return -1;
    return open_sockets(checker, error);
}

void checker_drain(void *state)
{
    struct checker *checker = state;

    refresh_drain(checker->refresh);
}

/* The server first: from then on nobody asks. Then what calls through the store's client, then the
 * client. */
void checker_stop(void *state)
{
    struct checker *checker = state;

    rpc_server_close(checker->queries);
    handover_free(checker->handover);
    broad_free(checker->broad);
    max_age_free(checker->max_age);
    refresh_free(checker->refresh);
    replica_follow_close(checker->follow);
    public_feed_close(checker->feed);
    aws_free(checker->aws);
    suite_close(&checker->suite);
    replica_reader_free(checker->query_reader);
    replica_reader_free(checker->loop_reader);
    replica_free(checker->replica);
    history_free(checker->history);
    pthread_mutex_destroy(&checker->shown.lock);
    arena_done(&checker->arena);
}
