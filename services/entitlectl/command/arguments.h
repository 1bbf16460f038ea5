/* The command line, read by tables: global options, a verb, its arguments and options. Pure.
 *
 * Options may stand anywhere; `--` ends them. `--name value` and `--name=value` are the same.
 */
#ifndef SERVICES_ENTITLECTL_COMMAND_ARGUMENTS_H
#define SERVICES_ENTITLECTL_COMMAND_ARGUMENTS_H

#include "common/base/buf.h"
#include "common/base/error.h"

struct ctl;

struct option {
    const char *name;
    const char *value; /* what its value is, for the help; NULL: it takes none */
    const char *help;
};

/* A row: a verb, or one action of a verb. Rows of one verb stand together. */
struct verb {
    const char *name;             /* "check", "override set"; "held [list]": `held` does it too */
    const char *arguments;        /* "HANDLE DIMENSION [QUANTITY]" */
    const char *summary;          /* one line */
    const char *details;          /* the rest of its help; NULL: none */
    const struct option *options; /* ends with a row without a name; NULL: none */
    int (*run)(struct ctl *ctl);  /* exit code */
};

enum { ARGUMENTS_LIMIT = 8, OPTIONS_LIMIT = 32 };

struct arguments {
    const struct verb *first; /* row of the verb that was typed; NULL: none was */
    const struct verb *verb;  /* the row that is meant; NULL: its action was not typed */
    bool action_typed;
    const char *positional[ARGUMENTS_LIMIT]; /* behind verb and action */
    size_t count;
    struct {
        const struct option *option;
        const char *value; /* "" of one without */
    } given[OPTIONS_LIMIT];
    size_t given_count;
};

/* Tables end with a row without a name. --help, -h and --version need no verb. */
int arguments_parse(struct arguments *ret, const struct option *global, const struct verb *verbs,
                    int argc, char **argv, struct error *error);

/* NULL if it was not given; of an option given twice the last counts. */
const char *arguments_option(const struct arguments *arguments, const char *name);
bool arguments_flag(const struct arguments *arguments, const char *name);
/* The nth argument, empty if there are fewer. */
struct str arguments_at(const struct arguments *arguments, size_t index);

/* Of the action or the verb that was typed, or else of the whole program. */
void arguments_help(const struct arguments *arguments, const struct option *global,
                    const struct verb *verbs, struct buf *out);

#endif
