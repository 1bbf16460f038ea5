#include "services/store/process/store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/settings/settings_policy.h"
#include "services/store/work/opening.h"
#include "services/store/work/plan.h"

static const char holder[] = "entitled-store";

static void on_broken(void *arg, const char *why, bool is_damaged)
{
    struct store *store = arg;

    if (is_damaged)
        log_error("the files of the database are damaged; stopping. No start will mend them: "
                  "restore the backup (docs/operations.md, \"Backup\")",
                  LOG_TEXT("why", why));
    else
        log_error("the database is broken; stopping, so that the next start recovers it. All "
                  "acknowledged writes had been synced",
                  LOG_TEXT("why", why));
    daemon_failed(store->context);
}

/* The lock comes before recovery: a second store would destroy the first one's database. */
static int open_database(struct store *store, struct error *error)
{
    const struct settings_store *settings = &store->settings->store;
    struct db_options options = {.directory = settings->directory,
                                 .cache_bytes = settings->cache_size,
                                 .on_broken = on_broken,
                                 .arg = store};

    if (mkdir(settings->directory, 0700) < 0 && errno != EEXIST)
        return error_set(error, "cannot make store.directory '%s': %s", settings->directory,
                         strerror(errno));
    struct str lock_path = arena_printf(&store->arena, "%s/lock", settings->directory);
    if (lock_take(&store->lock, lock_path.ptr, holder, error) < 0)
        return -1;
    int64_t began_ms = clock_mono_ms();
    if (db_open(&store->books.db, &options, error) < 0 ||
        books_open(&store->books, settings->lease_ms, error) < 0)
        return -1;
    log_info("database recovered", LOG_TEXT("directory", settings->directory),
             LOG_TEXT("incarnation", store->books.incarnation), LOG_INT("seq", store->books.seq),
             LOG_INT("took_ms", clock_mono_ms() - began_ms));
    return 0;
}

static void init_queues(struct store *store)
{
    TAILQ_INIT(&store->claims);
    TAILQ_INIT(&store->waits);
    for (int class = 0; class < due_class_count; class ++)
        TAILQ_INIT(&store->tokens[class]);
}

static void init_quota(struct store *store)
{
    int64_t share[due_class_count] = {0};

    for (int class = due_class_none + 1; class < due_class_count; class ++)
        share[class] = settings_quota_share(store->settings,
                                            str_of(choice_text(&enumeration_due_class, class)));
    quota_init(&store->quota, store->settings->store.quota_per_second, share, clock_mono_us());
}

/* The feed first: a client that gets an answer can subscribe. */
static int open_endpoints(struct store *store, struct error *error)
{
    struct config_list listen = settings_store_listen(store->settings, &store->arena);
    struct config_list feed = settings_store_feed(store->settings, &store->arena);
    struct endpoint_binding feed_binding = {&feed, holder, 0660};
    struct rpc_server_options options = {
        .binding = {&listen, holder, 0660}, .routes = store_routes, .arg = store};

    options.context = store->suite.sockets;
    if (suite_guard(&store->suite, &feed, error) < 0 ||
        suite_guard(&store->suite, &listen, error) < 0 ||
        feed_publisher_open(&store->feed, store->context->loop, store->suite.sockets, &feed_binding,
                            error) < 0)
        return -1;
    return rpc_server_open(&store->server, store->context->loop, &options, error);
}

/* Until its plan is made a subscription becomes due only by a new mark. */
static void plan_some(void *arg)
{
    struct store *store = arg;
    struct error error;
    int more = plan_more(&store->books, &error);

    if (more > 0) {
        loop_soon(store->context->loop, plan_some, store);
    } else if (more < 0) {
        log_error("the due work cannot be planned; stopping", LOG_TEXT("why", error.text));
        daemon_failed(store->context);
    } else {
        log_info("due work is planned",
                 LOG_INT("took_ms", clock_mono_ms() - store->planning_mono_ms));
        store->planning_mono_ms = 0;
    }
    store_dispatch(store);
}

void store_plan_anew(struct store *store)
{
    bool on_its_way = store->planning_mono_ms != 0;

    plan_anew(&store->books);
    store->planning_mono_ms = clock_mono_ms();
    if (!on_its_way)
        loop_soon(store->context->loop, plan_some, store);
}

int store_start(void *state, const struct daemon_context *context, struct error *error)
{
    struct store *store = state;
    const struct suite_options suite = {
        .loop = context->loop,
        .settings = context->settings,
        .daemon = "store",
        .instance = context->instance,
        .on_refused = store_journal_refused_keys,
        .arg = store,
    };

    store->context = context;
    store->settings = context->settings;
    store->books.settings = context->settings;
    store->books.policy = settings_policy(store->settings);
    init_queues(store);
    init_quota(store);
    store_commit_init(store);
    store->presence = presence_new();
    if (open_database(store, error) < 0 || suite_open(&store->suite, &suite, error) < 0 ||
        open_endpoints(store, error) < 0)
        return -1;
    store_start_heartbeat(store);
    store_start_housekeeping(store);
    store_start_check(store);
    store_start_catching_up(store);
    store->planning_mono_ms = clock_mono_ms();
    plan_some(store);
    return 0;
}

/* Requests that wait for their group are still executed, so that their senders can be answered. */
static void finish_commits(struct store *store)
{
    if (!store->server || db_is_broken(store->books.db))
        return;
    while (commit_run(&store->commit))
        ;
}

void store_stop(void *state)
{
    struct store *store = state;

    finish_commits(store);
    store_stop_check(store);
    store_stop_backup(store);
    loop_cancel(store->dispatch_timer);
    loop_cancel(store->heartbeat_timer);
    loop_cancel(store->housekeeping_timer);
    rpc_server_close(store->server);
    store_forget_writes(store);
    store_forget_parked(store);
    feed_publisher_close(store->feed);
    suite_close(&store->suite);
    presence_free(store->presence);
    books_close(&store->books);
    lock_release(store->lock);
    arena_done(&store->arena);
}
