/* list, show, link, refresh. */
#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/records.h"
#include "services/entitlectl/verbs/verbs.h"

enum { LIST_LIMIT = 1000, PAGE = 500, REFRESH_TIMEOUT_MS = 30000 };

struct listing {
    struct json *list;
    struct table table;
    int64_t limit;
    int64_t count;
    int state; /* 0: any */
};

static void add_grants(struct table *table, const struct subscription *record)
{
    cleanup(buf_done) struct buf grants = BUF_INIT;
    int64_t expires_at = 0;

    for (size_t i = 0; i < record->entitlements.count; i++) {
        const struct entitlement *entitlement = &record->entitlements.items[i];
        buf_printf(&grants, "%s" STR_FMT "=", i ? " " : "", STR_ARG(entitlement->dimension));
        format_value(&grants, &entitlement->value);
        if (entitlement->expires_at && (!expires_at || entitlement->expires_at < expires_at))
            expires_at = entitlement->expires_at;
    }
    table_cell(table, buf_str(&grants));
    table_cell_time(table, expires_at);
}

static void add_row(struct ctl *ctl, struct listing *listing, const struct holding *holding)
{
    const struct subscription *record = holding->subscription;
    struct table *table = &listing->table;

    table_cell(table, record->id);
    table_cell(table, products_name(ctl, record->product_code));
    table_cell(table, str_of(choice_text(&enumeration_state, (int)holding->state)));
    table_cell(table, record->tenant);
    table_cell(table, record->account_id);
    table_cell(table, record->customer_identifier);
    table_cell(table, format_license(record));
    add_grants(table, record);
    table_cell_time(table, record->verified_at);
}

static void add_page(struct ctl *ctl, struct listing *listing,
                     const struct subscription_list *records)
{
    for (size_t i = 0; i < records->count && listing->count < listing->limit; i++) {
        struct holding holding = records_holding(ctl, &records->items[i]);
        if (listing->state && (int)holding.state != listing->state)
            continue;
        listing->count++;
        if (ctl->json)
            json_add(listing->list, shape_to_json(&shape_holding, &holding));
        else
            add_row(ctl, listing, &holding);
    }
}

static int add_pages(struct ctl *ctl, struct listing *listing)
{
    struct list_params params = {.limit = PAGE};
    int code = products_option(ctl, &params.product);

    while (code == EXIT_DONE) {
        const void *result;
        code = ctl_ask_store(ctl, METHOD_store_list, &params, &result);
        if (code != EXIT_DONE)
            break;
        const struct subscriptions_result *page = result;
        add_page(ctl, listing, &page->subscriptions);
        if (str_is_empty(page->next) || listing->count >= listing->limit)
            return EXIT_DONE;
        params.after = page->next;
    }
    return code;
}

static int read_listing(struct ctl *ctl, struct listing *listing)
{
    struct str state = ctl_option(ctl, "state");

    listing->state = choice_of(&enumeration_state, state);
    if (!str_is_empty(state) && !listing->state)
        return ctl_fail(ctl, "--state: '" STR_FMT "' is not a state", STR_ARG(state));
    return ctl_option_count(ctl, "limit", LIST_LIMIT, &listing->limit);
}

int verb_list(struct ctl *ctl)
{
    struct listing listing = {.list = json_new_array()};
    struct json *root = json_new_object();
    int code = read_listing(ctl, &listing);

    table_init(&listing.table,
               "ID,PRODUCT,STATE,TENANT,ACCOUNT,IDENTIFIER,LICENCE,GRANTS,EXPIRES,VERIFIED");
    json_set(root, "subscriptions", listing.list);
    if (code == EXIT_DONE)
        code = add_pages(ctl, &listing);
    if (code == EXIT_DONE && ctl->json)
        json_write_pretty(root, &ctl->out);
    else if (code == EXIT_DONE)
        table_write(&listing.table, &ctl->out);
    json_free(root);
    table_done(&listing.table);
    return code;
}

int verb_show(struct ctl *ctl)
{
    const struct subscription_list *records;
    int code = records_find(ctl, arguments_at(&ctl->arguments, 0), &records);

    if (code != EXIT_DONE)
        return code;
    return records_print(ctl, records, arguments_flag(&ctl->arguments, "contact"));
}

int verb_link(struct ctl *ctl)
{
    struct link_params params = {
        .handle = arguments_at(&ctl->arguments, 0),
        .tenant = arguments_at(&ctl->arguments, 1),
        .cause = CAUSE_OPERATOR,
        .author = ctl_author(ctl),
    };
    const void *result;
    int code = products_option(ctl, &params.product);
    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_link, &params, &result);

    if (code != EXIT_DONE)
        return code;
    const struct subscription_result *linked = result;
    if (ctl->json)
        ctl_print_json(ctl, shape_to_json(&shape_subscription_result, linked));
    else if (str_is_empty(params.tenant))
        buf_printf(&ctl->out, STR_FMT " has no tenant any more\n",
                   STR_ARG(linked->subscription->id));
    else
        buf_printf(&ctl->out, STR_FMT " is tenant '" STR_FMT "'\n",
                   STR_ARG(linked->subscription->id), STR_ARG(linked->subscription->tenant));
    return EXIT_DONE;
}

/* The records as they are after AWS's answers. */
static int wait_for_all(struct ctl *ctl, const struct mark_result *marked,
                        struct subscription_list *ret)
{
    ret->items =
        arena_alloc_array(&ctl->arena, marked->subscriptions.count + 1, sizeof(*ret->items));
    for (size_t i = 0; i < marked->subscriptions.count; i++) {
        struct wait_params params = {.subscription = marked->subscriptions.items[i],
                                     .ticket = marked->ticket};
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_wait, &params, &result);
        if (ctl->code == ERROR_TIMEOUT)
            error_set(&ctl->error, "AWS's answer has not come in time; it stays due");
        if (code != EXIT_DONE)
            return code;
        ret->items[ret->count++] = *((const struct subscription_result *)result)->subscription;
    }
    return EXIT_DONE;
}

int verb_refresh(struct ctl *ctl)
{
    struct mark_params params = {
        .handle = arguments_at(&ctl->arguments, 0),
        .class = DUE_MAX_AGE,
        .reason =
            arena_printf(&ctl->arena, "entitlectl refresh by " STR_FMT, STR_ARG(ctl_author(ctl))),
        .author = ctl_author(ctl),
    };
    struct subscription_list records = {.items = NULL};
    const void *result;

    if (ctl->timeout_ms == 0)
        ctl->timeout_ms = REFRESH_TIMEOUT_MS;
    int code = products_option(ctl, &params.product);
    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_mark, &params, &result);
    if (code == EXIT_DONE)
        code = wait_for_all(ctl, result, &records);
    return code == EXIT_DONE ? records_print(ctl, &records, false) : code;
}
