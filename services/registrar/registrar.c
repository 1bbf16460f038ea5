#include "services/registrar/registrar.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/figures/figures.h"
#include "proto/settings/settings_aws.h"
#include "proto/settings/settings_policy.h"
#include "services/registrar/redemption.h"
#include "services/registrar/routes.h"
#include "services/registrar/visit.h"

enum { HEADER_LIMIT_BYTES = 32 * 1024, CALLERS_MAX = 65536 };

const size_t registrar_state_size = sizeof(struct registrar);

int registrar_check(const void *settings, struct error *error)
{
    return site_check(settings, error);
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static int open_aws(struct registrar *registrar, struct error *error)
{
    struct aws_options options = settings_aws_options(registrar->settings);

    settings_aws_role(&options, registrar->settings->registrar.role_arn);
    options.on_credentials = aws_log_credentials;
    options.on_clock = aws_log_clock;
    options.on_warning = aws_log_warning;
    options.services = AWS_CALLS(AWS_METERING);
    return aws_new(&registrar->aws, registrar->context->loop, &options, error);
}

static void open_limits(struct registrar *registrar)
{
    const struct settings_registrar *settings = &registrar->settings->registrar;

    caller_rules_init(&registrar->callers, &settings->trusted_proxies, &registrar->arena);
    if (settings->rate_limit > 0)
        registrar->rate_limit = rate_limit_new(settings->rate_limit, CALLERS_MAX);
}

static int open_server(struct registrar *registrar, struct error *error)
{
    const struct settings_registrar *settings = &registrar->settings->registrar;
    struct http_server_options options = {
        .address = settings->address,
        .port = (uint16_t)settings->port,
        .body_limit_bytes = (size_t)settings->body_limit,
        .header_limit_bytes = HEADER_LIMIT_BYTES,
        .connection_limit = (unsigned)settings->connection_limit,
        .request_timeout_ms = settings->request_timeout_ms,
        .tls_certificate_file = or_null(settings->tls_certificate_file),
        .tls_key_file = or_null(settings->tls_key_file),
        .peer_connection_limit = (unsigned)settings->address_connection_limit,
        .on_refused = on_refused,
        .is_exempt = is_trusted_proxy,
    };

    return http_server_open(&registrar->server, registrar->context->loop, &options, on_request,
                            registrar, error);
}

static int open_site(struct registrar *registrar, struct error *error)
{
    const struct settings_registrar *settings = &registrar->settings->registrar;
    bool ipv6 = strchr(settings->address, ':') != NULL;
    struct str url = arena_printf(
        &registrar->arena, "%s://%s%s%s:%u", settings->tls_certificate_file[0] ? "https" : "http",
        ipv6 ? "[" : "", settings->address, ipv6 ? "]" : "", http_server_port(registrar->server));

    return site_open(&registrar->site, registrar->settings, url.ptr, error);
}

/* Signed by another account than the seller's, every token is invalid and every customer unknown,
 * in silence; so it is said whenever the credentials change. */
static void on_caller(void *arg, const struct aws_caller *caller)
{
    const struct registrar *registrar = arg;
    const char *seller = registrar->settings->aws.seller_account;

    if (str_is_empty(caller->account))
        log_warning("AWS did not say which account signs our calls",
                    LOG_STR("why", caller->failure));
    else if (seller[0] && !str_eq_text(caller->account, seller))
        log_warning("our calls are not signed by seller_account: registration tokens will be "
                    "refused",
                    LOG_MASKED("account", caller->account));
    else
        log_info("AWS knows us", LOG_MASKED("account", caller->account));
}

static void log_start(const struct registrar *registrar)
{
    log_info("listening", LOG_TEXT("address", registrar->settings->registrar.address),
             LOG_INT("port", http_server_port(registrar->server)),
             LOG_STR("url", registrar->site.public_url),
             LOG_TEXT("mode", registrar->settings->registrar.mode));
    log_info("AWS is asked", LOG_STR("region", aws_region(registrar->aws)),
             LOG_STR("endpoint", aws_endpoint(registrar->aws, AWS_METERING)),
             LOG_STR("credentials", aws_credentials_source(registrar->aws)));
}

static void add_figures(const struct registrar *registrar, struct figures *figures)
{
    struct http_server_stats http;

    http_server_stats(registrar->server, &http);
#define FIGURES_OF_registrar FIGURES_ADD
#include "proto/figures/figures.def"
}

static struct counter_list figures_of(void *arg, struct arena *arena)
{
    struct figures figures = {.arena = arena};

    add_figures(arg, &figures);
    return figures.list;
}

int registrar_start(void *state, const struct daemon_context *context, struct error *error)
{
    struct registrar *registrar = state;
    const struct suite_options suite = {
        .loop = context->loop,
        .settings = context->settings,
        .daemon = "registrar",
        .instance = context->instance,
        .without_store = "buyers are asked to come back later",
    };

    registrar->context = context;
    registrar->settings = context->settings;
    registrar->policy = settings_policy(registrar->settings);
    open_limits(registrar);
    if (open_aws(registrar, error) != 0 || suite_open(&registrar->suite, &suite, error) != 0 ||
        open_server(registrar, error) != 0 || open_site(registrar, error) != 0)
        return -1;
    keys_open(registrar);
    aws_watch_caller(registrar->aws, on_caller, registrar);
    suite_announce(&registrar->suite,
                   &(struct announcement_options){.figures = figures_of, .arg = registrar});
    log_start(registrar);
    return 0;
}

void registrar_ended(struct registrar *registrar)
{
    if (registrar->draining && LIST_EMPTY(&registrar->visits) &&
        LIST_EMPTY(&registrar->redemptions))
        daemon_drained(registrar->context);
}

void registrar_drain(void *state)
{
    struct registrar *registrar = state;

    registrar->draining = true;
    registrar_ended(registrar);
}

static void log_stop(const struct registrar *registrar)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct figures figures = {.arena = &arena};

    add_figures(registrar, &figures);
    figures_log(LOG_LEVEL_INFO, "stopped", NULL, 0, &figures);
}

void registrar_stop(void *state)
{
    struct registrar *registrar = state;

    registrar->draining = false;
    if (registrar->server)
        log_stop(registrar);
    visits_close(registrar);
    redemptions_close(registrar);
    http_server_close(registrar->server);
    keys_close(registrar);
    aws_free(registrar->aws);
    suite_close(&registrar->suite);
    site_close(&registrar->site);
    rate_limit_free(registrar->rate_limit);
    arena_done(&registrar->arena);
}
