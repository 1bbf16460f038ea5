/* What processes count and measure (figures.def), as a table, and as what `stats` and log lines
 * tell.
 *
 * A figure told for several things is told as a series for each, in Prometheus's own words:
 * entitled_messages_received_total{queue="main"}.
 */
#ifndef PROTO_FIGURES_FIGURES_H
#define PROTO_FIGURES_FIGURES_H

#include "common/base/arena.h"
#include "common/log/log.h"
#include "proto/message.h"

enum figure_kind { FIGURE_COUNTER, FIGURE_GAUGE };

enum figure_group {
#define FIGURES(group, processes, label) figure_group_##group,
#define FIGURE(group, name, kind, where, help)
#include "proto/figures/figures.def"
    figure_group_count,
};

enum figure_id {
#define FIGURE(group, name, kind, where, help) figure_##name,
#include "proto/figures/figures.def"
    figure_count,
};

struct figure {
    const char *name;
    enum figure_group group;
    enum figure_kind kind;
    const char *help;
};

extern const struct figure figure_table[figure_count];
extern const char *const figure_processes[figure_group_count]; /* "store, checker" */
extern const char *const figure_labels[figure_group_count];    /* "": one series */

/* A list that grows; in the arena, as all texts of it are. */
struct figures {
    struct arena *arena;
    struct counter_list list;
    size_t capacity;
};

/* label: the value of the group's label, of which the start counts. A value that is no number
 * (NAN) is not known and left out. */
void figures_add(struct figures *figures, enum figure_id id, struct str label, double value);

/* What a function of a group without a label includes figures.def with, as FIGURES_OF_<group>. */
#define FIGURES_ADD(name, where) figures_add(figures, figure_##name, STR_NONE, (double)(where));

/* Of a list that a process told; the fallback if it has no such series. */
double figure_of(const struct counter_list *list, enum figure_id id, struct str label,
                 double fallback);

/* One line: the fields given, then every figure, its name without `entitled_` and label. */
void figures_log(enum log_level level, const char *message, const struct log_field *fields,
                 size_t field_count, const struct figures *figures);

#endif
