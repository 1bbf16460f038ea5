/* The command line that all daemons share. */
#ifndef COMMON_DAEMON_OPTIONS_H
#define COMMON_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "common/daemon/daemon.h"

struct options {
    const char *config_path; /* NULL: the default one */
    const char *instance;
    bool check_only;
};

enum options_result {
    OPTIONS_RUN,   /* go on with what was read */
    OPTIONS_DONE,  /* --help or --version was answered */
    OPTIONS_WRONG, /* the sentence is on standard error */
};

enum options_result options_parse(struct options *ret, const struct daemon *daemon, int argc,
                                  char **argv);

#endif
