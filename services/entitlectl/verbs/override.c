/* override set, remove, list. */
#include <math.h>
#include <stdlib.h>

#include "services/entitlectl/command/batch.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

static enum override_action action_of(struct str says)
{
    if (str_eq_nocase(says, STR("allow")))
        return OVERRIDE_ALLOW;
    return str_eq_nocase(says, STR("deny")) ? OVERRIDE_DENY : OVERRIDE_VALUE;
}

/* true and false, an integer, a number, else a text: as GetEntitlements has four kinds. */
static struct value value_of(struct str text)
{
    struct value value = {.kind = VALUE_STRING, .string = text};
    char *end = NULL;
    double number = strtod(text.ptr, &end);

    if (str_eq(text, STR("true")) || str_eq(text, STR("false"))) {
        value.kind = VALUE_BOOLEAN;
        value.boolean = str_eq(text, STR("true"));
    } else if (str_to_i64(text, &value.integer)) {
        value.kind = VALUE_INTEGER;
    } else if (end != text.ptr && *end == '\0' && isfinite(number)) {
        value.kind = VALUE_DOUBLE;
        value.number = number;
    } else {
        value.string = text;
    }
    return value;
}

static void add_row(struct table *table, const struct override *override)
{
    cleanup(buf_done) struct buf says = BUF_INIT;

    if (override->action == OVERRIDE_VALUE)
        format_value(&says, &override->value);
    else
        buf_append_text(&says, choice_text(&enumeration_override_action, (int) override->action));
    table_cell(table, override->id);
    table_cell(table, override->handle);
    table_cell(table, override->dimension);
    table_cell(table, buf_str(&says));
    table_cell_time(table, override->expires_at);
    table_cell(table, override->author);
    table_cell(table, override->reason);
}

static void print(struct ctl *ctl, const struct override *overrides, size_t count)
{
    cleanup(table_done) struct table table = {.columns = 0};
    struct json *root = json_new_object();
    struct json *list = json_new_array();

    table_init(&table, "ID,HANDLE,DIMENSION,SAYS,UNTIL,BY,REASON");
    for (size_t i = 0; i < count; i++) {
        add_row(&table, &overrides[i]);
        json_add(list, shape_to_json(&shape_override, &overrides[i]));
    }
    json_set(root, "overrides", list);
    if (ctl->json)
        json_write_pretty(root, &ctl->out);
    else
        table_write(&table, &ctl->out);
    json_free(root);
}

/* A mistyped handle would never be noticed: it overrides nothing. */
static int ask_if_unknown(struct ctl *ctl, struct str handle)
{
    struct find_params params = {.handle = handle};
    const void *result;
    int code = ctl_ask_store(ctl, METHOD_store_find, &params, &result);

    if (code == EXIT_DONE && ((const struct subscriptions_result *)result)->subscriptions.count > 0)
        return EXIT_DONE;
    if (code != EXIT_DONE && code != EXIT_REFUSED)
        return code;
    ctl->code = ERROR_NONE;
    ctl->error.text[0] = '\0';
    return batch_confirm_one(
        ctl,
        arena_printf(&ctl->arena, "no subscription is known as '" STR_FMT "' yet", STR_ARG(handle)),
        "set it");
}

int verb_override_set(struct ctl *ctl)
{
    struct str says = arguments_at(&ctl->arguments, 1);
    struct override override = {
        .handle = arguments_at(&ctl->arguments, 0),
        .dimension = ctl_option(ctl, "dimension"),
        .action = action_of(says),
        .author = ctl_author(ctl),
        .reason = ctl_option(ctl, "reason"),
    };
    struct override_put_params params = {.override = &override};
    const void *result;
    int64_t span_ms;

    if (override.action == OVERRIDE_VALUE)
        override.value = value_of(says);
    /* A text covers every quantity, and a mistyped "deny" would be a text. */
    if (override.value.kind == VALUE_STRING && override.dimension.len == 0)
        return ctl_fail(ctl,
                        "'" STR_FMT "' is neither allow, deny, true, false nor a number; a text "
                        "needs the --dimension that it is the value of",
                        STR_ARG(says));
    int code = ctl_option_span(ctl, "for", 0, &span_ms);
    if (span_ms > 0)
        override.expires_at = ctl->now_s + span_ms / 1000;
    if (code == EXIT_DONE)
        code = ask_if_unknown(ctl, override.handle);
    if (code == EXIT_DONE)
        code = ctl_ask_store(ctl, METHOD_store_override_put, &params, &result);
    if (code == EXIT_DONE)
        print(ctl, ((const struct override_result *)result)->override, 1);
    return code;
}

int verb_override_remove(struct ctl *ctl)
{
    struct override_params params = {.id = arguments_at(&ctl->arguments, 0),
                                     .author = ctl_author(ctl)};
    const void *result;

    int code = ctl_ask_store(ctl, METHOD_store_override_remove, &params, &result);
    if (code == EXIT_DONE && ctl->json)
        ctl_print_json(ctl, json_new_object());
    else if (code == EXIT_DONE)
        buf_printf(&ctl->out, STR_FMT " is removed\n", STR_ARG(params.id));
    return code;
}

/* They come with the first chunk of the snapshot. */
int verb_override_list(struct ctl *ctl)
{
    struct snapshot_params params = {.limit = 1};
    const void *result;
    int code = ctl_ask_store(ctl, METHOD_store_snapshot, &params, &result);

    if (code != EXIT_DONE)
        return code;
    const struct snapshot_result *snapshot = result;
    print(ctl, snapshot->overrides.items, snapshot->overrides.count);
    return EXIT_DONE;
}
