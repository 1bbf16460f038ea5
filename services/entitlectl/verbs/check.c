/* check and explain: a question to a checker, answered from its memory. */
#include <math.h>
#include <stdlib.h>

#include "services/entitlectl/command/products.h"
#include "services/entitlectl/print/explain.h"
#include "services/entitlectl/print/format.h"
#include "services/entitlectl/print/shape_json.h"
#include "services/entitlectl/print/table.h"
#include "services/entitlectl/verbs/verbs.h"

enum { LINE_WIDTH = 80 };

static int read_quantity(struct ctl *ctl, double *ret)
{
    struct str text = arguments_at(&ctl->arguments, 2);
    char *end = NULL;

    *ret = 1;
    if (ctl->arguments.count < 3)
        return EXIT_DONE;
    *ret = strtod(text.ptr, &end);
    if (end == text.ptr || *end != '\0' || !isfinite(*ret))
        return ctl_fail(ctl, "'%s' is not a quantity", text.ptr);
    return EXIT_DONE;
}

static int read_question(struct ctl *ctl, struct check_params *ret)
{
    *ret = (struct check_params){
        .handle = arguments_at(&ctl->arguments, 0),
        .dimension = arguments_at(&ctl->arguments, 1),
        .license = ctl_option(ctl, "license"),
    };
    int code = read_quantity(ctl, &ret->quantity);
    if (code == EXIT_DONE)
        code = products_option(ctl, &ret->product);
    if (code == EXIT_DONE)
        code = ctl_option_span(ctl, "max-age", 0, &ret->max_age_ms);
    return code;
}

static void row(struct table *table, const char *name, struct buf *text)
{
    table_cell(table, str_of(name));
    table_cell(table, buf_str(text));
    buf_clear(text);
}

static void print_answer(struct ctl *ctl, const struct answer *answer)
{
    cleanup(table_done) struct table table = {.columns = 0};
    cleanup(buf_done) struct buf text = BUF_INIT;

    table_init_plain(&table, 2);
    buf_append_text(&text, answer->allow ? "yes" : "no");
    row(&table, "allowed", &text);
    buf_append_text(&text, choice_text(&enumeration_reason, (int)answer->reason));
    if (answer->stale)
        buf_append_text(&text, " (stale)");
    row(&table, "reason", &text);
    format_value(&text, &answer->granted);
    row(&table, "granted", &text);
    if (answer->expires_at)
        format_when(&text, answer->expires_at, ctl->now_s);
    row(&table, "expires", &text);
    format_when(&text, answer->verified_at, ctl->now_s);
    row(&table, "verified", &text);
    if (answer->combined > 1)
        buf_printf(&text, "%d combined", (int)answer->combined);
    else
        buf_append_str(&text, answer->subscription);
    row(&table, "subscription", &text);
    if (!str_is_empty(answer->subscribe_url)) {
        buf_append_str(&text, answer->subscribe_url);
        row(&table, "subscribe at", &text);
    }
    table_write(&table, &ctl->out);
}

static int ask_question(struct ctl *ctl, struct check_params *question,
                        const struct answer **ret_answer)
{
    const void *result;
    int code = read_question(ctl, question);

    if (code == EXIT_DONE)
        code = ctl_ask_checker(ctl, METHOD_query_check, question, &result);
    if (code == EXIT_DONE)
        *ret_answer = result;
    return code;
}

int verb_check(struct ctl *ctl)
{
    struct check_params question;
    const struct answer *answer;
    int code = ask_question(ctl, &question, &answer);

    if (code != EXIT_DONE)
        return code;
    if (ctl->json)
        ctl_print_json(ctl, shape_to_json(&shape_answer, answer));
    else
        print_answer(ctl, answer);
    return answer->allow ? EXIT_DONE : EXIT_REFUSED;
}

/* NULL for each that the store does not have: an explanation without it is better than none. */
static const struct due_result **ask_dues(struct ctl *ctl, const struct holding_list *holdings)
{
    const struct due_result **dues =
        arena_alloc_array(&ctl->arena, holdings->count + 1, sizeof(const struct due_result *));

    for (size_t i = 0; i < holdings->count; i++) {
        struct subscription_params params = {.subscription = holdings->items[i].subscription->id};
        const void *result;
        if (ctl_ask_store(ctl, METHOD_store_due, &params, &result) == EXIT_DONE)
            dues[i] = result;
        else if (ctl->code == ERROR_TIMEOUT || ctl->code == ERROR_UNAVAILABLE)
            break;
    }
    ctl->error = (struct error){.text = ""};
    ctl->code = ERROR_NONE;
    return dues;
}

static void print_explanation(struct ctl *ctl, const struct explain_facts *facts)
{
    cleanup(buf_done) struct buf text = BUF_INIT;

    explain_write(facts, &text);
    if (!ctl->json) {
        format_wrap(&ctl->out, buf_str(&text), LINE_WIDTH);
        return;
    }
    struct json *root = json_new_object();
    struct json *dues = json_new_array();
    for (size_t i = 0; i < facts->holdings->holdings.count; i++)
        json_add(dues, facts->dues[i] ? shape_to_json(&shape_due_result, facts->dues[i])
                                      : json_new_null());
    json_set_str(root, "explanation", buf_str(&text));
    json_set(root, "answer", shape_to_json(&shape_answer, facts->answer));
    json_set(root, "entitlements", shape_to_json(&shape_entitlements_result, facts->holdings));
    json_set(root, "due", dues);
    ctl_print_json(ctl, root);
}

static void add_holdings(struct ctl *ctl, struct holding_list *all, const struct holding_list *more)
{
    struct holding *items =
        arena_alloc_array(&ctl->arena, all->count + more->count, sizeof(*items));

    for (size_t i = 0; i < all->count; i++)
        items[i] = all->items[i];
    for (size_t i = 0; i < more->count; i++)
        items[all->count + i] = more->items[i];
    *all = (struct holding_list){items, all->count + more->count};
}

/* All pages: each message holds some records, and the place where the next begin. */
static int ask_entitlements(struct ctl *ctl, struct entitlements_params *whose,
                            struct entitlements_result *ret)
{
    const void *part;
    int code;

    while ((code = ctl_ask_checker(ctl, METHOD_query_entitlements, whose, &part)) == EXIT_DONE) {
        const struct entitlements_result *some = part;
        if (whose->after.len == 0)
            *ret = *some;
        else
            add_holdings(ctl, &ret->holdings, &some->holdings);
        whose->after = some->next;
        if (some->next.len == 0)
            break;
    }
    ret->next = STR_NONE;
    return code;
}

int verb_explain(struct ctl *ctl)
{
    struct check_params question;
    const struct answer *answer;
    struct entitlements_result result = {0};
    int code = ask_question(ctl, &question, &answer);

    if (code != EXIT_DONE)
        return code;
    struct entitlements_params whose = {.handle = question.handle, .product = question.product};
    code = ask_entitlements(ctl, &whose, &result);
    if (code != EXIT_DONE)
        return code;
    print_explanation(ctl, &(struct explain_facts){
                               .handle = question.handle,
                               .dimension = question.dimension,
                               .quantity = question.quantity,
                               .answer = answer,
                               .holdings = &result,
                               .dues = ask_dues(ctl, &result.holdings),
                               .policy = &ctl->policy,
                               .now_s = ctl->now_s,
                           });
    return answer->allow ? EXIT_DONE : EXIT_REFUSED;
}
