#include "proto/suite/keys_check.h"

#include "common/base/mem.h"
#include "proto/endpoint/curve.h"

static int check_binding(const struct settings *settings, const char *daemon,
                         const struct config_list *addresses, struct arena *arena,
                         struct error *error)
{
    return curve_check_bind(addresses, settings_certificate(settings, daemon, arena),
                            settings_allowed_keys(settings, daemon, arena), error);
}

static int check_connection(const struct settings *settings, const char *daemon,
                            const struct config_list *addresses, struct arena *arena,
                            struct error *error)
{
    struct config_list servers = settings_store_certificates(settings, arena);

    return curve_check_connect(addresses, settings_certificate(settings, daemon, arena), &servers,
                               error);
}

static int check_store_client(const void *settings, const char *daemon, struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct config_list store = settings_store_endpoint(settings, &arena);

    return check_connection(settings, daemon, &store, &arena, error);
}

/* A store of no product runs, and does nothing: most likely these are not the settings meant. */
static int check_products(const struct settings *settings, struct error *error)
{
    if (settings->products.count > 0)
        return 0;
    return error_set(error, "there is no [product LABEL] section: name your products");
}

int suite_check_store_keys(const void *settings, struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct config_list listen = settings_store_listen(settings, &arena);
    struct config_list feed = settings_store_feed(settings, &arena);

    if (check_products(settings, error) < 0 ||
        check_binding(settings, "store", &feed, &arena, error) < 0)
        return -1;
    return check_binding(settings, "store", &listen, &arena, error);
}

int suite_check_checker_keys(const void *settings, struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct config_list store_feed = settings_store_feed_endpoint(settings, &arena);
    struct config_list listen = settings_checker_listen(settings, "", &arena);
    struct config_list feed = settings_checker_feed(settings, "", &arena);

    if (check_store_client(settings, "checker", error) < 0 ||
        check_connection(settings, "checker", &store_feed, &arena, error) < 0 ||
        check_binding(settings, "checker", &listen, &arena, error) < 0)
        return -1;
    return check_binding(settings, "checker", &feed, &arena, error);
}

int suite_check_registrar_keys(const void *settings, struct error *error)
{
    return check_store_client(settings, "registrar", error);
}

int suite_check_poller_keys(const void *settings, struct error *error)
{
    return check_store_client(settings, "poller", error);
}
