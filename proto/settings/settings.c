#include "proto/settings/settings.h"

#include "proto/settings/settings_check.h"

#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)
#define DAY      (24 * HOUR)
#define KIBIBYTE (INT64_C(1) << 10)
#define MEBIBYTE (INT64_C(1) << 20)
#define GIBIBYTE (INT64_C(1) << 30)

/* The rows of each section. */
#define ROW(section, setting, kind, ...) {.name = #setting, .type = (kind), __VA_ARGS__},
#define AT(section, member)              .offset = offsetof(struct settings_##section, member)

#define BEGIN(section, text)                  static const struct config_setting section##_settings[] = {
#define BEGIN_LABELLED(section, member, text) BEGIN(section, text)
#define END(section)                                                                               \
    {                                                                                              \
        .name = NULL                                                                               \
    }                                                                                              \
    }                                                                                              \
    ;
#define TEXT(section, setting, def, what, text)                                                    \
    ROW(section, setting, CONFIG_TEXT, AT(section, setting), .default_value = (def),               \
        .form = (what), .help = (text))
#define REQUIRED(section, setting, what, text)                                                     \
    ROW(section, setting, CONFIG_TEXT, AT(section, setting), .required = true, .form = (what),     \
        .help = (text))
#define SECRET(section, setting, text)                                                             \
    ROW(section, setting, CONFIG_SECRET, AT(section, setting), .help = (text))
#define LIST(section, setting, def, what, text)                                                    \
    ROW(section, setting, CONFIG_LIST, AT(section, setting), .default_value = (def),               \
        .form = (what), .help = (text))
#define INTEGER(section, setting, def, low, high, text)                                            \
    ROW(section, setting, CONFIG_INTEGER, AT(section, setting), .default_value = (def),            \
        .min = (low), .max = (high), .help = (text))
#define DURATION(section, setting, def, low, high, text)                                           \
    ROW(section, setting, CONFIG_DURATION, AT(section, setting##_ms), .default_value = (def),      \
        .min = (low), .max = (high), .help = (text))
#define SIZE(section, setting, def, low, high, text)                                               \
    ROW(section, setting, CONFIG_SIZE, AT(section, setting), .default_value = (def), .min = (low), \
        .max = (high), .help = (text))
#define BOOL(section, setting, def, text)                                                          \
    ROW(section, setting, CONFIG_BOOL, AT(section, setting), .default_value = (def), .help = (text))
#define CHOICE(section, setting, def, words, text)                                                 \
    ROW(section, setting, CONFIG_CHOICE, AT(section, setting), .default_value = (def),             \
        .choices = (words), .help = (text))
#include "proto/settings/settings.def"

/* The sections. */
#define BEGIN(section, text)                                                                       \
    {.name = #section,                                                                             \
     .settings = section##_settings,                                                               \
     .offset = offsetof(struct settings, section),                                                 \
     .help = (text)},
#define BEGIN_LABELLED(section, member, text)                                                      \
    {.name = #section,                                                                             \
     .settings = section##_settings,                                                               \
     .offset = offsetof(struct settings, member),                                                  \
     .labelled = true,                                                                             \
     .item_size = sizeof(struct settings_##section),                                               \
     .help = (text)},
#define END(section)
#define TEXT(...)
#define REQUIRED(...)
#define SECRET(...)
#define LIST(...)
#define INTEGER(...)
#define DURATION(...)
#define SIZE(...)
#define BOOL(...)
#define CHOICE(...)
static const struct config_section sections[] = {
#include "proto/settings/settings.def"
    {.name = NULL},
};

const struct config_schema settings_schema = {
    .sections = sections, .size = sizeof(struct settings), .check = settings_check_all};

const char *settings_log_level(const void *settings)
{
    const struct settings *s = settings;

    return s->entitled.log_level;
}

const struct settings_queue *settings_queue_at(const struct settings *settings, size_t index)
{
    const struct settings_queue *queues = settings->queues.items;

    return &queues[index];
}

const struct settings_product *settings_product_at(const struct settings *settings, size_t index)
{
    const struct settings_product *products = settings->products.items;

    return &products[index];
}

const struct settings_product *settings_product_by_code(const struct settings *settings,
                                                        struct str code)
{
    for (size_t i = 0; i < settings->products.count; i++) {
        if (str_eq_text(code, settings_product_at(settings, i)->code))
            return settings_product_at(settings, i);
    }
    return NULL;
}

int64_t settings_quota_share(const struct settings *settings, struct str work_class)
{
    const struct config_list *list = &settings->store.quota_reserved;
    int64_t share = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct str percent = str_of(list->items[i]);
        if (str_eq(str_split(&percent, ':'), work_class))
            str_to_i64(percent, &share);
    }
    return share;
}

static bool is_field_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = c >= 'a' && c <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '_';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return name.len > 0 && name.len <= 32 && !str_eq_text(name, "email");
}

static bool is_field_type(struct str type)
{
    static const char *const types[] = {"text", "tel", "email", "url", "tenant"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_eq_text(type, types[i]))
            return true;
    }
    return false;
}

int settings_form_field(struct str item, struct settings_form_field *ret, struct error *error)
{
    struct str rest = item;

    ret->name = str_split(&rest, ':');
    ret->type = str_split(&rest, ':');
    ret->required = str_eq_text(rest, "required");
    if (is_field_name(ret->name) && is_field_type(ret->type) && (ret->required || rest.len == 0))
        return 0;
    return error_set(error, "'" STR_FMT "' is not %s", STR_ARG(item), form_field.allowed);
}
