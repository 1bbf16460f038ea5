/* held list, accept, refuse: ends that nothing certain explains, and the operator's word on them.
 */
#include "services/entitlectl/ctl.h"
#include "services/entitlectl/shape_json.h"
#include "services/entitlectl/table.h"

static const char *const reason_words[held_reason_count] = {
    [HELD_UNEXPLAINED] = "nothing explains it",
    [HELD_MANY] = "one of many at once",
    [HELD_UNDECIDED] = "renewed, or another",
    [HELD_REFUSED] = "refused: served on",
};

/* A label of the settings or a product code. */
static struct str product_of(const struct ctl *ctl)
{
    struct str name = ctl_option(ctl, "product");

    for (size_t i = 0; i < ctl->settings->products.count; i++) {
        const struct settings_product *product = settings_product_at(ctl->settings, i);
        if (str_eq_text(name, product->label))
            return str_of(product->code);
    }
    return name;
}

static struct str name_of(const struct subscription *record)
{
    if (record->license_key.len > 0)
        return record->license_key;
    return record->customer_identifier.len > 0 ? record->customer_identifier : record->account_id;
}

static void add_row(struct table *table, const struct held_end *end)
{
    const struct subscription *record = end->subscription;

    table_cell(table, record->id);
    table_cell(table, record->product_code);
    table_cell(table, record->tenant);
    table_cell(table, record->account_id);
    table_cell(table, name_of(record));
    table_cell_time(table, end->since);
    table_cell(table, str_of(reason_words[end->reason]));
    table_cell_time(table, end->until);
}

static int list(struct ctl *ctl)
{
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(json_freep) struct json *root = json_new_object();
    struct json *ends = json_new_array();
    struct held_params params = {.product = product_of(ctl)};

    json_set(root, "ends", ends);
    table_init(&table, "ID,PRODUCT,TENANT,ACCOUNT,NAME,SINCE,WHY,SERVED UNTIL");
    do {
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_held, &params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct held_result *part = result;
        for (size_t i = 0; i < part->ends.count; i++) {
            add_row(&table, &part->ends.items[i]);
            json_add(ends, shape_to_json(&shape_held_end, &part->ends.items[i]));
        }
        params.after = part->next;
    } while (params.after.len > 0);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&table, &ctl->out);
    return EXIT_DONE;
}

static void print_decided(struct ctl *ctl, struct json *decided)
{
    if (ctl->json) {
        struct json *root = json_new_object();
        json_set(root, "subscriptions", decided);
        ctl_print_json(ctl, root);
        return;
    }
    for (size_t i = 0; i < json_count(decided); i++)
        buf_printf(&ctl->out, STR_FMT "\n", STR_ARG(json_str(json_at(decided, i))));
    json_free(decided);
}

static int decide(struct ctl *ctl, enum held_decision decision)
{
    struct json *decided = json_new_array();
    struct held_decide_params params = {.decision = decision,
                                        .handle = arguments_at(&ctl->arguments, 1),
                                        .product = product_of(ctl),
                                        .author = ctl_author(ctl),
                                        .reason = ctl_option(ctl, "reason")};
    int code;

    do {
        const void *result;
        code = ctl_ask_store(ctl, METHOD_store_held_decide, &params, &result);
        if (code != EXIT_DONE)
            break;
        const struct held_decide_result *part = result;
        for (size_t i = 0; i < part->subscriptions.count; i++)
            json_add(decided, json_new_str(part->subscriptions.items[i]));
        params.after = part->next;
    } while (params.after.len > 0);
    print_decided(ctl, decided);
    return code;
}

int verb_held(struct ctl *ctl)
{
    struct str what = arguments_at(&ctl->arguments, 0);
    bool named = ctl->arguments.count == 2;
    bool decidable = named || ctl_option(ctl, "product").len > 0;

    if (named && str_is_empty(arguments_at(&ctl->arguments, 1)))
        return ctl_fail(ctl, "the HANDLE is empty");
    if (!named && (what.len == 0 || str_eq(what, STR("list"))))
        return list(ctl);
    if (decidable && str_eq(what, STR("accept")))
        return decide(ctl, HELD_ACCEPT);
    if (decidable && str_eq(what, STR("refuse")))
        return decide(ctl, HELD_REFUSE);
    return ctl_fail(ctl, "held, held accept HANDLE, or held refuse HANDLE; instead of a HANDLE "
                         "--product PRODUCT decides all held ends of a product");
}
