/* A schema as documents: the sample file, the reference page and the manual page. */
#include "common/base/mem.h"
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

/* Each sentence as a line of its own, in which nothing is a macro or an escape. */
static void write_man_line(const char *text, struct buf *out)
{
    if (*text == '.' || *text == '\'')
        buf_append_text(out, "\\&");
    for (char before = ' '; *text; before = *text++) {
        bool starts_sentence = *text == ' ' && before == '.';
        if (*text == '\\')
            buf_append_text(out, "\\e");
        else
            buf_append_char(out, starts_sentence ? '\n' : *text);
    }
    buf_append_char(out, '\n');
}

static void write_man_item(const struct config_setting *setting, struct buf *out)
{
    cleanup(buf_done) struct buf allowed = BUF_INIT;

    buf_printf(out, ".It Li %s\n", setting->name);
    write_man_line(setting->help, out);
    write_allowed(setting, &allowed);
    buf_append_text(out, ".br\nAllowed:\n");
    write_man_line(allowed.data, out);
    if (setting->default_value && setting->default_value[0]) {
        buf_append_text(out, ".br\nDefault:\n");
        write_man_line(setting->default_value, out);
    }
}

void config_write_man(const struct config_schema *schema, struct buf *out)
{
    for (const struct config_section *s = schema->sections; s->name; s++) {
        buf_printf(out, ".Ss [%s%s]\n", s->name, s->labelled ? " LABEL" : "");
        write_man_line(s->help, out);
        buf_append_text(out, ".Bl -tag -width Ds\n");
        for (const struct config_setting *setting = s->settings; setting->name; setting++)
            write_man_item(setting, out);
        buf_append_text(out, ".El\n");
    }
}
