#include "services/sandbox/page.h"

#include "common/base/clock.h"
#include "common/base/escape.h"
#include "services/sandbox/world_json.h"

static void begin_page(struct buf *out, const char *title)
{
    buf_printf(out,
               "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
               "<title>%s</title><style>"
               "body{font:1rem/1.5 sans-serif;margin:1rem auto;max-width:70rem;padding:0 1rem;"
               "color:#1b1b1b;background:#fff}"
               "table{border-collapse:collapse;width:100%%}caption{text-align:left;font-weight:"
               "bold}th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;"
               "vertical-align:top;overflow-wrap:anywhere}"
               "form{margin:.3rem 0}label{margin-right:.6rem}"
               "input,select,button{font:inherit;padding:.2rem .4rem}"
               ".said{border-left:.4rem solid #0b5cad;padding:.3rem .8rem;background:#eef4fb}"
               "</style></head><body><main><h1>%s</h1>\n",
               title, title);
}

static void end_page(struct buf *out)
{
    buf_append_text(out, "</main></body></html>\n");
}

static void write_product_choice(const struct sandbox *sandbox, struct buf *out)
{
    const struct product *product;

    buf_append_text(out, "<label>Product <select name=\"product\">");
    STAILQ_FOREACH (product, &sandbox->world.products, link) {
        buf_append_text(out, "<option value=\"");
        escape_markup(out, product->code);
        buf_append_text(out, "\">");
        escape_markup(out, product->title);
        buf_printf(out, " (%s)</option>", product_is_legacy(product) ? "legacy" : "new");
    }
    buf_append_text(out, "</select></label>\n");
}

static void write_buying(const struct sandbox *sandbox, struct buf *out)
{
    const struct buyer *buyer = STAILQ_FIRST(&sandbox->world.buyers);

    buf_append_text(out, "<h2>Buy</h2><form method=\"post\" action=\"/_sandbox/page/buy\">\n");
    write_product_choice(sandbox, out);
    buf_append_text(out,
                    "<label>AWS account <input name=\"account\" required pattern=\"[0-9]{12}\" "
                    "value=\"");
    escape_markup(out, buyer ? buyer->account : STR_NONE);
    buf_append_text(out, "\"></label>\n"
                         "<label>Dimensions <input name=\"dimensions\" required value=\"seats=10\" "
                         "aria-describedby=\"dimensions-help\"></label>\n"
                         "<label>Days <input name=\"term_days\" type=\"number\" min=\"0\" "
                         "value=\"365\"></label>\n"
                         "<label><input name=\"free_trial\" type=\"checkbox\" value=\"true\"> Free "
                         "trial</label>\n"
                         "<button>Buy</button>\n<p id=\"dimensions-help\">Dimensions are written "
                         "<code>seats=10, plan=gold, sso=true</code>.</p></form>\n");
}

static void write_button(struct buf *out, const char *verb, const char *label, struct str agreement,
                         const char *fields)
{
    buf_printf(out,
               "<form method=\"post\" action=\"/_sandbox/page/%s\">"
               "<input type=\"hidden\" name=\"agreement\" value=\"",
               verb);
    escape_markup(out, agreement);
    buf_printf(out, "\">%s<button>%s</button></form>\n", fields, label);
}

static void write_actions(const struct agreement *agreement, struct buf *out)
{
    static const char new_dimensions[] =
        "<label>New dimensions <input name=\"dimensions\" value=\"seats=25\"></label>";

    if (!agreement_is_active(agreement)) {
        buf_append_text(out, "none: it has ended");
        return;
    }
    write_button(out, "token", "Set up your account", agreement->id, "");
    write_button(out, "change", "Change", agreement->id, new_dimensions);
    write_button(out, "replace", "Replace", agreement->id, new_dimensions);
    write_button(out, "renew", "Renew", agreement->id, "");
    write_button(out, "cancel", "Cancel", agreement->id, "");
    write_button(out, "expire", "Let expire", agreement->id, "");
}

static void write_entitlements(const struct grant *grant, struct buf *out)
{
    for (size_t i = 0; i < grant->count; i++) {
        struct json *value = value_json(&grant->list[i].value);
        struct buf text = BUF_INIT;
        json_write(value, &text);
        escape_markup(out, grant->list[i].dimension);
        buf_append_text(out, " = ");
        escape_markup(out, buf_str(&text));
        buf_append_text(out, "<br>");
        buf_done(&text);
        json_free(value);
    }
}

static void write_cell(struct buf *out, struct str text)
{
    buf_append_text(out, "<td>");
    escape_markup(out, text);
    buf_append_text(out, "</td>");
}

static void write_agreement(const struct agreement *agreement, struct buf *out)
{
    char until[CLOCK_TEXT_SIZE];

    buf_append_text(out, "<tr>");
    write_cell(out, agreement->account);
    write_cell(out, agreement->product->title);
    buf_append_text(out, "<td>");
    escape_markup(out, agreement->id);
    buf_append_text(out, "<br>");
    escape_markup(out, agreement->license_arn);
    buf_append_text(out, "<br>");
    escape_markup(out, agreement->customer_identifier);
    buf_append_text(out, "</td><td>");
    write_entitlements(&agreement->now, out);
    buf_append_text(out, "</td>");
    write_cell(out, str_of(clock_format_s(agreement->now.ends_at, until)));
    write_cell(out, agreement_is_active(agreement) && !agreement->provisioned ? STR("PENDING")
                                                                              : agreement->status);
    buf_append_text(out, "<td>");
    write_actions(agreement, out);
    buf_append_text(out, "</td></tr>\n");
}

static void write_agreements(const struct sandbox *sandbox, struct buf *out)
{
    const struct agreement *agreement;

    buf_append_text(out, "<h2>Agreements</h2><table><caption>Who bought what</caption><thead><tr>"
                         "<th scope=\"col\">Account</th><th scope=\"col\">Product</th>"
                         "<th scope=\"col\">Agreement, licence, identifier</th>"
                         "<th scope=\"col\">Entitlements</th><th scope=\"col\">Until</th>"
                         "<th scope=\"col\">State</th><th scope=\"col\">Actions</th></tr></thead>"
                         "<tbody>\n");
    STAILQ_FOREACH (agreement, &sandbox->world.agreements, link) {
        write_agreement(agreement, out);
    }
    buf_append_text(out, "</tbody></table>\n");
}

static void write_queues(const struct sandbox *sandbox, struct buf *out)
{
    const struct queue *queue;

    buf_append_text(out, "<h2>Queues</h2><table><caption>Messages</caption><thead><tr>"
                         "<th scope=\"col\">Queue</th><th scope=\"col\">Waiting</th>"
                         "<th scope=\"col\">In flight</th></tr></thead><tbody>\n");
    STAILQ_FOREACH (queue, &sandbox->queues.list, link) {
        struct queue_depth depth = queue_depth(queue);
        buf_append_text(out, "<tr>");
        write_cell(out, queue->name);
        buf_printf(out, "<td>%zu</td><td>%zu</td></tr>\n", depth.visible + depth.delayed,
                   depth.in_flight);
    }
    buf_append_text(out, "</tbody></table>\n");
}

static void write_calls(const struct sandbox *sandbox, struct buf *out)
{
    enum { SHOWN = 30 };
    const struct call_entry *entry;
    size_t count = 0;

    buf_append_text(out, "<h2>Calls</h2><table><caption>The last AWS calls, newest first</caption>"
                         "<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Operation</th>"
                         "<th scope=\"col\">Account</th><th scope=\"col\">Outcome</th></tr></thead>"
                         "<tbody>\n");
    TAILQ_FOREACH_REVERSE(entry, &sandbox->log.entries, call_entries, link)
    {
        char time[CLOCK_TEXT_SIZE];
        if (count++ == SHOWN)
            break;
        buf_append_text(out, "<tr>");
        write_cell(out, str_of(clock_format_ms(entry->time_ms, time)));
        write_cell(out, str_of(entry->operation));
        write_cell(out, str_of(entry->account));
        write_cell(out, entry->outcome ? str_of(entry->outcome) : STR("waits"));
        buf_append_text(out, "</tr>\n");
    }
    buf_append_text(out, "</tbody></table>\n");
}

void page_write_world(const struct sandbox *sandbox, const char *title, struct str said,
                      struct buf *out)
{
    begin_page(out, title);
    if (!str_is_empty(said)) {
        buf_append_text(out, "<p class=\"said\" role=\"status\">");
        escape_markup(out, said);
        buf_append_text(out, "</p>\n");
    }
    write_buying(sandbox, out);
    write_agreements(sandbox, out);
    write_queues(sandbox, out);
    write_calls(sandbox, out);
    end_page(out);
}

static void write_hidden(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    escape_markup(out, value);
    buf_append_text(out, "\">");
}

void page_write_registration(const struct sandbox *sandbox, const struct agreement *agreement,
                             const struct token *token, struct buf *out)
{
    begin_page(out, "Set up your account");
    buf_append_text(out, "<p>You bought ");
    escape_markup(out, agreement->product->title);
    buf_append_text(out, ". The seller now needs to know who you are.</p>\n"
                         "<form method=\"post\" action=\"");
    escape_markup(out, sandbox->world.registration_url);
    buf_append_text(out, "\">");
    write_hidden(out, "x-amzn-marketplace-token", token->text);
    if (agreement->free_trial)
        write_hidden(out, "x-amzn-marketplace-offer-type", STR("free-trial"));
    buf_append_text(out, "<button>Set up your account</button></form>\n"
                         "<p><a href=\"/\">Back to the sandbox</a></p>\n");
    end_page(out);
}
