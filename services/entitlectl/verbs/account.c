/* account: the seller account that the store remembers, and the accounts that the checkers sign
 * with. */
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

static struct str or_unknown(struct str account)
{
    return str_is_empty(account) ? STR("not known") : account;
}

static struct json *or_null(struct str account)
{
    return str_is_empty(account) ? json_new_null() : json_new_str(account);
}

/* Whether its credentials may be used: its account is not known, or is the seller's. */
static bool add_checker(struct ctl *ctl, const char *endpoint, struct str seller,
                        struct table *table, struct json *list)
{
    struct nothing params;
    const void *result;

    if (ctl_ask_at(ctl, endpoint, METHOD_query_stats, &params, &result) != EXIT_DONE)
        return false;
    struct str account = ((const struct stats_result *)result)->aws_account;
    bool wrong = seller.len > 0 && account.len > 0 && !str_eq(seller, account);
    struct json *item = json_new_object();
    table_cell(table, str_of(endpoint));
    table_cell(table, or_unknown(account));
    table_cell(table, wrong ? STR("not the seller account: its answers are not applied") : STR(""));
    json_set_str(item, "endpoint", str_of(endpoint));
    json_set(item, "account", or_null(account));
    json_add(list, item);
    return !wrong;
}

int verb_account(struct ctl *ctl)
{
    cleanup(table_done) struct table table = {.columns = 0};
    struct nothing params;
    const void *result;
    struct json *root, *list;
    struct config_list checkers = ctl_checker_endpoints(ctl);
    int code = ctl_ask_store(ctl, METHOD_store_seller, &params, &result);

    if (code != EXIT_DONE)
        return code;
    struct str seller = ((const struct seller_result *)result)->account;
    root = json_new_object();
    list = json_new_array();
    table_init(&table, "WHO,ACCOUNT,REMARK");
    table_cell(&table, STR("seller account"));
    table_cell(&table, or_unknown(seller));
    table_cell(&table, str_is_empty(seller)
                           ? STR("learnt from the first answer that lists something")
                           : STR(""));
    for (size_t i = 0; i < checkers.count; i++) {
        if (!add_checker(ctl, checkers.items[i], seller, &table, list))
            code = EXIT_REFUSED;
    }
    json_set(root, "seller_account", or_null(seller));
    json_set(root, "checkers", list);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&table, &ctl->out);
    json_free(root);
    return code;
}

int verb_account_adopt(struct ctl *ctl)
{
    struct seller_adopt_params params = {.account = arguments_at(&ctl->arguments, 0),
                                         .author = ctl_author(ctl),
                                         .reason = ctl_option(ctl, "reason")};
    const void *result;
    int code = ctl_ask_store(ctl, METHOD_store_seller_adopt, &params, &result);

    return code == EXIT_DONE ? verb_account(ctl) : code;
}
