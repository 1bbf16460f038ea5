#include "common/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/config/config_names.h"
#include "common/config/config_state.h"
#include "common/config/ini.h"

enum { LARGEST_FILE = 1 << 20 };

struct reading {
    struct config *config;
    const char *path;
};

int config_read_file(const char *path, struct buf *ret_text, struct error *error)
{
    return file_read_waiting(path, LARGEST_FILE, ret_text, error);
}

/* "queue main" is the section "queue" with the label "main". */
static struct config_instance *find_instance(struct config *config, struct str heading,
                                             struct error *error)
{
    struct str label = str_trim(heading);
    struct str name = str_split(&label, ' ');

    label = str_trim(label);
    if (name.len == 0) {
        error_set(error, "a setting stands before the first [section]");
        return NULL;
    }
    const struct config_section *section = config_find_section(config->schema, name, error);
    if (!section)
        return NULL;
    if (section->labelled == (label.len > 0))
        return config_instance_get(config, section, label, error);
    if (section->labelled)
        error_set(error, "[%s] needs a label, as in [%s main]", section->name, section->name);
    else
        error_set(error, "[%s] takes no label", section->name);
    return NULL;
}

static int on_pair(void *arg, struct str heading, struct str name, struct str value, unsigned line,
                   struct error *error)
{
    struct reading *reading = arg;
    struct config *config = reading->config;
    struct config_assignment assignment = {.value = value, .line = line};

    assignment.instance = find_instance(config, heading, error);
    if (!assignment.instance)
        return -1;
    assignment.setting =
        config_find_setting(assignment.instance->section, name, &assignment.from_file, error);
    if (!assignment.setting)
        return -1;
    assignment.origin = arena_printf(&config->arena, "%s:%u", reading->path, line);
    return config_assign(config, &assignment, error);
}

static int load_file(struct config *config, const char *path, struct error *error)
{
    struct reading reading = {.config = config, .path = path};
    struct buf text = BUF_INIT;
    int err = config_read_file(path, &text, error);

    config->source++;
    if (err == 0) {
        struct error inner = {.text = ""};
        err = ini_read(buf_str(&text), on_pair, &reading, &inner);
        if (err != 0) /* "line 12: ..." becomes "PATH:12: ..." */
            error_set(error, "%s:%s", path, inner.text + strlen("line "));
    }
    buf_done(&text);
    return err;
}

static int is_conf(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends_with(str_of(entry->d_name), STR(".conf"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_directory(struct config *config, const char *directory, struct error *error)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_conf, by_name);
    int err = 0;

    if (count < 0)
        return errno == ENOENT
                   ? 0
                   : error_set(error, "cannot read '%s': %s", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        struct str path = arena_printf(&config->arena, "%s/%s", directory, entries[i]->d_name);
        if (err == 0)
            err = load_file(config, path.ptr, error);
        mem_free(entries[i]);
    }
    mem_free(entries);
    return err;
}

static int load_files(struct config *config, const char *path, struct error *error)
{
    if (load_file(config, path, error) != 0)
        return -1;

    cleanup(mem_freep) char *copy = mem_strdup(path);
    cleanup(mem_freep) char *directory = mem_printf("%s/conf.d", dirname(copy));
    return load_directory(config, directory, error);
}

static int check_required(const struct config *config, struct error *error)
{
    for (const struct config_instance *i = config->instances; i; i = i->next) {
        const struct config_setting *settings = i->section->settings;
        for (size_t row = 0; settings[row].name; row++) {
            if (settings[row].required && i->cells[row].text.len == 0)
                return error_set(error, "[%s%s%s] needs '%s': %s", i->section->name,
                                 i->label ? " " : "", i->label ? i->label : "", settings[row].name,
                                 settings[row].help);
        }
    }
    return 0;
}

static void store_values(const struct config_instance *instance, void *section_struct)
{
    const struct config_setting *settings = instance->section->settings;

    for (size_t row = 0; settings[row].name; row++)
        config_value_store(&settings[row], &instance->cells[row].value, section_struct);
}

static void store_group(struct config *config, const struct config_section *section)
{
    struct config_group *group = (void *)((char *)config->values + section->offset);
    size_t at = 0;

    for (const struct config_instance *i = config->instances; i; i = i->next)
        group->count += i->section == section;
    group->items = arena_alloc_array(&config->arena, group->count + 1, section->item_size);
    for (const struct config_instance *i = config->instances; i; i = i->next) {
        if (i->section != section)
            continue;
        char *item = (char *)group->items + at++ * section->item_size;
        *(const char **)(void *)item = i->label;
        store_values(i, item);
    }
}

static void store_all(struct config *config)
{
    config->values = arena_alloc(&config->arena, config->schema->size);
    for (const struct config_section *s = config->schema->sections; s->name; s++) {
        if (s->labelled)
            store_group(config, s);
        else
            store_values(config_instance_find(config, s, STR_NONE),
                         (char *)config->values + s->offset);
    }
}

static int load(struct config *config, const char *path, struct error *error)
{
    for (const struct config_section *s = config->schema->sections; s->name; s++) {
        if (!s->labelled && !config_instance_get(config, s, STR_NONE, error))
            return -1;
    }
    if (path && load_files(config, path, error) != 0)
        return -1;
    if (config_load_environment(config, error) != 0 || check_required(config, error) != 0)
        return -1;
    store_all(config);
    return config->schema->check ? config->schema->check(config->values, error) : 0;
}

const char *config_default_path(void)
{
    static const char path[] = "/etc/entitled/entitled.conf";
    const char *chosen = getenv("ENTITLED_CONFIG");

    if (chosen && chosen[0])
        return chosen;
    return access(path, F_OK) == 0 ? path : NULL;
}

int config_load(struct config **ret, const struct config_schema *schema, const char *path,
                struct error *error)
{
    struct config *config = mem_alloc_zero(sizeof(*config));

    config->schema = schema;
    if (load(config, path, error) != 0) {
        config_free(config);
        return -1;
    }
    *ret = config;
    return 0;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_done(&config->arena);
    mem_free(config);
}

const void *config_values(const struct config *config)
{
    return config->values;
}

static struct str shown(const struct config_setting *setting, const struct config_cell *cell)
{
    if (setting->type != CONFIG_SECRET)
        return cell->text;
    if (cell->unreadable)
        return STR("(not readable)");
    return cell->value.text && cell->value.text[0] ? STR("(set)") : STR("(not set)");
}

void config_each(const struct config *config, config_visit_fn *visit, void *arg)
{
    for (const struct config_section *s = config->schema->sections; s->name; s++) {
        for (const struct config_instance *i = config->instances; i; i = i->next) {
            for (size_t row = 0; i->section == s && s->settings[row].name; row++)
                visit(arg, s, i->label, &s->settings[row], shown(&s->settings[row], &i->cells[row]),
                      i->cells[row].origin);
        }
    }
}
