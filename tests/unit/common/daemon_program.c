/* A daemon that says on standard output what it is told to do, for daemon_test.py. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon/daemon.h"

struct settings {
    const char *fail;
    const char *drain;
    const char *log_level;
};

static const struct config_setting rows[] = {
    {.name = "fail",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct settings, fail),
     .default_value = "never",
     .choices = "never check start later drain",
     .help = "Where to fail."},
    {.name = "drain",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct settings, drain),
     .default_value = "soon",
     .choices = "now soon never",
     .help = "When everything is finished."},
    {.name = "log_level",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct settings, log_level),
     .default_value = "info",
     .help = "The least that is logged."},
    {.name = NULL},
};
static const struct config_section sections[] = {
    {.name = "test", .settings = rows, .help = "The test."},
    {.name = NULL},
};
static const struct config_schema schema = {.sections = sections, .size = sizeof(struct settings)};

struct state {
    const struct daemon_context *context;
    const struct settings *settings;
};

static void say(const char *what)
{
    puts(what);
    fflush(stdout);
}

/* In the place of the C library's, under every sanitizer. */
int malloc_trim(size_t pad)
{
    if (getenv("TRIM_INTERVAL_MS"))
        say("trim");
    return pad == 0;
}

static int check(const void *settings, struct error *error)
{
    const struct settings *s = settings;

    return strcmp(s->fail, "check") == 0 ? error_set(error, "the check failed") : 0;
}

static void fail(void *arg)
{
    const struct state *state = arg;

    daemon_failed(state->context);
}

static int start(void *arg, const struct daemon_context *context, struct error *error)
{
    struct state *state = arg;

    *state = (struct state){.context = context, .settings = context->settings};
    raise(SIGPIPE);
    printf("start %s\n", context->instance);
    fflush(stdout);
    if (strcmp(state->settings->fail, "start") == 0)
        return error_set(error, "the start failed");
    if (strcmp(state->settings->fail, "later") == 0)
        loop_soon(context->loop, fail, state);
    daemon_drained(context);
    return 0;
}

static void finish(void *arg)
{
    const struct state *state = arg;

    say("drained");
    daemon_drained(state->context);
}

static void drain(void *arg)
{
    struct state *state = arg;

    say("drain");
    if (strcmp(state->settings->fail, "drain") == 0)
        fail(state);
    else if (strcmp(state->settings->drain, "now") == 0)
        finish(state);
    else if (strcmp(state->settings->drain, "soon") == 0)
        loop_soon(state->context->loop, finish, state);
}

static void stop(void *arg)
{
    (void)arg;
    say("stop");
}

static const char *log_level(const void *settings)
{
    const struct settings *s = settings;

    return s->log_level;
}

int main(int argc, char **argv)
{
    const char *limit = getenv("DRAIN_LIMIT_MS"), *interval = getenv("TRIM_INTERVAL_MS");
    const struct daemon daemon = {
        .name = "entitled-test",
        .summary = "does nothing, in order",
        .state_size = sizeof(struct state),
        .schema = &schema,
        .check = check,
        .start = start,
        .drain = drain,
        .drain_limit_ms = limit ? atoi(limit) : 0,
        .trim_interval_ms = interval ? atoi(interval) : 0,
        .stop = stop,
        .log_level = log_level,
    };

    return daemon_main(&daemon, argc, argv);
}
