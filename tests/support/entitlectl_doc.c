/* Prints entitlectl(1) from services/entitlectl/verbs/verbs.def. */
#include <stdio.h>
#include <string.h>

struct option {
    const char *name, *value, *help;
};

static const char head[] =
    ".\\\" Generated from services/entitlectl/verbs/verbs.def.\n"
    ".Dd November 27, 2026\n"
    ".Dt ENTITLECTL 1\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm entitlectl\n"
    ".Nd the tool of entitled's operators and support\n"
    ".Sh SYNOPSIS\n"
    ".Nm\n"
    ".Op Ar option ...\n"
    ".Ar verb\n"
    ".Op Ar argument ...\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "asks the store and the checkers over their sockets, and has no rights beyond those of the "
    "sockets that its user\n"
    "may use;\n"
    ".Cm doctor\n"
    "also asks AWS, with the credentials of the settings and of its user.\n"
    "A\n"
    ".Ar HANDLE\n"
    "is your tenant id, a licence ARN or its l-..., an AWS account id, a customer identifier, or a "
    "subscription id.\n"
    ".Sh OPTIONS\n"
    ".Bl -tag -width Ds\n";

static const char foot[] = ".El\n"
                           ".Sh EXIT STATUS\n"
                           "0: allowed or done; 1: refused or not found; 2: failed.\n"
                           ".Sh SEE ALSO\n"
                           ".Xr entitled.conf 5 ,\n"
                           ".Xr entitled 7\n";

/* Lines in which nothing is a macro or an escape. */
static void print_plain(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
            fputs("\\&", stdout);
        fputs(*c == '\\' ? "\\e" : (char[]){*c, '\0'}, stdout);
    }
    putchar('\n');
}

static void print_option(const struct option *option)
{
    printf(".It Fl -%s%s%s\n", option->name, option->value ? " Ar " : "",
           option->value ? option->value : "");
    print_plain(option->help);
}

static void print_verb(const char *name, const char *arguments, const char *summary,
                       const char *details, const struct option *options)
{
    printf(".It Nm entitlectl Cm %s%s%s\n", name, *arguments ? " " : "", arguments);
    print_plain(summary);
    if (details) {
        puts(".Bd -literal");
        print_plain(details);
        puts(".Ed");
    }
    if (!options->name)
        return;
    puts(".Bl -tag -width Ds");
    for (; options->name; options++)
        print_option(options);
    puts(".El");
}

int main(void)
{
    fputs(head, stdout);
#define GLOBAL_OPTION(name, value, help) print_option(&(struct option){name, value, help});
#include "services/entitlectl/verbs/verbs.def"
    puts(".El\n.Sh VERBS\n.Bl -tag -width Ds");
#define VERB(...) VERB_ROW(__VA_ARGS__)
#define VERB_ROW(run, name, arguments, summary, details, ...)                                      \
    print_verb(name, arguments, summary, details, (const struct option[]){__VA_ARGS__, {0}});
#include "services/entitlectl/verbs/verbs.def"
    fputs(foot, stdout);
    return ferror(stdout) || fflush(stdout) != 0;
}
