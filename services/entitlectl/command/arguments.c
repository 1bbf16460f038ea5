#include "services/entitlectl/command/arguments.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

/* A command line while it is read. */
struct reading {
    struct arguments *ret;
    const struct option *global;
    const struct verb *verbs;
    bool settled; /* the word after the verb has been read: an action, or an argument */
    struct error *error;
};

/* The first word of its name. */
static struct str verb_of(const struct verb *row)
{
    struct str name = str_of(row->name);

    return str_split(&name, ' ');
}

/* The second, without brackets; empty if there is none. */
static struct str action_of(const struct verb *row)
{
    struct str action = str_of(row->name);

    str_split(&action, ' ');
    if (str_starts_with(action, STR("[")))
        action = str_from(action.ptr + 1, action.len - 2);
    return action;
}

static bool needs_action(const struct verb *row)
{
    return strchr(row->name, ' ') && !strchr(row->name, '[');
}

static bool is_of(const struct verb *row, const struct verb *first)
{
    return row->name && str_eq(verb_of(row), verb_of(first));
}

static const struct verb *find_verb(const struct verb *verbs, const char *word)
{
    for (; verbs->name; verbs++) {
        if (str_eq_text(verb_of(verbs), word))
            return verbs;
    }
    return NULL;
}

static const struct verb *find_action(const struct verb *first, const char *word)
{
    for (const struct verb *row = first; is_of(row, first); row++) {
        struct str action = action_of(row);
        if (action.len > 0 && str_eq_text(action, word))
            return row;
    }
    return NULL;
}

/* The row of the verb without an action; NULL: it has none. */
static const struct verb *find_plain(const struct verb *first)
{
    for (const struct verb *row = first; is_of(row, first); row++) {
        if (!needs_action(row))
            return row;
    }
    return NULL;
}

static const struct option *find_option(const struct option *options, struct str name)
{
    for (; options && options->name; options++) {
        if (str_eq_text(name, options->name))
            return options;
    }
    return NULL;
}

/* Its action may be typed later. */
static const struct option *find_option_of_verb(const struct verb *first, struct str name)
{
    const struct option *option = NULL;

    for (const struct verb *row = first; row && is_of(row, first) && !option; row++)
        option = find_option(row->options, name);
    return option;
}

static void write_usage(const struct verb *row, struct buf *out)
{
    buf_printf(out, "%s%s%s", row->name, *row->arguments ? " " : "", row->arguments);
}

static int refuse(struct reading *reading, const char *what, const struct verb *row)
{
    cleanup(buf_done) struct buf usage = BUF_INIT;

    write_usage(row, &usage);
    return error_set(reading->error, "%s: %s", what, usage.data);
}

/* With the usage of every row of the verb. */
static int refuse_action(struct reading *reading, const char *what, const char *word)
{
    const struct verb *first = reading->ret->first;
    cleanup(buf_done) struct buf usage = BUF_INIT;

    for (const struct verb *row = first; is_of(row, first); row++) {
        buf_append_text(&usage, row == first ? "" : ", ");
        write_usage(row, &usage);
    }
    return error_set(reading->error, "%s '" STR_FMT "%s%s': %s", what, STR_ARG(verb_of(first)),
                     *word ? " " : "", word, usage.data);
}

static int refuse_option(struct reading *reading, const char *option)
{
    const struct arguments *arguments = reading->ret;

    if (!arguments->first)
        return error_set(reading->error, "unknown option '%s' before the verb", option);
    if (arguments->action_typed)
        return error_set(reading->error, "unknown option '%s' of %s", option,
                         arguments->verb->name);
    return error_set(reading->error, "unknown option '%s' of " STR_FMT, option,
                     STR_ARG(verb_of(arguments->first)));
}

/* argv[*index] is an option; *index is moved to the last word it takes. */
static int read_option(struct reading *reading, int argc, char **argv, int *index)
{
    struct arguments *ret = reading->ret;
    struct str rest = str_of(argv[*index] + 2);
    struct str name = str_split(&rest, '=');
    const char *equals = strchr(argv[*index], '='), *value = "";
    const struct option *option = find_option(reading->global, name);

    if (strcmp(argv[*index], "-h") == 0)
        option = find_option(reading->global, STR("help"));
    if (!option)
        option = find_option_of_verb(ret->first, name);
    if (!option)
        return refuse_option(reading, argv[*index]);
    if (ret->given_count == OPTIONS_LIMIT)
        return error_set(reading->error, "more than %d options", OPTIONS_LIMIT);
    if (equals && !option->value)
        return error_set(reading->error, "--%s takes no value", option->name);
    if (option->value && equals)
        value = equals + 1;
    else if (option->value && *index + 1 < argc)
        value = argv[++*index];
    if (option->value && *value == '\0')
        return error_set(reading->error, "--%s needs a value: %s", option->name, option->value);
    ret->given[ret->given_count].option = option;
    ret->given[ret->given_count++].value = value;
    return 0;
}

static size_t arguments_of(const struct verb *row, bool required)
{
    struct str rest = str_of(row->arguments);
    size_t count = 0;

    while (rest.len > 0) {
        struct str name = str_split(&rest, ' ');
        if (!required || !str_starts_with(name, STR("[")))
            count++;
    }
    return count;
}

/* False, and nothing is changed: the word is an argument. */
static bool read_action(struct arguments *ret, const char *word)
{
    const struct verb *row = find_action(ret->first, word);

    ret->action_typed = row != NULL;
    if (row)
        ret->verb = row;
    return row != NULL;
}

static bool has_actions(const struct verb *first)
{
    return is_of(first + 1, first) || action_of(first).len > 0;
}

static int read_word(struct reading *reading, const char *word)
{
    struct arguments *ret = reading->ret;

    if (!ret->first) {
        ret->first = find_verb(reading->verbs, word);
        if (!ret->first)
            return error_set(reading->error, "unknown verb '%s'; see --help", word);
        ret->verb = find_plain(ret->first);
        return 0;
    }
    if (!reading->settled) {
        reading->settled = true;
        if (read_action(ret, word))
            return 0;
        if (has_actions(ret->first) && (!ret->verb || arguments_of(ret->verb, false) == 0))
            return refuse_action(reading, "unknown verb", word);
    }
    if (ret->count == arguments_of(ret->verb, false) || ret->count == ARGUMENTS_LIMIT)
        return refuse(reading, "too many arguments", ret->verb);
    ret->positional[ret->count++] = word;
    return 0;
}

/* An option of another action, typed before this one. */
static int check_options(struct reading *reading)
{
    const struct arguments *arguments = reading->ret;

    for (size_t i = 0; i < arguments->given_count; i++) {
        struct str name = str_of(arguments->given[i].option->name);
        if (!find_option(reading->global, name) && !find_option(arguments->verb->options, name))
            return error_set(reading->error, "unknown option '--" STR_FMT "' of %s", STR_ARG(name),
                             arguments->verb->name);
    }
    return 0;
}

static int check_whole(struct reading *reading)
{
    const struct arguments *arguments = reading->ret;

    if (arguments_flag(arguments, "help") || arguments_flag(arguments, "version"))
        return 0;
    if (!arguments->first)
        return error_set(reading->error, "a verb is missing; see --help");
    if (!arguments->verb)
        return refuse_action(reading, "an argument is missing to", "");
    if (arguments->count < arguments_of(arguments->verb, true))
        return refuse(reading, "an argument is missing", arguments->verb);
    return check_options(reading);
}

/* A negative number is an argument. */
static bool is_option(const char *word)
{
    return strncmp(word, "--", 2) == 0 || strcmp(word, "-h") == 0 ||
           (word[0] == '-' && word[1] != '\0' && strchr("0123456789.", word[1]) == NULL);
}

int arguments_parse(struct arguments *ret, const struct option *global, const struct verb *verbs,
                    int argc, char **argv, struct error *error)
{
    struct reading reading = {.ret = ret, .global = global, .verbs = verbs, .error = error};
    bool options_over = false;

    *ret = (struct arguments){.verb = NULL};
    for (int i = 1; i < argc; i++) {
        int result;
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
            continue;
        }
        if (!options_over && is_option(argv[i]))
            result = read_option(&reading, argc, argv, &i);
        else
            result = read_word(&reading, argv[i]);
        if (result < 0)
            return -1;
    }
    return check_whole(&reading);
}

const char *arguments_option(const struct arguments *arguments, const char *name)
{
    for (size_t i = arguments->given_count; i-- > 0;) {
        if (strcmp(arguments->given[i].option->name, name) == 0)
            return arguments->given[i].value;
    }
    return NULL;
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
    return arguments_option(arguments, name) != NULL;
}

struct str arguments_at(const struct arguments *arguments, size_t index)
{
    return index < arguments->count ? str_of(arguments->positional[index]) : STR_NONE;
}

static void write_options(const struct option *options, struct buf *out)
{
    for (; options && options->name; options++) {
        char name[64];
        snprintf(name, sizeof(name), "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        buf_printf(out, "  %-22s %s\n", name, options->help);
    }
}

static void write_program_help(const struct option *global, const struct verb *verbs,
                               struct buf *out)
{
    cleanup(buf_done) struct buf usage = BUF_INIT;
    size_t width = 0;

    for (const struct verb *row = verbs; row->name; row++) {
        size_t needed = strlen(row->name) + 1 + strlen(row->arguments);
        width = needed > width ? needed : width;
    }
    buf_append_text(out, "usage: entitlectl [OPTION...] VERB [ARGUMENT...]\n\n");
    for (const struct verb *row = verbs; row->name; row++) {
        buf_clear(&usage);
        write_usage(row, &usage);
        buf_printf(out, "  %-*s  %s\n", (int)width, usage.data, row->summary);
    }
    buf_append_text(out, "\n`entitlectl VERB --help` says more about one.\n\n");
    write_options(global, out);
    buf_append_text(out, "\nExit code: 0 allowed or done, 1 refused or not found, 2 failed.\n");
}

static void write_row_help(const struct verb *row, struct buf *out)
{
    buf_printf(out, "%s\n", row->summary);
    if (row->details)
        buf_printf(out, "\n%s\n", row->details);
    if (row->options && row->options->name)
        buf_append_char(out, '\n');
    write_options(row->options, out);
}

static void write_verb_help(const struct verb *first, struct buf *out)
{
    for (const struct verb *row = first; is_of(row, first); row++) {
        buf_append_text(out, row == first ? "usage: " : "       ");
        buf_append_text(out, "entitlectl [OPTION...] ");
        write_usage(row, out);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
    for (const struct verb *row = first; is_of(row, first); row++) {
        if (is_of(first + 1, first)) {
            write_usage(row, out);
            buf_append_text(out, ": ");
        }
        write_row_help(row, out);
        if (is_of(row + 1, first))
            buf_append_char(out, '\n');
    }
}

void arguments_help(const struct arguments *arguments, const struct option *global,
                    const struct verb *verbs, struct buf *out)
{
    if (!arguments->first) {
        write_program_help(global, verbs, out);
        return;
    }
    if (arguments->action_typed) {
        buf_append_text(out, "usage: entitlectl [OPTION...] ");
        write_usage(arguments->verb, out);
        buf_append_text(out, "\n\n");
        write_row_help(arguments->verb, out);
    } else {
        write_verb_help(arguments->first, out);
    }
    buf_append_text(out, "\nWith every verb:\n\n");
    write_options(global, out);
}
