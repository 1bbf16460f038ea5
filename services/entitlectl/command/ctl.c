#include "services/entitlectl/command/ctl.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/config/config_value.h"

enum { TIMEOUT_MS = 5000 };

int ctl_fail(struct ctl *ctl, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ctl->error.text, sizeof(ctl->error.text), format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

struct config_list ctl_store_endpoints(struct ctl *ctl)
{
    const char *given = arguments_option(&ctl->arguments, "store");
    struct config_list list = {.items = arena_alloc(&ctl->arena, sizeof(*list.items)), .count = 1};

    if (!given)
        return settings_store_endpoint(ctl->settings, &ctl->arena);
    list.items[0] = given;
    return list;
}

struct config_list ctl_checker_endpoints(struct ctl *ctl)
{
    const char *given = arguments_option(&ctl->arguments, "checker");
    struct config_list list = {.items = arena_alloc(&ctl->arena, sizeof(*list.items)), .count = 1};

    if (!given)
        return settings_checker_endpoints(ctl->settings, &ctl->arena);
    list.items[0] = given;
    return list;
}

/* No daemon answers, or one refuses: two sentences. */
static int explain_failure(struct ctl *ctl, const char *daemon)
{
    if (ctl->code == ERROR_TIMEOUT || ctl->code == ERROR_UNAVAILABLE)
        error_prefix(&ctl->error,
                     "entitled-%s does not answer (is it running, and may you use its socket?)",
                     daemon);
    else
        error_prefix(&ctl->error, "entitled-%s says %s", daemon, rpc_errors[ctl->code].code);
    return ctl->code == ERROR_NOT_FOUND ? EXIT_REFUSED : EXIT_FAILED;
}

/* Of several checkers each may have its own certificate, in the order of the settings. */
static struct config_list certificates_of(struct ctl *ctl, const char *daemon,
                                          const struct config_list *addresses)
{
    struct config_list all = settings_checker_certificates(ctl->settings, &ctl->arena);
    struct config_list endpoints = ctl->settings->entitled.checker_endpoints;
    size_t over_tcp = 0;

    if (str_eq_text(str_of(daemon), "store"))
        return settings_store_certificates(ctl->settings, &ctl->arena);
    for (size_t i = 0; all.count > 1 && addresses->count == 1 && i < endpoints.count; i++) {
        if (!endpoint_is_tcp(endpoints.items[i]))
            continue;
        if (str_eq_text(str_of(endpoints.items[i]), addresses->items[0]))
            return (struct config_list){.items = all.items + over_tcp, .count = 1};
        over_tcp++;
    }
    return all;
}

static int open_session(struct ctl *ctl, struct rpc_session **ret, const char *daemon,
                        const struct config_list *addresses)
{
    struct config_list servers = certificates_of(ctl, daemon, addresses);
    const char *own = settings_certificate(ctl->settings, "entitlectl", &ctl->arena);

    return rpc_session_open(ret, addresses, own, &servers, &ctl->error);
}

static int ask(struct ctl *ctl, struct rpc_session **session, const char *daemon,
               const struct config_list *addresses, enum method_id method, const void *params,
               const void **ret_result)
{
    int64_t timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : TIMEOUT_MS;

    if (!*session && open_session(ctl, session, daemon, addresses) < 0)
        return EXIT_FAILED;
    if (rpc_session_call(*session, method, params, timeout_ms, STR_NONE, &ctl->arena, ret_result,
                         &ctl->code, &ctl->error) == 0)
        return EXIT_DONE;
    return explain_failure(ctl, daemon);
}

int ctl_ask_store(struct ctl *ctl, enum method_id method, const void *params,
                  const void **ret_result)
{
    struct config_list addresses = ctl_store_endpoints(ctl);

    return ask(ctl, &ctl->store, "store", &addresses, method, params, ret_result);
}

int ctl_ask_checker(struct ctl *ctl, enum method_id method, const void *params,
                    const void **ret_result)
{
    struct config_list addresses = ctl_checker_endpoints(ctl);

    if (addresses.count == 0)
        return ctl_fail(ctl,
                        "no checker is found: there is no socket in %s/public (is "
                        "entitled-checker running, and may you look there?)",
                        ctl->settings->entitled.run_directory);
    return ask(ctl, &ctl->checker, "checker", &addresses, method, params, ret_result);
}

int ctl_ask_at(struct ctl *ctl, const char *endpoint, enum method_id method, const void *params,
               const void **ret_result)
{
    struct config_list addresses = {.items = &endpoint, .count = 1};
    struct rpc_session *session = NULL;

    int code = ask(ctl, &session, methods[method].server[0] == 's' ? "store" : "checker",
                   &addresses, method, params, ret_result);
    rpc_session_close(session);
    return code;
}

struct str ctl_option(const struct ctl *ctl, const char *name)
{
    return str_of(arguments_option(&ctl->arguments, name));
}

static int option_value(struct ctl *ctl, const struct config_setting *setting,
                        union config_value *ret)
{
    struct error error;

    if (config_value_parse(setting, ctl_option(ctl, setting->name), &ctl->arena, ret, &error) < 0)
        return ctl_fail(ctl, "--%s: %s", setting->name, error.text);
    return EXIT_DONE;
}

int ctl_option_count(struct ctl *ctl, const char *name, int64_t fallback, int64_t *ret)
{
    const struct config_setting setting = {
        .name = name, .type = CONFIG_INTEGER, .min = 1, .max = 1000000};
    union config_value value;

    *ret = fallback;
    if (!arguments_flag(&ctl->arguments, name))
        return EXIT_DONE;
    int code = option_value(ctl, &setting, &value);
    if (code == EXIT_DONE)
        *ret = value.number;
    return code;
}

int ctl_option_span(struct ctl *ctl, const char *name, int64_t fallback_ms, int64_t *ret_ms)
{
    const struct config_setting setting = {
        .name = name, .type = CONFIG_DURATION, .min = 1, .max = INT64_C(3650) * 86400 * 1000};
    union config_value value;

    *ret_ms = fallback_ms;
    if (!arguments_flag(&ctl->arguments, name))
        return EXIT_DONE;
    int code = option_value(ctl, &setting, &value);
    if (code == EXIT_DONE)
        *ret_ms = value.number;
    return code;
}

void ctl_print_json(struct ctl *ctl, struct json *root)
{
    json_write_pretty(root, &ctl->out);
    json_free(root);
}

struct str ctl_author(struct ctl *ctl)
{
    const char *behind_sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());

    if (behind_sudo && *behind_sudo)
        return str_of(behind_sudo);
    if (user)
        return arena_str(&ctl->arena, str_of(user->pw_name));
    return arena_printf(&ctl->arena, "uid %u", (unsigned)getuid());
}
