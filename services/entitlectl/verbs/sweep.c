/* sweep: starts sweeps of products, waits, and shows their results. */
#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

enum { WAIT_MS = 600000 };

static void cell_count(struct table *table, int64_t count)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    format_number(&text, (double)count);
    table_cell(table, buf_str(&text));
}

static void add(const struct ctl *ctl, struct table *table, const struct sweep_state *state)
{
    table_cell(table, products_name(ctl, state->product));
    table_cell_time(table, state->swept_at);
    cell_count(table, state->rows);
    cell_count(table, state->verified);
    cell_count(table, state->differing);
    cell_count(table, state->unknown);
    cell_count(table, state->unlisted);
    cell_count(table, state->unreadable);
    table_cell(table, state->last_error);
}

static bool is_meant(struct str product, const struct sweep_state *state)
{
    return str_is_empty(product) || str_eq(product, state->product);
}

static int show(struct ctl *ctl, struct str product)
{
    cleanup(table_done) struct table table = {.columns = 0};
    struct nothing params;
    const void *result;
    struct json *root, *list;
    int code = ctl_ask_store(ctl, METHOD_store_sweeps, &params, &result);

    if (code != EXIT_DONE)
        return code;
    const struct sweeps_result *sweeps = result;
    root = json_new_object();
    list = json_new_array();
    table_init(&table, "PRODUCT,SWEPT,ROWS,VERIFIED,DIFFERING,UNKNOWN,UNLISTED,UNREADABLE,ERROR");
    for (size_t i = 0; i < sweeps->sweeps.count; i++) {
        if (!is_meant(product, &sweeps->sweeps.items[i]))
            continue;
        add(ctl, &table, &sweeps->sweeps.items[i]);
        json_add(list, shape_to_json(&shape_sweep_state, &sweeps->sweeps.items[i]));
    }
    json_set(root, "sweeps", list);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&table, &ctl->out);
    json_free(root);
    return EXIT_DONE;
}

int verb_sweep(struct ctl *ctl)
{
    struct sweep_params params = {.author = ctl_author(ctl)};
    const void *result, *waited;
    int code = products_code(ctl, arguments_at(&ctl->arguments, 0), &params.product);

    if (code == EXIT_DONE && arguments_flag(&ctl->arguments, "last"))
        return show(ctl, params.product);
    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_sweep, &params, &result);
    if (ctl->timeout_ms == 0)
        ctl->timeout_ms = WAIT_MS;
    for (size_t i = 0;
         code == EXIT_DONE && i < ((const struct sweeps_result *)result)->sweeps.count; i++) {
        const struct sweep_state *state = &((const struct sweeps_result *)result)->sweeps.items[i];
        struct wait_params wait = {.subscription = state->id, .ticket = state->ticket};
        code = ctl_ask_store(ctl, METHOD_store_wait, &wait, &waited);
    }
    return code == EXIT_DONE ? show(ctl, params.product) : code;
}
