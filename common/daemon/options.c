#include "common/daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/log/log.h"

/* What getopt_long returns for the daemon's own options: this and the row. */
enum { FIRST_OWN = 256 };

static const char help[] =
    "Usage: %s [OPTION]...\n"
    "%s\n"
    "\n"
    "  --config FILE    read settings from FILE and from conf.d/*.conf beside it\n"
    "                   (default: ENTITLED_CONFIG, or /etc/entitled/entitled.conf)\n"
    "  --check-config   say whether the settings are good, and end\n"
    "  --name NAME      tells several daemons of one kind on a host apart (default: 1)\n"
    "  --help           show this, and end\n"
    "  --version        show the version, and end\n";
static const char help_end[] =
    "\n"
    "Every setting can be given as ENTITLED_<SECTION>_<NAME> in the environment too.\n"
    "Exit code: 0 after an orderly stop, 1 after a failure, 2 for a wrong option or setting.\n";

static enum options_result wrong(const struct daemon *daemon, const char *what, const char *value)
{
    fprintf(stderr, "%s%s: %s '%s'; see %s --help\n", log_prefix(LOG_LEVEL_ERROR), daemon->name,
            what, value, daemon->name);
    return OPTIONS_WRONG;
}

/* The name becomes part of socket and lock names. */
static bool is_name(const char *name)
{
    enum { LONGEST_NAME = 32 };
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return good > 0 && good <= LONGEST_NAME && name[good] == '\0';
}

static void print_help(const struct daemon *daemon)
{
    enum { HELP_COLUMN = 19 };

    printf(help, daemon->name, daemon->summary);
    for (const struct daemon_option *own = daemon->options; own && own->name; own++) {
        int width = printf("  --%s %s", own->name, own->argument);
        printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", own->help);
    }
    fputs(help_end, stdout);
}

static enum options_result parse_one(struct options *options, const struct daemon *daemon, int c)
{
    switch (c) {
    case 'c':
        options->config_path = optarg;
        return OPTIONS_RUN;
    case 'k':
        options->check_only = true;
        return OPTIONS_RUN;
    case 'n':
        options->instance = optarg;
        return is_name(optarg) ? OPTIONS_RUN
                               : wrong(daemon,
                                       "a name is up to 32 letters, digits, '-' and '_', "
                                       "not",
                                       optarg);
    case 'h':
        print_help(daemon);
        return OPTIONS_DONE;
    case 'v':
        printf("%s %s\n", daemon->name, ENTITLED_VERSION);
        return OPTIONS_DONE;
    default:
        if (c >= FIRST_OWN) {
            /* The settings then read and check it as they would the environment's. */
            setenv(daemon->options[c - FIRST_OWN].variable, optarg, 1);
            return OPTIONS_RUN;
        }
        fprintf(stderr, "See %s --help.\n", daemon->name);
        return OPTIONS_WRONG;
    }
}

/* The table for getopt_long: what all daemons take and what this one does; caller frees. */
static struct option *known_options(const struct daemon *daemon)
{
    static const struct option common[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
        {"name", required_argument, NULL, 'n'},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
    };
    enum { COMMON = sizeof(common) / sizeof(common[0]) };
    size_t own = 0;

    while (daemon->options && daemon->options[own].name)
        own++;
    struct option *known = mem_alloc_array(COMMON + own + 1, sizeof(*known));
    memcpy(known, common, sizeof(common));
    for (size_t i = 0; i < own; i++)
        known[COMMON + i] =
            (struct option){daemon->options[i].name, required_argument, NULL, FIRST_OWN + (int)i};
    return known;
}

enum options_result options_parse(struct options *ret, const struct daemon *daemon, int argc,
                                  char **argv)
{
    cleanup(mem_freep) struct option *known = known_options(daemon);
    enum options_result result = OPTIONS_RUN;
    int c;

    *ret = (struct options){.instance = "1"};
    while (result == OPTIONS_RUN && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
        result = parse_one(ret, daemon, c);
    if (result == OPTIONS_RUN && optind < argc)
        return wrong(daemon, "unexpected argument", argv[optind]);
    return result;
}
