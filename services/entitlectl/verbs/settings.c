/* settings: the values that count now, and their origin. Asks no daemon. */
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

struct listing {
    struct table table;
    struct json *list;
    struct str wanted; /* section; empty: all */
    size_t count;
};

static void on_setting(void *arg, const struct config_section *section, const char *label,
                       const struct config_setting *setting, struct str value, struct str origin)
{
    struct listing *listing = arg;
    cleanup(buf_done) struct buf name = BUF_INIT;
    struct json *item;

    if (!str_is_empty(listing->wanted) && !str_eq_text(listing->wanted, section->name))
        return;
    listing->count++;
    buf_printf(&name, "[%s%s%s]", section->name, label ? " " : "", label ? label : "");
    table_cell(&listing->table, buf_str(&name));
    table_cell(&listing->table, str_of(setting->name));
    table_cell(&listing->table, value);
    table_cell(&listing->table, origin);
    item = json_new_object();
    json_set_str(item, "section", str_of(section->name));
    if (label)
        json_set_str(item, "label", str_of(label));
    json_set_str(item, "name", str_of(setting->name));
    json_set_str(item, "value", value);
    json_set_str(item, "origin", origin);
    json_add(listing->list, item);
}

static int print(struct ctl *ctl, const struct listing *listing, const struct json *root)
{
    if (listing->count == 0)
        return ctl_fail(ctl, "there is no section '" STR_FMT "' with settings",
                        STR_ARG(listing->wanted));
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&listing->table, &ctl->out);
    return EXIT_DONE;
}

int verb_settings(struct ctl *ctl)
{
    struct listing listing = {.list = json_new_array(), .wanted = arguments_at(&ctl->arguments, 0)};
    struct json *root = json_new_object();

    json_set(root, "settings", listing.list);
    table_init(&listing.table, "SECTION,SETTING,VALUE,ORIGIN");
    config_each(ctl->config, on_setting, &listing);
    int code = print(ctl, &listing, root);
    json_free(root);
    table_done(&listing.table);
    return code;
}
