#include "common/config/config_value.h"

#include <string.h>

#include "common/base/mem.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* From the largest down, so that a number is written in the largest one that fits. */
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                             {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const struct unit size_units[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}, {NULL, 0}};
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(const struct config_setting *setting)
{
    if (setting->type == CONFIG_DURATION)
        return duration_units;
    return setting->type == CONFIG_SIZE ? size_units : plain_units;
}

static void write_number(const struct config_setting *setting, int64_t number, struct buf *out)
{
    const struct unit *unit = units_of(setting);

    while (unit[1].name && number % unit->factor != 0)
        unit++;
    if (number == 0)
        unit = plain_units;
    buf_printf(out, "%lld%s", (long long)(number / unit->factor), unit->name);
}

static bool has_range(const struct config_setting *setting)
{
    return setting->min != 0 || setting->max != 0;
}

static void write_range(const struct config_setting *setting, struct buf *out)
{
    if (!has_range(setting))
        return;
    buf_append_text(out, " of ");
    write_number(setting, setting->min, out);
    buf_append_text(out, " to ");
    write_number(setting, setting->max, out);
}

static void write_choices(const char *choices, struct buf *out)
{
    struct str rest = str_of(choices);
    bool first = true;

    while (rest.len > 0) {
        struct str word = str_split(&rest, ' ');
        buf_printf(out, "%s" STR_FMT, first ? "" : ", ", STR_ARG(word));
        first = false;
    }
}

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
        return "any text";
    case CONFIG_SECRET:
        return "a secret";
    case CONFIG_INTEGER:
        return "a whole number";
    case CONFIG_DURATION:
        return "a duration";
    case CONFIG_SIZE:
        return "a size";
    case CONFIG_BOOL:
        return "yes or no";
    case CONFIG_LIST:
        return "a list";
    case CONFIG_CHOICE:
        return "one of ";
    }
    return "nothing";
}

void config_value_allowed(const struct config_setting *setting, struct buf *out)
{
    if (setting->type != CONFIG_TEXT || !setting->form)
        buf_append_text(out, type_name(setting->type));
    if (setting->type == CONFIG_LIST && setting->form)
        buf_append_text(out, " of ");
    if (setting->form)
        buf_append_text(out, setting->form->allowed);
    if (setting->type == CONFIG_CHOICE)
        write_choices(setting->choices, out);
    write_range(setting, out);
}

static int refuse(const struct config_setting *setting, struct str text, struct error *error)
{
    struct buf allowed = BUF_INIT;
    const char *example = "";

    config_value_allowed(setting, &allowed);
    if (setting->type == CONFIG_DURATION)
        example = " (written like 500ms, 30s, 5m, 6h, 3d)";
    if (setting->type == CONFIG_SIZE)
        example = " (written like 512, 64k, 2M, 1G)";
    error_set(error, "must be %s%s, not '" STR_FMT "'", allowed.data, example,
              (int)(text.len < 100 ? text.len : 100), text.ptr ? text.ptr : "");
    buf_done(&allowed);
    return -1;
}

static bool to_number(const struct config_setting *setting, struct str text, int64_t *ret)
{
    const struct unit *unit = units_of(setting);
    size_t digits = text.len;
    int64_t number;

    if (unit != plain_units) {
        for (digits = 0; digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9';)
            digits++;
    }
    if (!str_to_i64(str_from(text.ptr, digits), &number))
        return false;
    struct str name = str_from(text.ptr + digits, text.len - digits);
    if (number == 0 && name.len == 0)
        unit = plain_units;
    for (; unit->name; unit++) {
        if (str_eq_nocase(name, str_of(unit->name)))
            return !__builtin_mul_overflow(number, unit->factor, ret);
    }
    return false;
}

static int parse_number(const struct config_setting *setting, struct str text, int64_t *ret,
                        struct error *error)
{
    if (!to_number(setting, text, ret))
        return refuse(setting, text, error);
    if (has_range(setting) && (*ret < setting->min || *ret > setting->max))
        return refuse(setting, text, error);
    return 0;
}

static int parse_bool(const struct config_setting *setting, struct str text, bool *ret,
                      struct error *error)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
                 {"on", true},  {"off", false}, {"1", true},    {"0", false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(text, str_of(words[i].word))) {
            *ret = words[i].value;
            return 0;
        }
    }
    return refuse(setting, text, error);
}

static int parse_text(const struct config_setting *setting, struct str text, struct arena *arena,
                      const char **ret, struct error *error)
{
    if (!str_is_utf8(text))
        return error_set(error, "must be UTF-8 text");
    if (text.len > 0 && setting->form && !setting->form->matches(text))
        return refuse(setting, text, error);
    *ret = arena_str(arena, text).ptr;
    return 0;
}

static int parse_choice(const struct config_setting *setting, struct str text, struct arena *arena,
                        const char **ret, struct error *error)
{
    struct str rest = str_of(setting->choices);

    while (rest.len > 0) {
        struct str word = str_split(&rest, ' ');
        if (text.len > 0 && str_eq_nocase(word, text)) {
            *ret = arena_str(arena, word).ptr;
            return 0;
        }
    }
    return refuse(setting, text, error);
}

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* Takes the next item off the front of *rest; empty at the end. */
static struct str next_item(struct str *rest)
{
    while (rest->len > 0 && is_separator(rest->ptr[0])) {
        rest->ptr++;
        rest->len--;
    }
    struct str item = str_from(rest->ptr, 0);
    while (item.len < rest->len && !is_separator(rest->ptr[item.len]))
        item.len++;
    rest->ptr += item.len;
    rest->len -= item.len;
    return item;
}

static int parse_list(const struct config_setting *setting, struct str text, struct arena *arena,
                      struct config_list *ret, struct error *error)
{
    struct str rest = text;

    *ret = (struct config_list){0};
    while (next_item(&rest).len > 0)
        ret->count++;
    ret->items = arena_alloc_array(arena, ret->count + 1, sizeof(*ret->items));
    rest = text;
    for (size_t i = 0; i < ret->count; i++) {
        if (parse_text(setting, next_item(&rest), arena, &ret->items[i], error) != 0)
            return -1;
    }
    return 0;
}

int config_value_parse(const struct config_setting *setting, struct str text, struct arena *arena,
                       union config_value *ret, struct error *error)
{
    switch (setting->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        return parse_text(setting, text, arena, &ret->text, error);
    case CONFIG_INTEGER:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        return parse_number(setting, text, &ret->number, error);
    case CONFIG_BOOL:
        return parse_bool(setting, text, &ret->flag, error);
    case CONFIG_LIST:
        return parse_list(setting, text, arena, &ret->list, error);
    case CONFIG_CHOICE:
        return parse_choice(setting, text, arena, &ret->text, error);
    }
    return error_set(error, "is of a type that does not exist");
}

void config_value_store(const struct config_setting *setting, const union config_value *value,
                        void *section_struct)
{
    char *member = (char *)section_struct + setting->offset;

    switch (setting->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_CHOICE:
        *(const char **)(void *)member = value->text ? value->text : "";
        break;
    case CONFIG_INTEGER:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        *(int64_t *)(void *)member = value->number;
        break;
    case CONFIG_BOOL:
        *(bool *)member = value->flag;
        break;
    case CONFIG_LIST:
        *(struct config_list *)(void *)member = value->list;
        break;
    }
}
