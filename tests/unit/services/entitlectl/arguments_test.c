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

static const struct option set_options[] = {{"for", "SPAN", "how long"}, {NULL, NULL, NULL}};

static const struct verb verbs[] = {
    {.name = "check",
     .arguments = "HANDLE [QUANTITY]",
     .summary = "asks",
     .details = "At length.",
     .options = check_options},
    {.name = "stats", .arguments = "", .summary = "figures"},
    {.name = "word set", .arguments = "ID", .summary = "says it", .options = set_options},
    {.name = "word list", .arguments = "", .summary = "all words"},
    {.name = "key [list]", .arguments = "", .summary = "all keys"},
    {.name = "key make", .arguments = "NAME", .summary = "one more"},
    {.name = "log", .arguments = "[HANDLE]", .summary = "what was"},
    {.name = "log prove", .arguments = "", .summary = "that it was"},
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

static void an_action_is_a_row_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name;
        size_t count;
    } cases[] = {
        {"word set 7", "word set", 1},    {"word --for 1s set 7 --json", "word set", 1},
        {"word set list", "word set", 1}, {"word list", "word list", 0},
        {"key", "key [list]", 0},         {"key list", "key [list]", 0},
        {"key make list", "key make", 1}, {"log", "log", 0},
        {"log acme", "log", 1},           {"log ''", "log", 1},
        {"log prove", "log prove", 0},    {"log -- acme", "log", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].line), 0);
        assert_string_equal(got.verb->name, cases[i].name);
        assert_int_equal(got.count, cases[i].count);
    }
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
        {"stats more", "too many arguments: stats"},
        {"--product p check a", "unknown option '--product' before the verb"},
        {"stats --product p", "unknown option '--product' of stats"},
        {"check a -x", "unknown option '-x' of check"},
        {"check a --timeout", "--timeout needs a value: SPAN"},
        {"check a --json=yes", "--json takes no value"},
        {"word", "an argument is missing to 'word': word set ID, word list"},
        {"word prove", "unknown verb 'word prove': word set ID, word list"},
        {"word set", "an argument is missing: word set ID"},
        {"word list --for 1s", "unknown option '--for' of word list"},
        {"word --for 1s list", "unknown option '--for' of word list"},
        {"word --bogus", "unknown option '--bogus' of word"},
        {"word set --bogus", "unknown option '--bogus' of word set"},
        {"key prove", "unknown verb 'key prove': key [list], key make NAME"},
        {"key list more", "too many arguments: key [list]"},
        {"log a b", "too many arguments: log [HANDLE]"},
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
    assert_int_equal(parse("word --help"), 0);
    assert_int_equal(parse("word set --help"), 0);
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

static const char *help_of(const char *line, struct buf *out)
{
    assert_int_equal(parse(line), 0);
    arguments_help(&got, global, verbs, out);
    return out->data;
}

static void help_names_every_verb_and_option(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf all = BUF_INIT;
    cleanup(buf_done) struct buf one = BUF_INIT;

    help_of("--help", &all);
    assert_non_null(strstr(all.data, "  check HANDLE [QUANTITY]  asks\n"));
    assert_non_null(strstr(all.data, "  stats                    figures\n"));
    assert_non_null(strstr(all.data, "  word set ID              says it\n"));
    assert_non_null(strstr(all.data, "--timeout SPAN"));
    assert_null(strstr(all.data, "--product"));
    help_of("check --help", &one);
    assert_non_null(
        strstr(one.data, "usage: entitlectl [OPTION...] check HANDLE [QUANTITY]\n\nasks\n"));
    assert_non_null(strstr(one.data, "At length."));
    assert_non_null(strstr(one.data, "--product CODE"));
    assert_non_null(strstr(one.data, "--timeout SPAN"));
}

static void help_of_a_verb_has_its_actions(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf word = BUF_INIT;
    cleanup(buf_done) struct buf set = BUF_INIT;
    cleanup(buf_done) struct buf list = BUF_INIT;

    help_of("word --help", &word);
    assert_non_null(strstr(word.data, "usage: entitlectl [OPTION...] word set ID\n"
                                      "       entitlectl [OPTION...] word list\n\n"
                                      "word set ID: says it\n\n  --for SPAN"));
    assert_non_null(strstr(word.data, "\nword list: all words\n"));
    help_of("word set --help", &set);
    assert_non_null(strstr(set.data, "usage: entitlectl [OPTION...] word set ID\n\nsays it\n"));
    assert_non_null(strstr(set.data, "--for SPAN"));
    assert_null(strstr(set.data, "word list"));
    assert_null(strstr(help_of("word list --help", &list), "--for"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(the_last_of_an_option_counts),
        cmocka_unit_test(an_empty_value_is_none),
        cmocka_unit_test(what_looks_like_an_option_can_be_an_argument),
        cmocka_unit_test(an_action_is_a_row_of_its_own),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(an_option_too_many_is_refused),
        cmocka_unit_test(help_names_every_verb_and_option),
        cmocka_unit_test(help_of_a_verb_has_its_actions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
