/* Which certificates and allow-lists a process uses over TCP, by the settings or below the key
 * directory. */
#include <string.h>

#include "proto/settings/settings.h"

static const char *in_key_directory(const struct settings *settings, const char *set,
                                    const char *daemon, const char *kind, struct arena *arena)
{
    if (*set)
        return set;
    return arena_printf(arena, "%s/%s.%s", settings->entitled.key_directory, daemon, kind).ptr;
}

static const char *certificate_set(const struct settings *settings, struct str daemon)
{
    if (str_eq_text(daemon, "store"))
        return settings->store.curve_certificate;
    if (str_eq_text(daemon, "checker"))
        return settings->checker.curve_certificate;
    if (str_eq_text(daemon, "registrar"))
        return settings->registrar.curve_certificate;
    if (str_eq_text(daemon, "poller"))
        return settings->poller.curve_certificate;
    return settings->entitled.curve_certificate;
}

const char *settings_certificate(const struct settings *settings, const char *daemon,
                                 struct arena *arena)
{
    return in_key_directory(settings, certificate_set(settings, str_of(daemon)), daemon, "cert",
                            arena);
}

const char *settings_allowed_keys(const struct settings *settings, const char *daemon,
                                  struct arena *arena)
{
    const char *set = strcmp(daemon, "store") == 0 ? settings->store.allowed_keys
                                                   : settings->checker.allowed_keys;

    return in_key_directory(settings, set, daemon, "allowed", arena);
}

static struct config_list one(const char *path, struct arena *arena)
{
    struct config_list list = {.items = arena_alloc(arena, sizeof(*list.items)), .count = 1};

    list.items[0] = path;
    return list;
}

struct config_list settings_store_certificates(const struct settings *settings, struct arena *arena)
{
    return one(
        in_key_directory(settings, settings->entitled.store_certificate, "store", "cert", arena),
        arena);
}

struct config_list settings_checker_certificates(const struct settings *settings,
                                                 struct arena *arena)
{
    if (settings->entitled.checker_certificates.count > 0)
        return settings->entitled.checker_certificates;
    return one(in_key_directory(settings, "", "checker", "cert", arena), arena);
}
