#include "common/daemon/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/daemon/init.h"
#include "common/daemon/notify.h"
#include "common/daemon/options.h"
#include "common/log/log.h"
#include "common/loop/signals.h"

enum { EXIT_ORDERLY = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { DRAIN_LIMIT_MS = 20000, TRIM_INTERVAL_MS = 10000 };

struct running {
    struct daemon_context context; /* first: what the daemon holds leads back here */
    const struct daemon *daemon;
    void *state;
    int64_t watchdog_ms;
    bool draining;
    bool drained;
    bool late; /* the drain took too long */
    bool failed;
};

static struct running *running_of(const struct daemon_context *context)
{
    return (struct running *)(uintptr_t)context;
}

void daemon_drained(const struct daemon_context *context)
{
    struct running *running = running_of(context);

    if (!running->draining || running->drained)
        return;
    running->drained = true;
    loop_stop(context->loop);
}

void daemon_failed(const struct daemon_context *context)
{
    running_of(context)->failed = true;
    loop_stop(context->loop);
}

static void feed_watchdog(void *arg)
{
    struct running *running = arg;

    notify("WATCHDOG=1");
    loop_after(running->context.loop, running->watchdog_ms, feed_watchdog, running);
}

/* Half the time after which systemd takes the process for stuck, as sd_watchdog_enabled(3) asks. */
static void start_watchdog(struct running *running)
{
    uint64_t limit_us = 0;

    if (sd_watchdog_enabled(0, &limit_us) <= 0)
        return;
    running->watchdog_ms = (int64_t)(limit_us / 2000);
    feed_watchdog(running);
}

/* What a start, a copy of everything or a burst needed stays with the allocator, which gives back
 * no more than the end of its heap by itself. */
static void tidy_up(void *arg)
{
    struct running *running = arg;
    int64_t interval_ms = running->daemon->trim_interval_ms;

    malloc_trim(0);
    log_catch_up();
    loop_after(running->context.loop, interval_ms ? interval_ms : TRIM_INTERVAL_MS, tidy_up,
               running);
}

/* Without it systemd takes the start for failed, so it is told until it has taken it. */
static void tell_ready(void *arg)
{
    enum { AGAIN_MS = 100 };
    struct running *running = arg;

    if (!notify("READY=1"))
        loop_after(running->context.loop, AGAIN_MS, tell_ready, running);
}

static void on_drain_limit(void *arg)
{
    struct running *running = arg;

    running->late = true;
    loop_stop(running->context.loop);
}

static void drain(struct running *running)
{
    const struct daemon *daemon = running->daemon;
    int64_t limit_ms = daemon->drain_limit_ms ? daemon->drain_limit_ms : DRAIN_LIMIT_MS;

    if (!daemon->drain || running->failed)
        return;
    running->draining = true;
    loop_after(running->context.loop, limit_ms, on_drain_limit, running);
    daemon->drain(running->state);
    if (!running->drained && !running->failed)
        loop_run(running->context.loop);
    if (running->late)
        log_warning("some work was not finished in time; stopping anyway",
                    LOG_INT("limit_ms", limit_ms));
    else if (!running->drained && !running->failed)
        log_warning("told to stop at once; some work was not finished");
}

static int serve(struct running *running)
{
    struct error error = {.text = ""};

    if (running->daemon->start(running->state, &running->context, &error) != 0) {
        log_error("cannot start", LOG_TEXT("error", error.text));
        return EXIT_FAILED;
    }
    log_info("started", LOG_TEXT("version", ENTITLED_VERSION),
             LOG_TEXT("instance", running->context.instance));
    start_watchdog(running);
    tidy_up(running);
    tell_ready(running);
    if (!running->failed)
        loop_run(running->context.loop);

    log_info("stopping");
    notify("STOPPING=1");
    drain(running);
    return running->failed ? EXIT_FAILED : EXIT_ORDERLY;
}

static int run(const struct daemon *daemon, const struct config *config, const char *instance)
{
    struct running running = {
        .context = {.loop = loop_new(),
                    .settings = config_values(config),
                    .config = config,
                    .instance = instance},
        .daemon = daemon,
        .state = mem_alloc_zero(daemon->state_size),
    };

    /* Before start(), whose threads inherit the mask. */
    signal(SIGPIPE, SIG_IGN);
    int signals = loop_stop_on_signals(running.context.loop);
    int code = serve(&running);
    daemon->stop(running.state);
    log_info("stopped");
    loop_free(running.context.loop);
    close(signals);
    mem_free(running.state);
    return code;
}

static int check_files(const struct daemon *daemon, const struct config *config,
                       struct error *error)
{
    return daemon->check_files ? daemon->check_files(config_values(config), error) : 0;
}

static int load_settings(struct config **ret, const struct daemon *daemon, const char *path,
                         struct error *error)
{
    if (config_load(ret, daemon->schema, path ? path : config_default_path(), error) != 0)
        return -1;

    const void *settings = config_values(*ret);
    if (daemon->log_level && log_set_level(daemon->log_level(settings)) != 0)
        return error_set(error, "unknown log level '%s'", daemon->log_level(settings));
    return daemon->check ? daemon->check(settings, error) : 0;
}

static void say_settings_are_good(const struct options *options)
{
    puts("settings are good");
    if (!options->config_path && !config_default_path())
        puts("there is no settings file: all settings are defaults or come from the environment");
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
    struct options options;
    struct config *config = NULL;
    struct error error = {.text = ""};
    int code = EXIT_ORDERLY;

    log_set_daemon(daemon->name);
    enum options_result parsed = options_parse(&options, daemon, argc, argv);
    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? EXIT_ORDERLY : EXIT_USAGE;
    if (init_ran(&code))
        return code;

    if (load_settings(&config, daemon, options.config_path, &error) != 0 ||
        (options.check_only && check_files(daemon, config, &error) != 0)) {
        fprintf(stderr, "%s%s: %s\n", log_prefix(LOG_LEVEL_ERROR), daemon->name, error.text);
        code = EXIT_USAGE;
    } else if (options.check_only) {
        say_settings_are_good(&options);
    } else {
        code = run(daemon, config, options.instance);
    }
    config_free(config);
    return code;
}
