/* Command lines of entitlectl: options, arguments, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/entitlectl/command/arguments.h"

static const struct option global[] = {
    {"json", NULL, "as JSON"}, {"timeout", "SPAN", "how long"},
    {"help", NULL, "this"},    {"version", NULL, "which"},
    {NULL, NULL, NULL},
};

static const struct option check_options[] = {{"product", "CODE", "only this"}, {NULL, NULL, NULL}};

static const struct verb verbs[] = {
    {.name = "check",
     .arguments = "HANDLE [QUANTITY]",
     .least = 1,
     .most = 2,
     .summary = "asks",
     .details = "At length.",
     .options = check_options},
    {.name = "stats", .arguments = "", .summary = "figures"},
    {.name = NULL},
};

static struct arguments got;
static struct error why;

static int parse(const char *line)
{
    static char *argv[32];
    static char kept[512];
    int argc = 1;

    snprintf(kept, sizeof(kept), "%s", line);
    for (char *word = strtok(kept, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    return arguments_parse(&got, global, verbs, argc, argv, &why);
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    static const char *lines[] = {
        "--json --timeout 5s check acme 10 --product p",
        "check --timeout=5s acme --json --product=p 10",
        "check --product p --json acme --timeout 5s -- 10",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(parse(lines[i]), 0);
        assert_string_equal(got.verb->name, "check");
        assert_int_equal(got.count, 2);
        assert_true(str_eq(arguments_at(&got, 0), STR("acme")));
        assert_true(str_eq(arguments_at(&got, 1), STR("10")));
        assert_true(str_is_empty(arguments_at(&got, 2)));
        assert_string_equal(arguments_option(&got, "timeout"), "5s");
        assert_string_equal(arguments_option(&got, "product"), "p");
        assert_true(arguments_flag(&got, "json"));
        assert_false(arguments_flag(&got, "help"));
    }
}

static void the_last_of_an_option_counts(void **state)
{
    (void)state;
    assert_int_equal(parse("stats --timeout 1s --timeout 2s"), 0);
    assert_string_equal(arguments_option(&got, "timeout"), "2s");
}

/* As a script leaves it whose variable is not set: it must not mean everything. */
static void an_empty_value_is_none(void **state)
{
    (void)state;
    assert_int_equal(parse("check acme --product ''"), -1);
    assert_string_equal(why.text, "--product needs a value: CODE");
    assert_int_equal(parse("check acme --product="), -1);
    assert_int_equal(parse("check ''"), 0);
}

static void what_looks_like_an_option_can_be_an_argument(void **state)
{
    (void)state;
    assert_int_equal(parse("check acme -5"), 0);
    assert_true(str_eq(arguments_at(&got, 1), STR("-5")));
    assert_int_equal(parse("check -- --json"), 0);
    assert_true(str_eq(arguments_at(&got, 0), STR("--json")));
    assert_false(arguments_flag(&got, "json"));
    assert_int_equal(parse("check ''"), 0);
    assert_int_equal(got.count, 1);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *want;
    } cases[] = {
        {"", "a verb is missing; see --help"},
        {"bogus", "unknown verb 'bogus'; see --help"},
        {"check", "an argument is missing: check HANDLE [QUANTITY]"},
        {"check a b c", "too many arguments: check HANDLE [QUANTITY]"},
        {"stats more", "too many arguments: stats "},
        {"--product p check a", "unknown option '--product' before the verb"},
        {"stats --product p", "unknown option '--product' of stats"},
        {"check a -x", "unknown option '-x' of check"},
        {"check a --timeout", "--timeout needs a value: SPAN"},
        {"check a --json=yes", "--json takes no value"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].line), -1);
        assert_string_equal(why.text, cases[i].want);
    }
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(parse("--help"), 0);
    assert_null(got.verb);
    assert_int_equal(parse("-h"), 0);
    assert_true(arguments_flag(&got, "help"));
    assert_int_equal(parse("--version"), 0);
    assert_int_equal(parse("check --help"), 0);
    assert_string_equal(got.verb->name, "check");
}

static void an_option_too_many_is_refused(void **state)
{
    (void)state;
    char *argv[OPTIONS_LIMIT + 3];
    char json[] = "--json";
    char stats[] = "stats";

    argv[1] = stats;
    for (size_t i = 2; i < sizeof(argv) / sizeof(argv[0]); i++)
        argv[i] = json;
    assert_int_equal(arguments_parse(&got, global, verbs, OPTIONS_LIMIT + 2, argv, &why), 0);
    assert_int_equal(arguments_parse(&got, global, verbs, OPTIONS_LIMIT + 3, argv, &why), -1);
}

static void help_names_every_verb_and_option(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf all = BUF_INIT;
    cleanup(buf_done) struct buf one = BUF_INIT;

    arguments_help(global, verbs, NULL, &all);
    assert_non_null(strstr(all.data, "check HANDLE [QUANTITY]"));
    assert_non_null(strstr(all.data, "stats"));
    assert_non_null(strstr(all.data, "--timeout SPAN"));
    assert_null(strstr(all.data, "--product"));
    arguments_help(global, verbs, &verbs[0], &one);
    assert_non_null(strstr(one.data, "usage: entitlectl [OPTION...] check HANDLE [QUANTITY]\n"));
    assert_non_null(strstr(one.data, "At length."));
    assert_non_null(strstr(one.data, "--product CODE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(the_last_of_an_option_counts),
        cmocka_unit_test(an_empty_value_is_none),
        cmocka_unit_test(what_looks_like_an_option_can_be_an_argument),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(an_option_too_many_is_refused),
        cmocka_unit_test(help_names_every_verb_and_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
