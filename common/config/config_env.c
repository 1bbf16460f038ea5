/* Settings out of the environment: ENTITLED_SECTION_NAME and ENTITLED_SECTION_LABEL_NAME. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/config/config_names.h"
#include "common/config/config_state.h"

#define PREFIX "ENTITLED_"

/* What stands in the environment beside settings: the file to read, and where tests find programs.
 */
static const char *const not_settings[] = {"CONFIG", "BIN"};

struct variable {
    struct str name; /* behind the prefix, in lower case */
    struct str value;
    const char *whole_name;
};

static bool is_setting(struct str name)
{
    for (size_t i = 0; i < sizeof(not_settings) / sizeof(not_settings[0]); i++) {
        if (str_eq_text(name, not_settings[i]))
            return false;
    }
    return true;
}

static struct str lower_case(struct arena *arena, struct str s)
{
    char *text = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++)
        text[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] - 'A' + 'a') : s.ptr[i];
    return str_from(text, s.len);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The variables with the prefix, by name: the order of the environment means nothing. */
static size_t sorted_environment(struct arena *arena, char ***ret)
{
    size_t count = 0, kept = 0;

    while (environ && environ[count])
        count++;
    *ret = arena_alloc_array(arena, count + 1, sizeof(**ret));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], PREFIX, strlen(PREFIX)) == 0)
            (*ret)[kept++] = environ[i];
    }
    qsort(*ret, kept, sizeof(**ret), compare_names);
    return kept;
}

/* "store_listen" is the section "store" and the rest "listen". */
static const struct config_section *section_of(const struct config_schema *schema, struct str name,
                                               struct str *ret_rest, struct error *error)
{
    for (const struct config_section *s = schema->sections; s->name; s++) {
        size_t len = strlen(s->name);
        if (str_starts_with(name, str_of(s->name)) && name.len > len && name.ptr[len] == '_') {
            *ret_rest = str_from(name.ptr + len + 1, name.len - len - 1);
            return s;
        }
    }
    struct str rest = name;
    return config_find_section(schema, str_split(&rest, '_'), error);
}

/* Splits LABEL_NAME where NAME is a setting. Several ways: a label that exists, then the longest
 * name. False if there is no way. */
static bool split_label(const struct config *config, const struct config_section *section,
                        struct str rest, struct str *ret_label, struct str *ret_name)
{
    bool found = false;

    for (size_t i = 1; i + 1 < rest.len; i++) {
        struct str label = str_from(rest.ptr, i);
        struct str name = str_from(rest.ptr + i + 1, rest.len - i - 1);
        bool from_file;
        if (rest.ptr[i] != '_' || !config_find_setting(section, name, &from_file, NULL))
            continue;
        bool known = config_instance_find(config, section, label) != NULL;
        if (!found || known) {
            *ret_label = label;
            *ret_name = name;
        }
        if (known)
            return true;
        found = true;
    }
    return found;
}

static int set_variable(struct config *config, const struct variable *variable, struct error *error)
{
    struct config_assignment assignment = {.value = variable->value, .origin = STR("environment")};
    struct str name = STR_NONE, label = STR_NONE;
    const struct config_section *section = section_of(config->schema, variable->name, &name, error);

    if (!section)
        return -1;
    if (section->labelled && !split_label(config, section, name, &label, &name))
        label = str_split(&name, '_');
    assignment.setting = config_find_setting(section, name, &assignment.from_file, error);
    if (!assignment.setting)
        return -1;
    assignment.instance = config_instance_get(config, section, label, error);
    if (!assignment.instance)
        return -1;
    return config_assign(config, &assignment, error);
}

int config_load_environment(struct config *config, struct error *error)
{
    char **variables;
    size_t count = sorted_environment(&config->arena, &variables);

    config->source++;
    for (size_t i = 0; i < count; i++) {
        struct str value = str_of(variables[i]);
        struct str whole = str_split(&value, '=');
        struct str name = str_from(whole.ptr + strlen(PREFIX), whole.len - strlen(PREFIX));
        struct variable variable = {.name = lower_case(&config->arena, name), .value = value};
        if (is_setting(name) && set_variable(config, &variable, error) != 0)
            return error_prefix(error, "environment: " STR_FMT, STR_ARG(whole));
    }
    return 0;
}
