/* held list, accept, refuse: ends that nothing certain explains, and the operator's decision on
 * them. */
#include <stdio.h>

#include "proto/record/record.h"
#include "services/entitlectl/command/batch.h"
#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/records.h"
#include "services/entitlectl/verbs/verbs.h"

static const char *const reason_texts[held_reason_count] = {
    [HELD_UNEXPLAINED] = "nothing explains it",      [HELD_MANY] = "one of many at once",
    [HELD_SUCCESSOR] = "renewed: successor awaited", [HELD_UNCONFIRMED] = "to be confirmed",
    [HELD_UNDECIDED] = "renewal not identified",     [HELD_REFUSED] = "end refused",
};

static void add_row(const struct ctl *ctl, struct table *table, const struct held_end *end)
{
    const struct subscription *record = end->subscription;

    table_cell(table, record->id);
    table_cell(table, products_name(ctl, record->product_code));
    table_cell(table, record->tenant);
    table_cell(table, record->account_id);
    table_cell(table, format_customer(record));
    table_cell_time(table, end->since);
    table_cell(table, str_of(reason_texts[end->reason]));
    table_cell_time(table, end->until);
}

/* Calls `visit` with each held end, of a product or of all. */
static int each_end(struct ctl *ctl, struct str product,
                    void (*visit)(void *arg, const struct held_end *end), void *arg)
{
    struct held_params params = {.product = product};

    do {
        const void *result;
        int code = ctl_ask_store(ctl, METHOD_store_held, &params, &result);
        if (code != EXIT_DONE)
            return code;
        const struct held_result *part = result;
        for (size_t i = 0; i < part->ends.count; i++)
            visit(arg, &part->ends.items[i]);
        params.after = part->next;
    } while (params.after.len > 0);
    return EXIT_DONE;
}

struct listing {
    struct ctl *ctl;
    struct table table;
    struct json *ends;
};

static void list_end(void *arg, const struct held_end *end)
{
    struct listing *listing = arg;

    add_row(listing->ctl, &listing->table, end);
    json_add(listing->ends, shape_to_json(&shape_held_end, end));
}

int verb_held_list(struct ctl *ctl)
{
    struct listing listing = {.ctl = ctl, .ends = json_new_array()};
    cleanup(json_freep) struct json *root = json_new_object();
    struct str product;
    int code = products_option(ctl, &product);

    json_set(root, "ends", listing.ends);
    table_init(&listing.table, "ID,PRODUCT,TENANT,ACCOUNT,NAME,SINCE,WHY,SERVED UNTIL");
    if (code == EXIT_DONE)
        code = each_end(ctl, product, list_end, &listing);
    if (code == EXIT_DONE && ctl->json)
        json_write_pretty(root, &ctl->out);
    else if (code == EXIT_DONE)
        table_write(&listing.table, &ctl->out);
    table_done(&listing.table);
    return code;
}

struct choice_of_ends {
    struct ctl *ctl;
    struct batch *batch;
    const struct subscription_list *among; /* NULL: all */
};

static bool is_among(const struct subscription_list *records, struct str id)
{
    for (size_t i = 0; records && i < records->count; i++) {
        if (str_eq(records->items[i].id, id))
            return true;
    }
    return !records;
}

/* An end that was refused is decided, and some settle by themselves: those are chosen only by their
 * own handle. */
static void choose_end(void *arg, const struct held_end *end)
{
    struct choice_of_ends *choice = arg;
    bool waits = end->reason != HELD_REFUSED && record_held_for_operator(end->reason);

    if ((waits || choice->batch->named) && is_among(choice->among, end->subscription->id))
        batch_add_record(choice->ctl, choice->batch, end->subscription);
}

/* A handle of one subscription names its end. A handle of several, like a product, means the ends
 * that wait for a decision. */
static int choose(struct ctl *ctl, struct str product, struct batch *batch)
{
    struct choice_of_ends choice = {.ctl = ctl, .batch = batch};
    struct str handle = arguments_at(&ctl->arguments, 0);

    if (handle.len > 0) {
        int code = records_find(ctl, handle, &choice.among);
        if (code != EXIT_DONE)
            return code;
        batch->named = choice.among->count == 1;
    }
    if (!batch->named || arguments_flag(&ctl->arguments, "dry-run"))
        return each_end(ctl, product, choose_end, &choice);
    batch_add_record(ctl, batch, &choice.among->items[0]);
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

/* One by one: only the ends that were shown are decided, even if more are held meanwhile. */
static int decide_all(struct ctl *ctl, enum held_decision decision, const struct str_list *ids)
{
    struct json *decided = json_new_array();
    int code = EXIT_DONE;

    for (size_t i = 0; i < ids->count && code == EXIT_DONE; i++) {
        const struct held_decide_params params = {.decision = decision,
                                                  .handle = ids->items[i],
                                                  .author = ctl_author(ctl),
                                                  .reason = ctl_option(ctl, "reason")};
        const void *result;
        code = ctl_ask_store(ctl, METHOD_store_held_decide, &params, &result);
        /* AWS may have settled one of many since. */
        if (code == EXIT_REFUSED && ids->count > 1) {
            fprintf(stderr, "entitlectl: " STR_FMT " is no longer held\n", STR_ARG(ids->items[i]));
            ctl->error.text[0] = '\0';
            code = EXIT_DONE;
        } else if (code == EXIT_DONE) {
            json_add(decided, json_new_str(ids->items[i]));
        }
    }
    if (code == EXIT_DONE || json_count(decided) > 0)
        print_decided(ctl, decided);
    else
        json_free(decided);
    return code;
}

/* An empty HANDLE is a script's variable that is not set; it must not mean a whole product. */
static int check_chosen(struct ctl *ctl)
{
    bool named = ctl->arguments.count > 0;

    if (named && str_is_empty(arguments_at(&ctl->arguments, 0)))
        return ctl_fail(ctl, "the HANDLE is empty");
    if (named || arguments_flag(&ctl->arguments, "product"))
        return EXIT_DONE;
    return ctl_fail(ctl,
                    "%s HANDLE; instead of a HANDLE, --product PRODUCT chooses the held ends of a "
                    "product that wait for a decision",
                    ctl->arguments.verb->name);
}

static int decide(struct ctl *ctl, enum held_decision decision)
{
    struct batch batch = {.verb = choice_text(&enumeration_held_decision, (int)decision),
                          .thing = "held end"};
    bool go = false;
    struct str product;
    int code = products_option(ctl, &product);

    if (code == EXIT_DONE)
        code = check_chosen(ctl);
    if (code == EXIT_DONE)
        code = choose(ctl, product, &batch);
    if (code == EXIT_DONE)
        code = batch_confirm(ctl, &batch, &go);
    return go ? decide_all(ctl, decision, &batch.ids) : code;
}

int verb_held_accept(struct ctl *ctl)
{
    return decide(ctl, HELD_ACCEPT);
}

int verb_held_refuse(struct ctl *ctl)
{
    return decide(ctl, HELD_REFUSE);
}
