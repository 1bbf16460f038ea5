/* The table of figures: names as Prometheus wants them, and how they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "common/base/mem.h"
#include "proto/figures/figures.h"

static bool is_name(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name);
}

/* https://prometheus.io/docs/practices/naming/ */
static void names_follow_the_conventions(void **state)
{
    static const char *const other_units[] = {"_ms", "_s", "_us", "_kib", "_minutes", "_ago"};
    (void)state;

    for (size_t i = 0; i < figure_count; i++) {
        struct str name = str_of(figure_table[i].name);
        assert_true(str_starts_with(name, STR("entitled_")));
        assert_true(is_name(name.ptr));
        assert_int_equal(str_ends_with(name, STR("_total")),
                         figure_table[i].kind == FIGURE_COUNTER);
        for (size_t k = 0; k < sizeof(other_units) / sizeof(other_units[0]); k++)
            assert_false(str_ends_with(name, str_of(other_units[k])));
    }
}

static void each_is_declared_once_and_explained(void **state)
{
    (void)state;

    for (size_t i = 0; i < figure_count; i++) {
        struct str help = str_of(figure_table[i].help);
        assert_true(help.len > 1 && str_ends_with(help, STR(".")));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(figure_table[i].name, figure_table[k].name);
    }
    for (int group = 0; group < figure_group_count; group++) {
        assert_true(*figure_processes[group]);
        assert_true(is_name(figure_labels[group]));
    }
}

static void a_series_is_told_in_prometheus_words(void **state)
{
    struct arena arena = ARENA_INIT;
    struct figures figures = {.arena = &arena};
    (void)state;

    figures_add(&figures, figure_entitled_ends_held, STR_NONE, 3);
    figures_add(&figures, figure_entitled_receives_total, STR("main"), 7);
    assert_int_equal(figures.list.count, 2);
    assert_true(str_eq_text(figures.list.items[0].name, "entitled_ends_held"));
    assert_true(str_eq_text(figures.list.items[1].name, "entitled_receives_total{queue=\"main\"}"));
    assert_true(figure_of(&figures.list, figure_entitled_ends_held, STR_NONE, -1) == 3);
    assert_true(figure_of(&figures.list, figure_entitled_receives_total, STR("main"), -1) == 7);
    assert_true(figure_of(&figures.list, figure_entitled_receives_total, STR("other"), -1) == -1);
    assert_true(figure_of(&figures.list, figure_entitled_receives_total, STR_NONE, -1) == -1);
    arena_done(&arena);
}

static void what_is_not_known_is_left_out(void **state)
{
    struct arena arena = ARENA_INIT;
    struct figures figures = {.arena = &arena};
    (void)state;

    figures_add(&figures, figure_entitled_ends_held, STR_NONE, NAN);
    assert_int_equal(figures.list.count, 0);
    arena_done(&arena);
}

/* More than the table has, and a label longer than a name may be. */
static void the_list_has_room_for_every_label(void **state)
{
    enum { QUEUES = 300, NAME_MAX_BYTES = 256 };
    struct arena arena = ARENA_INIT;
    struct figures figures = {.arena = &arena};
    char label[1000];
    (void)state;

    memset(label, 'a', sizeof(label));
    for (int i = 0; i < QUEUES; i++)
        figures_add(&figures, figure_entitled_messages_not_understood_total,
                    str_from(label, sizeof(label)), i);
    assert_int_equal(figures.list.count, QUEUES);
    for (int i = 0; i < QUEUES; i++) {
        assert_true(figures.list.items[i].value == i);
        assert_true(figures.list.items[i].name.len <= NAME_MAX_BYTES);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_conventions),
        cmocka_unit_test(each_is_declared_once_and_explained),
        cmocka_unit_test(a_series_is_told_in_prometheus_words),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(the_list_has_room_for_every_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
