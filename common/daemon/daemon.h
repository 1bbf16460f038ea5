/* The one skeleton of every daemon.
 *
 * daemon_main() fixes the order in one place: options, settings, log, signals, start, ready, loop,
 * drain, stop, exit code. A daemon is data plus handlers; no other file calls exit().
 *
 *   --help, --version, --config FILE, --check-config, --name NAME
 *
 * Without --config the file is ENTITLED_CONFIG's, else config_default_path()'s. systemd is told of
 * readiness and the stop, and its watchdog is fed, if it asks for that.
 *
 * As number 1 of a container it also waits for those whose parents are gone (init.h).
 *
 * Exit code: 0 after an orderly stop, 1 when the start or later the daemon itself failed, 2 for a
 * wrong command line or setting.
 */
#ifndef COMMON_DAEMON_DAEMON_H
#define COMMON_DAEMON_DAEMON_H

#include "common/base/error.h"
#include "common/config/config.h"
#include "common/loop/loop.h"

struct daemon_context {
    struct loop *loop;
    const void *settings; /* the suite's struct of values */
    const struct config *config;
    const char *instance; /* --name, default "1": tells several of one kind on a host apart */
};

/* A setting of the daemon's own that may also stand on the command line: --option ARGUMENT. */
struct daemon_option {
    const char *name;
    const char *variable; /* the setting's, in the environment: ENTITLED_<SECTION>_<NAME> */
    const char *argument;
    const char *help;
};

struct daemon {
    const char *name;    /* "entitled-store" */
    const char *summary; /* one line for --help */
    size_t state_size;   /* zeroed memory given to the functions below */
    const struct config_schema *schema;
    const struct daemon_option *options; /* optional; ends with a row without a name */
    /* Settings that are wrong only together, or only for this daemon; also run by --check-config.
     */
    int (*check)(const void *settings, struct error *error);
    /* Optional, for --check-config: the files beside the settings that only the start reads. */
    int (*check_files)(const void *settings, struct error *error);
    int (*start)(void *state, const struct daemon_context *context, struct error *error);
    /* Optional: the stop begins; the loop goes on until daemon_drained(), for drain_limit_ms (0:
     * 20 s) at most, or until a second SIGTERM. */
    void (*drain)(void *state);
    int64_t drain_limit_ms;
    int64_t trim_interval_ms;  /* how often unused memory goes back to the system; 0: every 10 s */
    void (*stop)(void *state); /* frees what start made, also after a start that failed half-way */
    const char *(*log_level)(const void *settings); /* optional */
};

int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* The context is the one that start() was given; it lives until daemon_main() returns. */
void daemon_drained(const struct daemon_context *context);
/* Something failed that this process cannot go on without; the daemon has logged it. Ends without
 * draining, exit code 1. Also while starting, where returning -1 says more. */
void daemon_failed(const struct daemon_context *context);

#endif
