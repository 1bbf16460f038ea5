/* contact erase: the buyer's words in the onboarding form are personal; show --contact shows them.
 */
#include "services/entitlectl/verbs/records.h"
#include "services/entitlectl/verbs/verbs.h"

static int erase_one(struct ctl *ctl, struct str subscription)
{
    const struct contact_put_params params = {.subscription = subscription,
                                              .author = ctl_author(ctl)};
    const void *result;

    return ctl_ask_store(ctl, METHOD_store_contact_put, &params, &result);
}

static int erase(struct ctl *ctl, const struct str_list *ids, struct json *erased)
{
    for (size_t i = 0; i < ids->count; i++) {
        int code = erase_one(ctl, ids->items[i]);
        if (code != EXIT_DONE)
            return code;
        json_add(erased, json_new_str(ids->items[i]));
        if (!ctl->json)
            buf_printf(&ctl->out, "the contact of " STR_FMT " is erased\n", STR_ARG(ids->items[i]));
    }
    return EXIT_DONE;
}

int verb_contact_erase(struct ctl *ctl)
{
    struct batch batch = {.verb = "erase", .thing = "contact"};
    struct json *erased, *root;
    bool go = false;

    int code = records_choose(ctl, arguments_at(&ctl->arguments, 0), &batch);
    if (code == EXIT_DONE)
        code = batch_confirm(ctl, &batch, &go);
    if (!go)
        return code;
    root = json_new_object();
    erased = json_new_array();
    json_set(root, "erased", erased);
    code = erase(ctl, &batch.ids, erased);
    if (code == EXIT_DONE && ctl->json)
        json_write_pretty(root, &ctl->out);
    json_free(root);
    return code;
}
