#include "common/config/config_value.h"

static void write_default(const struct config_setting *setting, struct buf *out)
{
    if (setting->default_value && setting->default_value[0])
        buf_printf(out, " %s", setting->default_value);
}

static void write_allowed(const struct config_setting *setting, struct buf *out)
{
    config_value_allowed(setting, out);
    if (setting->required)
        buf_append_text(out, ", required");
}

void config_write_sample(const struct config_schema *schema, struct buf *out)
{
    for (const struct config_section *s = schema->sections; s->name; s++) {
        buf_printf(out, "%s# %s\n", s == schema->sections ? "" : "\n", s->help);
        buf_printf(out, s->labelled ? "#[%s main]\n" : "[%s]\n", s->name);
        for (const struct config_setting *setting = s->settings; setting->name; setting++) {
            buf_printf(out, "\n# %s\n# ", setting->help);
            write_allowed(setting, out);
            buf_printf(out, "\n#%s =", setting->name);
            write_default(setting, out);
            buf_append_char(out, '\n');
        }
    }
}

static void write_row(const struct config_setting *setting, struct buf *out)
{
    buf_printf(out, "| `%s` |", setting->name);
    if (setting->default_value && setting->default_value[0])
        buf_printf(out, " `%s`", setting->default_value);
    buf_append_text(out, " | ");
    write_allowed(setting, out);
    buf_printf(out, " | %s |\n", setting->help);
}

void config_write_markdown(const struct config_schema *schema, struct buf *out)
{
    for (const struct config_section *s = schema->sections; s->name; s++) {
        buf_printf(out, "%s## [%s%s]\n\n%s\n\n", s == schema->sections ? "" : "\n", s->name,
                   s->labelled ? " LABEL" : "", s->help);
        buf_append_text(out, "| setting | default | allowed | meaning |\n|---|---|---|---|\n");
        for (const struct config_setting *setting = s->settings; setting->name; setting++)
            write_row(setting, out);
    }
}
