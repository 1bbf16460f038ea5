#include "services/entitlectl/command/arguments.h"

#include <stdio.h>
#include <string.h>

static const struct option *find_option(const struct option *options, struct str name)
{
    for (; options && options->name; options++) {
        if (str_eq_text(name, options->name))
            return options;
    }
    return NULL;
}

static const struct verb *find_verb(const struct verb *verbs, const char *name)
{
    for (; verbs->name; verbs++) {
        if (strcmp(verbs->name, name) == 0)
            return verbs;
    }
    return NULL;
}

/* argv[*index] is an option; *index is moved to the last word it takes. */
static int read_option(struct arguments *ret, const struct option *global, int argc, char **argv,
                       int *index, struct error *error)
{
    struct str rest = str_of(argv[*index] + 2);
    struct str name = str_split(&rest, '=');
    const char *equals = strchr(argv[*index], '=');
    const struct option *option = find_option(global, name);

    if (strcmp(argv[*index], "-h") == 0)
        option = find_option(global, STR("help"));
    if (!option && ret->verb)
        option = find_option(ret->verb->options, name);
    if (!option)
        return error_set(error, "unknown option '%s'%s%s", argv[*index],
                         ret->verb ? " of " : " before the verb", ret->verb ? ret->verb->name : "");
    if (ret->given_count == OPTIONS_LIMIT)
        return error_set(error, "more than %d options", OPTIONS_LIMIT);
    if (equals && !option->value)
        return error_set(error, "--%s takes no value", option->name);

    const char *value = "";
    if (option->value && equals)
        value = equals + 1;
    else if (option->value && *index + 1 < argc)
        value = argv[++*index];
    if (option->value && *value == '\0')
        return error_set(error, "--%s needs a value: %s", option->name, option->value);
    ret->given[ret->given_count].option = option;
    ret->given[ret->given_count++].value = value;
    return 0;
}

static int read_word(struct arguments *ret, const struct verb *verbs, const char *word,
                     struct error *error)
{
    if (!ret->verb) {
        ret->verb = find_verb(verbs, word);
        return ret->verb ? 0 : error_set(error, "unknown verb '%s'; see --help", word);
    }
    if (ret->count == ret->verb->most || ret->count == ARGUMENTS_LIMIT)
        return error_set(error, "too many arguments: %s %s", ret->verb->name, ret->verb->arguments);
    ret->positional[ret->count++] = word;
    return 0;
}

static int check_whole(const struct arguments *arguments, struct error *error)
{
    if (arguments_flag(arguments, "help") || arguments_flag(arguments, "version"))
        return 0;
    if (!arguments->verb)
        return error_set(error, "a verb is missing; see --help");
    if (arguments->count < arguments->verb->least)
        return error_set(error, "an argument is missing: %s %s", arguments->verb->name,
                         arguments->verb->arguments);
    return 0;
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
    bool options_over = false;

    *ret = (struct arguments){.verb = NULL};
    for (int i = 1; i < argc; i++) {
        int result;
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
            continue;
        }
        if (!options_over && is_option(argv[i]))
            result = read_option(ret, global, argc, argv, &i, error);
        else
            result = read_word(ret, verbs, argv[i], error);
        if (result < 0)
            return -1;
    }
    return check_whole(ret, error);
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
    buf_append_text(out, "usage: entitlectl [OPTION...] VERB [ARGUMENT...]\n\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        char name[64];
        snprintf(name, sizeof(name), "%s %s", verb->name, verb->arguments);
        buf_printf(out, "  %-38s %s\n", name, verb->summary);
    }
    buf_append_text(out, "\n`entitlectl VERB --help` says more about one.\n\n");
    write_options(global, out);
    buf_append_text(out, "\nExit code: 0 allowed or done, 1 refused or not found, 2 failed.\n");
}

void arguments_help(const struct option *global, const struct verb *verbs, const struct verb *verb,
                    struct buf *out)
{
    if (!verb) {
        write_program_help(global, verbs, out);
        return;
    }
    buf_printf(out, "usage: entitlectl [OPTION...] %s%s%s\n\n%s\n", verb->name,
               *verb->arguments ? " " : "", verb->arguments, verb->summary);
    if (verb->details)
        buf_printf(out, "\n%s\n", verb->details);
    buf_append_text(out, "\n");
    write_options(verb->options, out);
    write_options(global, out);
}
