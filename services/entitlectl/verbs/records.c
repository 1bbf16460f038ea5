#include "services/entitlectl/verbs/records.h"

#include "proto/decide/decide.h"
#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"

/* The record's successor as the store has it, or NULL. */
static const struct subscription *successor_of(struct ctl *ctl, const struct subscription *record)
{
    struct find_params params = {.handle = record->successor};
    const void *result;

    if (str_is_empty(record->successor) ||
        ctl_ask_store(ctl, METHOD_store_find, &params, &result) != EXIT_DONE)
        return NULL;
    const struct subscriptions_result *found = result;
    for (size_t i = 0; i < found->subscriptions.count; i++) {
        if (record_has_id(&found->subscriptions.items[i], record->successor))
            return &found->subscriptions.items[i];
    }
    return NULL;
}

int records_find(struct ctl *ctl, struct str handle, const struct subscription_list **ret)
{
    struct find_params params = {.handle = handle};
    const void *result;
    int code = products_option(ctl, &params.product);

    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_find, &params, &result);

    if (code != EXIT_DONE)
        return code;
    *ret = &((const struct subscriptions_result *)result)->subscriptions;
    if ((*ret)->count > 0)
        return EXIT_DONE;
    ctl->code = ERROR_NOT_FOUND;
    ctl_fail(ctl, "no subscription is known as '" STR_FMT "'", STR_ARG(handle));
    return EXIT_REFUSED;
}

int records_choose(struct ctl *ctl, struct str handle, struct batch *batch)
{
    const struct subscription_list *records;
    int code = records_find(ctl, handle, &records);

    if (code != EXIT_DONE)
        return code;
    batch->named = records->count == 1;
    for (size_t i = 0; i < records->count; i++)
        batch_add_record(ctl, batch, &records->items[i]);
    return EXIT_DONE;
}

struct holding records_holding(struct ctl *ctl, const struct subscription *record)
{
    enum { CHAIN_MAX = 8 };
    const struct subscription *chain[CHAIN_MAX] = {record};
    struct decide_facts facts = {.subscriptions = chain, .subscription_count = 1};
    struct holding_list holdings;

    for (const struct subscription *next = successor_of(ctl, record);
         next && facts.subscription_count < CHAIN_MAX; next = successor_of(ctl, next))
        chain[facts.subscription_count++] = next;
    decide_holdings(&facts, STR_NONE, &ctl->policy, ctl->now_s, &ctl->arena, &holdings);
    for (size_t i = 0; i < holdings.count; i++) {
        if (str_eq(holdings.items[i].subscription->id, record->id))
            return holdings.items[i];
    }
    return (struct holding){.subscription = (struct subscription *)(uintptr_t)record};
}

static void row(struct table *table, const char *name, struct str text)
{
    if (str_is_empty(text))
        return;
    table_cell(table, str_of(name));
    table_cell(table, text);
}

static void row_time(struct ctl *ctl, struct table *table, const char *name, int64_t time_s)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    if (time_s == 0)
        return;
    format_when(&text, time_s, ctl->now_s);
    row(table, name, buf_str(&text));
}

static void rows_of_handles(struct ctl *ctl, struct table *table, const struct subscription *record)
{
    const struct settings_product *product =
        settings_product_by_code(ctl->settings, record->product_code);

    row(table, "id", record->id);
    row(table, "product", record->product_code);
    if (product)
        row(table, "product label", str_of(product->label));
    row(table, "tenant", record->tenant);
    row(table, "account", record->account_id);
    row(table, "customer identifier", record->customer_identifier);
    row(table, "licence", record->license_arn);
    row(table, "licence key", record->license_key);
    row(table, "agreement", record->agreement_id);
    row(table, "offer", record->offer_id);
    row(table, "renews or replaces", record->predecessor);
    row(table, "continued by", record->successor);
    for (size_t i = 0; i < record->aliases.count; i++)
        row(table, "formerly", record->aliases.items[i]);
}

static void rows_of_evidence(struct ctl *ctl, struct table *table,
                             const struct subscription *record)
{
    struct evidence evidence = record_evidence(record);

    row_time(ctl, table, "lists nothing since", evidence.empty_at);
    row_time(ctl, table, "confirmed", evidence.empty_again_at);
    row_time(ctl, table, "product lists others", evidence.product_alive_at);
    row(table, "AWS announced", str_of(choice_text(&enumeration_notice, (int)evidence.notice)));
    row_time(ctl, table, "announced", evidence.notice_at);
    row_time(ctl, table, "renewed or replaced", evidence.succeeded_at);
    row_time(ctl, table, "renewal not identified", evidence.undecided_at);
    row_time(ctl, table, "payment failed", record->payment_failed_at);
}

static void rows_of_due(struct ctl *ctl, struct table *table, const struct due_result *due)
{
    if (!due)
        return;
    row(table, "due for",
        due->class == due_class_none
            ? STR("nothing planned")
            : str_of(choice_text(&enumeration_due_class, (int)due->class)));
    row(table, "due because", due->reason);
    row_time(ctl, table, "AWS is asked", due->not_before);
    row(table, "being asked by", due->claimed_by);
    if (due->failures > 0)
        row(table, "failed calls", arena_printf(&ctl->arena, "%d", (int)due->failures));
    row(table, "last failure", due->last_error);
}

static void print_entitlements(struct ctl *ctl, const struct holding *holding)
{
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(buf_done) struct buf value = BUF_INIT;

    if (holding->entitlements.count == 0)
        return;
    table_init(&table, "  DIMENSION,VALUE,COUNTS,EXPIRES");
    for (size_t i = 0; i < holding->entitlements.count; i++) {
        const struct held_entitlement *held = &holding->entitlements.items[i];
        table_cell(&table, arena_printf(&ctl->arena, "  " STR_FMT, STR_ARG(held->dimension)));
        buf_clear(&value);
        format_value(&value, &held->value);
        table_cell(&table, buf_str(&value));
        table_cell(&table, str_of(choice_text(&enumeration_counting, (int)held->counts)));
        table_cell_time(&table, held->expires_at);
    }
    table_write(&table, &ctl->out);
}

struct view {
    struct holding holding;
    const struct due_result *due;         /* NULL: not told */
    const struct contact_result *contact; /* NULL: not asked for, or none */
};

static void print_view(struct ctl *ctl, const struct view *view, bool with_contact)
{
    const struct subscription *record = view->holding.subscription;
    cleanup(table_done) struct table table = {.columns = 0};

    table_init_plain(&table, 2);
    rows_of_handles(ctl, &table, record);
    row(&table, "state", str_of(choice_text(&enumeration_state, (int)view->holding.state)));
    row(&table, "free trial", record->free_trial ? STR("yes") : STR_NONE);
    row_time(ctl, &table, "registered", record->registered_at);
    if (record->verified_at)
        row_time(ctl, &table, "verified", record->verified_at);
    else
        row(&table, "verified", STR("never"));
    rows_of_evidence(ctl, &table, record);
    rows_of_due(ctl, &table, view->due);
    row_time(ctl, &table, "created", record->created_at);
    row_time(ctl, &table, "changed", record->updated_at);
    row(&table, "version", arena_printf(&ctl->arena, "%lld", (long long)record->version));
    for (size_t i = 0; view->contact && i < view->contact->fields.count; i++) {
        const struct contact_field *field = &view->contact->fields.items[i];
        table_cell(&table, arena_printf(&ctl->arena, "contact " STR_FMT, STR_ARG(field->name)));
        table_cell(&table, field->value);
    }
    if (with_contact && (!view->contact || view->contact->fields.count == 0))
        row(&table, "contact", STR("none"));
    table_write(&table, &ctl->out);
    print_entitlements(ctl, &view->holding);
}

static struct json *view_to_json(const struct view *view)
{
    struct json *root = shape_to_json(&shape_holding, &view->holding);

    if (view->due)
        json_set(root, "due", shape_to_json(&shape_due_result, view->due));
    if (view->contact)
        json_set(root, "contact", shape_to_json(&shape_contact_result, view->contact));
    return root;
}

/* Not found is not a failure: nothing was planned, or nothing was typed. */
static int ask_about(struct ctl *ctl, enum method_id method, const struct subscription *record,
                     const void **ret_result)
{
    struct subscription_params params = {.subscription = record->id};
    int code = ctl_ask_store(ctl, method, &params, ret_result);

    if (code != EXIT_REFUSED)
        return code;
    *ret_result = NULL;
    ctl->code = ERROR_NONE;
    ctl->error = (struct error){.text = ""};
    return EXIT_DONE;
}

static int view_record(struct ctl *ctl, const struct subscription *record, bool with_contact,
                       struct view *ret)
{
    const void *due = NULL, *contact = NULL;
    int code;

    ret->holding = records_holding(ctl, record);
    code = ask_about(ctl, METHOD_store_due, record, &due);
    if (code == EXIT_DONE && with_contact)
        code = ask_about(ctl, METHOD_store_contact_get, record, &contact);
    ret->due = due;
    ret->contact = contact;
    return code;
}

int records_print(struct ctl *ctl, const struct subscription_list *records, bool with_contact)
{
    struct json *list = json_new_array();
    int code = EXIT_DONE;

    for (size_t i = 0; i < records->count && code == EXIT_DONE; i++) {
        struct view view;
        code = view_record(ctl, &records->items[i], with_contact, &view);
        if (code != EXIT_DONE)
            break;
        if (i > 0 && !ctl->json)
            buf_append_char(&ctl->out, '\n');
        if (ctl->json)
            json_add(list, view_to_json(&view));
        else
            print_view(ctl, &view, with_contact);
    }
    struct json *root = json_new_object();
    json_set(root, "subscriptions", list);
    if (ctl->json && code == EXIT_DONE)
        ctl_print_json(ctl, root);
    else
        json_free(root);
    return code;
}
