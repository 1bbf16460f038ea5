/* What must hold of the rows of verbs.def, so that each can be typed and is explained. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/entitlectl/command/arguments.h"

#define VERB(...) VERB_ROW(__VA_ARGS__)
#define VERB_ROW(run, name, arguments, summary, details, ...)                                      \
    {name, arguments, summary, details, (const struct option[]){__VA_ARGS__, {0}}, NULL},
static const struct verb verbs[] = {
#include "services/entitlectl/verbs/verbs.def"
};

#define GLOBAL_OPTION(name, value, help) {name, value, help},
static const struct option global[] = {
#include "services/entitlectl/verbs/verbs.def"
};

enum { ROWS = sizeof(verbs) / sizeof(verbs[0]), GLOBALS = sizeof(global) / sizeof(global[0]) };

static size_t verb_length(const struct verb *row)
{
    return strcspn(row->name, " ");
}

static bool are_of_one_verb(const struct verb *a, const struct verb *b)
{
    return verb_length(a) == verb_length(b) && strncmp(a->name, b->name, verb_length(a)) == 0;
}

static bool needs_action(const struct verb *row)
{
    return strchr(row->name, ' ') && !strchr(row->name, '[');
}

static void every_row_can_be_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = i + 1; j < ROWS; j++) {
            assert_string_not_equal(verbs[i].name, verbs[j].name);
            if (!are_of_one_verb(&verbs[i], &verbs[j]))
                continue;
            assert_true(are_of_one_verb(&verbs[j - 1], &verbs[j]));
            assert_true(needs_action(&verbs[i]) || needs_action(&verbs[j]));
        }
    }
}

static void an_argument_that_may_be_left_out_comes_last(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const char *optional = strchr(verbs[i].arguments, '[');
        assert_true(!optional || strchr(optional, ' ') == NULL);
    }
}

static void check_options(const struct verb *row)
{
    for (const struct option *option = row->options; option->name; option++) {
        for (size_t i = 0; i < GLOBALS; i++)
            assert_string_not_equal(option->name, global[i].name);
        assert_true(*option->help && option->help[strlen(option->help) - 1] != '.');
    }
}

/* While its action is not known, an option is read as that of the other rows of the verb. */
static void check_options_of_two(const struct verb *a, const struct verb *b)
{
    for (const struct option *one = a->options; one->name; one++) {
        for (const struct option *other = b->options; other->name; other++)
            assert_true(strcmp(one->name, other->name) != 0 || !one->value == !other->value);
    }
}

static void options_of_one_verb_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        check_options(&verbs[i]);
        for (size_t j = i + 1; j < ROWS; j++) {
            if (are_of_one_verb(&verbs[i], &verbs[j]))
                check_options_of_two(&verbs[i], &verbs[j]);
        }
    }
}

static void every_row_is_explained_in_lines_that_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const char *details = verbs[i].details;
        size_t length = strlen(verbs[i].summary);
        assert_true(length > 0 && length <= 80 && !strchr(verbs[i].summary, '\n'));
        assert_true(islower(verbs[i].summary[0]) || isupper(verbs[i].summary[1]));
        for (; details && *details; details += length + (details[length] == '\n')) {
            length = strcspn(details, "\n");
            assert_in_range(length, 1, 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_can_be_typed),
        cmocka_unit_test(an_argument_that_may_be_left_out_comes_last),
        cmocka_unit_test(options_of_one_verb_agree),
        cmocka_unit_test(every_row_is_explained_in_lines_that_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
