#include "services/entitlectl/command/products.h"

#include "common/base/mem.h"

struct str products_name(const struct ctl *ctl, struct str code)
{
    const struct settings_product *product = settings_product_by_code(ctl->settings, code);

    return product ? str_of(product->label) : code;
}

static struct str code_in_settings(const struct ctl *ctl, struct str name)
{
    for (size_t i = 0; i < ctl->settings->products.count; i++) {
        const struct settings_product *product = settings_product_at(ctl->settings, i);
        if (str_eq_text(name, product->label))
            return str_of(product->code);
    }
    return settings_product_by_code(ctl->settings, name) ? name : STR_NONE;
}

/* False also if the store does not answer: the product is then said to be unknown. */
static bool store_has(struct ctl *ctl, struct str code)
{
    struct list_params params = {.limit = 1, .product = code};
    const void *result;
    bool has = false;

    while (ctl_ask_store(ctl, METHOD_store_list, &params, &result) == EXIT_DONE) {
        const struct subscriptions_result *page = result;
        has = page->subscriptions.count > 0;
        params.after = page->next;
        if (has || params.after.len == 0)
            break;
    }
    ctl->error.text[0] = '\0';
    ctl->code = ERROR_NONE;
    return has;
}

static int fail_unknown(struct ctl *ctl, struct str name)
{
    cleanup(buf_done) struct buf known = BUF_INIT;

    for (size_t i = 0; i < ctl->settings->products.count; i++) {
        const struct settings_product *product = settings_product_at(ctl->settings, i);
        buf_printf(&known, "%s%s (%s)", i > 0 ? ", " : "", product->label, product->code);
    }
    ctl->code = ERROR_NOT_FOUND;
    ctl_fail(ctl, "no product is known as '" STR_FMT "'; the settings have %s", STR_ARG(name),
             known.len > 0 ? known.data : "none");
    return EXIT_REFUSED;
}

int products_code(struct ctl *ctl, struct str name, struct str *ret_code)
{
    *ret_code = code_in_settings(ctl, name);
    if (ret_code->len > 0 || name.len == 0)
        return EXIT_DONE;
    if (!store_has(ctl, name))
        return fail_unknown(ctl, name);
    *ret_code = name;
    return EXIT_DONE;
}

int products_option(struct ctl *ctl, struct str *ret_code)
{
    return products_code(ctl, ctl_option(ctl, "product"), ret_code);
}
