#include "proto/figures/figures.h"

#include <math.h>
#include <string.h>

#include "common/base/mem.h"

const struct figure figure_table[figure_count] = {
#define FIGURE(of, called, is, where, says)                                                        \
    [figure_##called] = {#called, figure_group_##of, FIGURE_##is, says},
#include "proto/figures/figures.def"
};

const char *const figure_processes[figure_group_count] = {
#define FIGURES(group, processes, label) [figure_group_##group] = processes,
#define FIGURE(group, name, kind, where, help)
#include "proto/figures/figures.def"
};

const char *const figure_labels[figure_group_count] = {
#define FIGURES(group, processes, label) [figure_group_##group] = label,
#define FIGURE(group, name, kind, where, help)
#include "proto/figures/figures.def"
};

/* Values of labels are labels of settings' sections and words of messages.def: letters, digits, '-'
 * and '_', of which nothing must be escaped. */
static struct str series(struct arena *arena, enum figure_id id, struct str label)
{
    enum { LABEL_MAX = 128 };
    const struct figure *figure = &figure_table[id];

    if (label.len == 0)
        return str_of(figure->name);
    if (label.len > LABEL_MAX)
        label.len = LABEL_MAX;
    return arena_printf(arena, "%s{%s=\"" STR_FMT "\"}", figure->name, figure_labels[figure->group],
                        STR_ARG(label));
}

void figures_add(struct figures *figures, enum figure_id id, struct str label, double value)
{
    struct counter_list *list = &figures->list;

    if (isnan(value))
        return;
    if (list->count == figures->capacity) {
        size_t capacity = figures->capacity ? 2 * figures->capacity : figure_count;
        struct counter *items = arena_alloc_array(figures->arena, capacity, sizeof(*items));
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        figures->capacity = capacity;
    }
    list->items[list->count++] = (struct counter){series(figures->arena, id, label), value};
}

double figure_of(const struct counter_list *list, enum figure_id id, struct str label,
                 double fallback)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct str wanted = series(&arena, id, label);

    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i].name, wanted))
            return list->items[i].value;
    }
    return fallback;
}

/* "entitled_messages_received_total{queue="main"}" is messages_received_total. */
static const char *key_of(struct arena *arena, struct str name)
{
    const struct str prefix = STR("entitled_");
    struct str rest = str_from(name.ptr + prefix.len, name.len - prefix.len);

    return arena_str(arena, str_split(&rest, '{')).ptr;
}

void figures_log(enum log_level level, const char *message, const struct log_field *fields,
                 size_t field_count, const struct figures *figures)
{
    const struct counter_list *list = &figures->list;
    /* The first is skipped (log_write()). */
    struct log_field *all =
        arena_alloc_array(figures->arena, 1 + field_count + list->count, sizeof(*all));
    size_t count = 1;

    for (size_t i = 0; i < field_count; i++)
        all[count++] = fields[i];
    for (size_t i = 0; i < list->count; i++)
        all[count++] = LOG_INT(key_of(figures->arena, list->items[i].name), list->items[i].value);
    log_write(level, message, all, count);
}
