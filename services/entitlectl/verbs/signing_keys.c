/* signing-keys list, renew: the keys that sign the registration page's links and sessions. */
#include <inttypes.h>

#include "services/entitlectl/command/batch.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

/* Never the keys themselves. */
int verb_signing_keys_list(struct ctl *ctl)
{
    cleanup(table_done) struct table table = {.columns = 0};
    struct json *root = json_new_object();
    struct json *items = json_new_array();
    const void *result;
    int code = ctl_ask_store(ctl, METHOD_store_signing_keys, NULL, &result);

    json_set(root, "keys", items);
    table_init(&table, "ID,MADE");
    for (size_t i = 0; code == EXIT_DONE; i++) {
        const struct signing_key_list *keys = &((const struct signing_keys_result *)result)->keys;
        if (i == keys->count)
            break;
        struct json *item = json_new_object();
        json_set_str(item, "id", keys->items[i].id);
        json_set_integer(item, "created_at", keys->items[i].created_at);
        json_add(items, item);
        table_cell(&table, keys->items[i].id);
        table_cell_time(&table, keys->items[i].created_at);
    }
    if (code == EXIT_DONE && ctl->json)
        json_write_pretty(root, &ctl->out);
    else if (code == EXIT_DONE)
        table_write(&table, &ctl->out);
    json_free(root);
    return code;
}

int verb_signing_keys_renew(struct ctl *ctl)
{
    const struct signing_key_make_params params = {
        .revoke = arguments_flag(&ctl->arguments, "revoke"), .author = ctl_author(ctl)};
    const void *result;
    int code = params.revoke
                   ? batch_confirm_one(
                         ctl, STR("every link and every session of the registration page ends"),
                         "revoke the keys")
                   : EXIT_DONE;

    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_signing_key_make, &params, &result);
    if (code != EXIT_DONE)
        return code;
    const struct signing_key_make_result *made = result;
    if (ctl->json) {
        struct json *root = json_new_object();
        json_set_str(root, "id", made->id);
        json_set_integer(root, "revoked", made->revoked);
        ctl_print_json(ctl, root);
    } else {
        buf_printf(&ctl->out,
                   "key " STR_FMT " is made; %" PRId64 " are revoked; registrars know it within a "
                   "minute\n",
                   STR_ARG(made->id), made->revoked);
    }
    return EXIT_DONE;
}
