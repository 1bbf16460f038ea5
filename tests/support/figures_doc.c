/* Prints docs/figures.md from proto/figures/figures.def. */
#include <stdio.h>

#include "proto/figures/figures.h"

static const char head[] =
    "# Figures\n\nGenerated from `proto/figures/figures.def`. `entitlectl stats` shows them: those "
    "of "
    "the store and the\ncheckers, which it asks, and those of pollers and registrars, which tell "
    "the "
    "store theirs every 3 s.\nNames follow Prometheus's conventions: the unit stands at the end "
    "(`_seconds`, `_bytes`); what ends in\n`_total` only grows, from the start of the process. A "
    "figure with a label has a series for each of its\nvalues, as in "
    "`entitled_receives_total{queue=\"main\"}`. A figure that is not known yet is left out.\nIn "
    "log "
    "lines names stand without `entitled_`.\n";

static void print_group(enum figure_group group)
{
    printf("\n## %c%s", figure_processes[group][0] - 'a' + 'A', figure_processes[group] + 1);
    if (*figure_labels[group])
        printf(", by %s", figure_labels[group]);
    printf("\n\n| figure | kind | |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure *figure = &figure_table[i];
        if (figure->group == group)
            printf("| `%s` | %s | %s |\n", figure->name,
                   figure->kind == FIGURE_COUNTER ? "counter" : "gauge", figure->help);
    }
}

int main(void)
{
    fputs(head, stdout);
    for (int group = 0; group < figure_group_count; group++)
        print_group(group);
    return 0;
}
