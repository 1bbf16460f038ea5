#include "common/daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: %s [OPTION]...\n"
    "%s\n"
    "\n"
    "  --config FILE    read settings from FILE and from conf.d/*.conf beside it\n"
    "                   (default: ENTITLED_CONFIG, or /etc/entitled/entitled.conf)\n"
    "  --check-config   say whether the settings are good, and end\n"
    "  --name NAME      tells several daemons of one kind on a host apart (default: 1)\n"
    "  --help           show this, and end\n"
    "  --version        show the version, and end\n"
    "\n"
    "Every setting can be given as ENTITLED_<SECTION>_<NAME> in the environment too.\n"
    "Exit code: 0 after an orderly stop, 1 after a failure, 2 for a wrong option or setting.\n";

static enum options_result wrong(const struct daemon *daemon, const char *what, const char *value)
{
    fprintf(stderr, "%s: %s '%s'; see %s --help\n", daemon->name, what, value, daemon->name);
    return OPTIONS_WRONG;
}

/* The name becomes part of socket and lock names. */
static bool is_name(const char *name)
{
    enum { LONGEST_NAME = 32 };
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return good > 0 && good <= LONGEST_NAME && name[good] == '\0';
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
        printf(help, daemon->name, daemon->summary);
        return OPTIONS_DONE;
    case 'v':
        printf("%s %s\n", daemon->name, ENTITLED_VERSION);
        return OPTIONS_DONE;
    default:
        fprintf(stderr, "See %s --help.\n", daemon->name);
        return OPTIONS_WRONG;
    }
}

enum options_result options_parse(struct options *ret, const struct daemon *daemon, int argc,
                                  char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
        {"name", required_argument, NULL, 'n'},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    enum options_result result = OPTIONS_RUN;
    int c;

    *ret = (struct options){.instance = "1"};
    while (result == OPTIONS_RUN && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
        result = parse_one(ret, daemon, c);
    if (result == OPTIONS_RUN && optind < argc)
        return wrong(daemon, "unexpected argument", argv[optind]);
    return result;
}
