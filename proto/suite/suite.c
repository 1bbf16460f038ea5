#include "proto/suite/suite.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/endpoint/curve.h"
#include "proto/suite/audit.h"

int suite_expect_store(struct endpoint_context *sockets, const struct settings *settings,
                       const char *process, const struct config_list *addresses,
                       struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct config_list servers = settings_store_certificates(settings, &arena);

    return curve_before_connect(sockets, addresses, settings_certificate(settings, process, &arena),
                                &servers, error);
}

static void on_store(void *arg, bool connected)
{
    const struct suite *suite = arg;
    const struct suite_options *options = &suite->options;

    if (connected)
        log_info("the store is reached");
    else
        log_warning("the store is away", LOG_TEXT("meanwhile", options->without_store));
    if (options->on_store)
        options->on_store(options->arg, connected);
}

/* An instance that was given no name of its own is the only one, as far as it knows. */
static const char *name_in_journal(struct suite *suite)
{
    const struct suite_options *options = &suite->options;

    if (strcmp(options->instance, "1") == 0)
        return options->daemon;
    return arena_printf(&suite->arena, "%s %s", options->daemon, options->instance).ptr;
}

static int open_store(struct suite *suite, struct error *error)
{
    const struct suite_options *options = &suite->options;
    struct config_list addresses = settings_store_endpoint(options->settings, &suite->arena);

    if (suite_expect_store(suite->sockets, options->settings, options->daemon, &addresses, error) <
        0)
        return -1;
    if (rpc_client_open(&suite->store, options->loop, suite->sockets, &addresses, error) < 0)
        return error_prefix(error, "store");
    rpc_client_on_connection(suite->store, on_store, suite);
    suite->audit = audit_new(&(struct audit_options){
        .loop = options->loop, .store = suite->store, .process = name_in_journal(suite)});
    return 0;
}

int suite_open(struct suite *suite, const struct suite_options *options, struct error *error)
{
    suite->options = *options;
    suite->sockets = endpoint_context_new();
    return options->on_refused ? 0 : open_store(suite, error);
}

void suite_close(struct suite *suite)
{
    announcement_free(suite->announcement);
    admission_close(suite->admission);
    audit_free(suite->audit);
    rpc_client_close(suite->store);
    endpoint_context_free(suite->sockets);
    arena_done(&suite->arena);
    *suite = (struct suite){.sockets = NULL};
}

int suite_store_feed(struct suite *suite, struct config_list *ret, struct error *error)
{
    const struct suite_options *options = &suite->options;

    *ret = settings_store_feed_endpoint(options->settings, &suite->arena);
    return suite_expect_store(suite->sockets, options->settings, options->daemon, ret, error);
}

static void on_refused(void *arg, const char *last, uint64_t count)
{
    struct suite *suite = arg;

    audit_refused_by(suite->audit, ADMISSION_REFUSAL, last, count);
}

int suite_guard(struct suite *suite, const struct config_list *addresses, struct error *error)
{
    const struct suite_options *options = &suite->options;
    const struct admission_options admission = {
        .loop = options->loop,
        .context = suite->sockets,
        .allowed_keys = settings_allowed_keys(options->settings, options->daemon, &suite->arena),
        .on_refused = options->on_refused ? options->on_refused : on_refused,
        .arg = options->on_refused ? options->arg : suite,
    };
    const char *own = settings_certificate(options->settings, options->daemon, &suite->arena);

    return curve_before_bind(&suite->admission, addresses, own, &admission, error);
}

void suite_refused(struct suite *suite, const char *what)
{
    audit_refused(suite->audit, what);
}

void suite_announce(struct suite *suite, const struct announcement_options *options)
{
    struct announcement_options announced = *options;

    announced.loop = suite->options.loop;
    announced.store = suite->store;
    announced.daemon = arena_printf(&suite->arena, "entitled-%s", suite->options.daemon).ptr;
    announced.name = suite->options.instance;
    announced.public_key = suite->admission ? endpoint_context_public_key(suite->sockets) : NULL;
    suite->announcement = announcement_new(&announced);
}

void suite_announce_again(struct suite *suite)
{
    announcement_repeat(suite->announcement);
}

struct peer_list suite_peers(const struct suite *suite)
{
    return announcement_peers(suite->announcement);
}

void suite_add_figures(const struct suite *suite, const struct rpc_server *server,
                       struct feed_publisher_stats feed, struct figures *figures)
{
    struct admission_stats tcp = admission_stats(suite->admission);
    struct rpc_server_stats requests;

    rpc_server_stats(server, &requests);
#define FIGURES_OF_server FIGURES_ADD
#include "proto/figures/figures.def"
}
