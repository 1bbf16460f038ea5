#include "common/config/config_state.h"

#include <errno.h>
#include <string.h>

#include "common/base/mem.h"

static size_t count_settings(const struct config_section *section)
{
    size_t count = 0;

    while (section->settings[count].name)
        count++;
    return count;
}

/* The environment writes labels in capitals and knows no hyphen. */
static bool same_label(const char *a, struct str b)
{
    size_t i = 0;

    for (; a[i] && i < b.len; i++) {
        char pair[2] = {a[i] == '-' ? '_' : a[i], b.ptr[i] == '-' ? '_' : b.ptr[i]};
        if (!str_eq_nocase(str_from(&pair[0], 1), str_from(&pair[1], 1)))
            return false;
    }
    return a[i] == '\0' && i == b.len;
}

struct config_instance *config_instance_find(const struct config *config,
                                             const struct config_section *section, struct str label)
{
    struct config_instance *instance = config->instances;

    while (instance && (instance->section != section ||
                        (section->labelled && !same_label(instance->label, label))))
        instance = instance->next;
    return instance;
}

static int fill_with_defaults(struct config *config, struct config_instance *instance,
                              struct error *error)
{
    const struct config_setting *settings = instance->section->settings;

    for (size_t i = 0; settings[i].name; i++) {
        struct config_cell *cell = &instance->cells[i];
        *cell = (struct config_cell){.text = str_of(settings[i].default_value),
                                     .origin = STR("default")};
        if (settings[i].default_value &&
            config_value_parse(&settings[i], cell->text, &config->arena, &cell->value, error) != 0)
            return error_prefix(error, "default of '%s' in [%s]", settings[i].name,
                                instance->section->name);
    }
    return 0;
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '-' && c != '_')
            return false;
    }
    return label.len > 0;
}

struct config_instance *config_instance_get(struct config *config,
                                            const struct config_section *section, struct str label,
                                            struct error *error)
{
    struct config_instance *instance = config_instance_find(config, section, label);
    struct config_instance **end = &config->instances;

    if (instance)
        return instance;
    if (section->labelled && !is_label(label)) {
        error_set(error, "'" STR_FMT "' cannot be a label; letters, digits, '-' and '_' can",
                  STR_ARG(label));
        return NULL;
    }
    instance = arena_alloc(&config->arena, sizeof(*instance));
    instance->section = section;
    instance->label = section->labelled ? arena_str(&config->arena, label).ptr : NULL;
    instance->cells =
        arena_alloc_array(&config->arena, count_settings(section) + 1, sizeof(*instance->cells));
    if (fill_with_defaults(config, instance, error) != 0)
        return NULL;
    while (*end)
        end = &(*end)->next;
    *end = instance;
    return instance;
}

static int read_secret(const char *path, struct buf *ret_text, bool *ret_unreadable,
                       struct error *error)
{
    *ret_unreadable = false;
    if (config_read_file(path, ret_text, error) == 0)
        return 0;
    *ret_unreadable = errno == EACCES;
    return *ret_unreadable ? 0 : -1;
}

static int assign_from_file(struct config *config, const struct config_assignment *assignment,
                            struct config_cell *cell, struct error *error)
{
    struct buf text = BUF_INIT;
    const char *path = arena_str(&config->arena, assignment->value).ptr;
    int err = read_secret(path, &text, &cell->unreadable, error);

    if (err == 0)
        err = config_value_parse(assignment->setting, str_trim(buf_str(&text)), &config->arena,
                                 &cell->value, error);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_done(&text);
    return err;
}

/* Within one source only a list may come again, and then adds to what came before. */
static int join_repeated(struct config *config, const struct config_assignment *assignment,
                         const struct config_cell *old, struct config_cell *cell,
                         struct error *error)
{
    if (old->source != config->source)
        return 0;
    if (assignment->setting->type != CONFIG_LIST && old->line == 0)
        return error_set(error, "is set twice");
    if (assignment->setting->type != CONFIG_LIST)
        return error_set(error, "is set a second time here (first in line %u)", old->line);
    cell->text =
        arena_printf(&config->arena, STR_FMT " " STR_FMT, STR_ARG(old->text), STR_ARG(cell->text));
    cell->origin = old->origin;
    cell->line = old->line;
    return 0;
}

static int fill_cell(struct config *config, const struct config_assignment *assignment,
                     struct config_cell *cell, struct error *error)
{
    size_t row = (size_t)(assignment->setting - assignment->instance->section->settings);
    const struct config_cell *old = &assignment->instance->cells[row];

    *cell = (struct config_cell){.text = arena_str(&config->arena, assignment->value),
                                 .origin = assignment->origin,
                                 .source = config->source,
                                 .line = assignment->line};
    if (join_repeated(config, assignment, old, cell, error) != 0)
        return -1;
    if (assignment->from_file)
        return assign_from_file(config, assignment, cell, error);
    return config_value_parse(assignment->setting, cell->text, &config->arena, &cell->value, error);
}

static int name_setting(const struct config_assignment *assignment, struct error *error)
{
    const char *name = assignment->setting->name;

    if (!error)
        return -1;
    if (assignment->from_file)
        return error_set(error, "'%s_file': %s", name, error->text);
    return error_set(error, "'%s' %s", name, error->text);
}

int config_assign(struct config *config, const struct config_assignment *assignment,
                  struct error *error)
{
    size_t row = (size_t)(assignment->setting - assignment->instance->section->settings);
    struct config_cell cell;

    if (fill_cell(config, assignment, &cell, error) != 0)
        return name_setting(assignment, error);
    assignment->instance->cells[row] = cell;
    return 0;
}
