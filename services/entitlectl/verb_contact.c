/* contact erase: what a buyer typed into the onboarding form is personal; show --contact shows it.
 */
#include "services/entitlectl/ctl.h"
#include "services/entitlectl/records.h"

static int erase_one(struct ctl *ctl, struct str subscription)
{
    const struct contact_put_params params = {.subscription = subscription,
                                              .author = ctl_author(ctl)};
    const void *result;

    return ctl_ask_store(ctl, METHOD_store_contact_put, &params, &result);
}

static int erase(struct ctl *ctl, const struct subscription_list *records, struct json *erased)
{
    for (size_t i = 0; i < records->count; i++) {
        struct str id = records->items[i].id;
        int code = erase_one(ctl, id);
        if (code != EXIT_DONE)
            return code;
        json_add(erased, json_new_str(id));
        if (!ctl->json)
            buf_printf(&ctl->out, "the contact of " STR_FMT " is erased\n", STR_ARG(id));
    }
    return EXIT_DONE;
}

int verb_contact(struct ctl *ctl)
{
    const struct subscription_list *records;
    struct json *erased = json_new_array();
    struct json *root = json_new_object();
    int code = EXIT_FAILED;

    json_set(root, "erased", erased);
    if (!str_eq(arguments_at(&ctl->arguments, 0), STR("erase")))
        ctl_fail(ctl, "contact erase HANDLE");
    else if ((code = records_find(ctl, arguments_at(&ctl->arguments, 1), &records)) == EXIT_DONE)
        code = erase(ctl, records, erased);
    if (code == EXIT_DONE && ctl->json)
        json_write_pretty(root, &ctl->out);
    json_free(root);
    return code;
}
