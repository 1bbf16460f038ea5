/* The registration page: what was bought, how it stands, the form or the thanks. */
#include <stdio.h>
#include <time.h>

#include "services/registrar/pages.h"

enum { REFRESH_S = 5 };

const char *page_format_date(int64_t time_s, char text[PAGE_DATE_SIZE])
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    time_t time = (time_t)time_s;
    struct tm tm;

    text[0] = '\0';
    if (time_s != 0 && gmtime_r(&time, &tm))
        snprintf(text, PAGE_DATE_SIZE, "%d %s %d", tm.tm_mday, months[tm.tm_mon],
                 tm.tm_year + 1900);
    return text;
}

static void set_value(struct values *row, const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        values_printf(row, "value", "%lld", (long long)value->integer);
        break;
    case VALUE_DOUBLE:
        values_printf(row, "value", "%.10g", value->number);
        break;
    case VALUE_BOOLEAN:
        values_set_text(row, "value", value->boolean ? "included" : "not included");
        break;
    case VALUE_STRING:
        values_set(row, "value", value->string);
        break;
    case VALUE_NONE:
        values_set_text(row, "value", "");
        break;
    }
}

static void add_purchase(const struct subscription *subscription, struct values *values)
{
    char date[PAGE_DATE_SIZE];

    for (size_t i = 0; i < subscription->entitlements.count; i++) {
        const struct entitlement *entitlement = &subscription->entitlements.items[i];
        struct values *row = values_add(values, "entitlements");
        values_set(row, "dimension", entitlement->dimension);
        set_value(row, &entitlement->value);
        values_set_text(row, "expires", page_format_date(entitlement->expires_at, date));
    }
    if (subscription->entitlements.count > 0)
        values_set_text(values, "has_entitlements", "yes");
}

static void add_product(const struct site *site, const struct subscription *subscription,
                        struct values *values)
{
    const struct settings_product *product =
        settings_product_by_code(site->settings, subscription->product_code);

    values_set_text(values, "product_name",
                    product && product->name[0] ? product->name : "our product");
    if (!product)
        return;
    values_set_text(values, "subscribe_url", product->subscribe_url);
    values_set_text(values, "product_support", product->support);
    if (product->login_url[0])
        values_set_text(values, "login_url", product->login_url);
}

static struct str contact_value(const struct contact_result *contact, struct str name)
{
    for (size_t i = 0; i < contact->fields.count; i++) {
        if (str_eq(contact->fields.items[i].name, name))
            return contact->fields.items[i].value;
    }
    return STR_NONE;
}

static void add_field(const struct form_field *field, struct str value, struct str problem,
                      struct values *values)
{
    struct values *item = values_add(values, "fields");

    values_set(item, "name", field->name);
    values_set(item, "label", field->label);
    values_set_text(item, "type", form_type_input(field->type));
    values_set_text(item, "autocomplete", form_field_autocomplete(field));
    values_printf(item, "limit", "%zu", form_type_limit(field->type));
    values_set_text(item, field->required ? "required" : "optional", "yes");
    values_set(item, "field_value", value);
    values_set(item, "problem", problem);
}

static void add_form(const struct site *site, const struct registration_view *view,
                     struct values *values)
{
    size_t problems = 0;

    values_set_text(values, "form", "yes");
    values_set_text(values, "status_query", "?form=1");
    values_set(values, "form_word", view->form_word);
    for (size_t i = 0; i < site->form.count; i++) {
        const struct form_field *field = &site->form.fields[i];
        const struct form_answer *answer = view->answers ? &view->answers[i] : NULL;
        struct str value = answer ? answer->value : contact_value(view->contact, field->name);
        /* What cannot be read cannot be shown again either. */
        add_field(field, str_is_utf8(value) ? value : STR_NONE, answer ? answer->problem : STR_NONE,
                  values);
        problems += answer && answer->problem.len > 0;
    }
    if (problems > 0)
        values_printf(values, "problems", "%zu", problems);
}

static void add_thanks(const struct site *site, const struct registration_view *view,
                       struct values *values)
{
    values_set_text(values, "thanks", "yes");
    values_set(values, "email", contact_value(view->contact, STR("email")));
    for (size_t i = 0; i < site->form.count; i++) {
        struct str value = contact_value(view->contact, site->form.fields[i].name);
        if (value.len == 0)
            continue;
        struct values *item = values_add(values, "contact");
        values_set(item, "label", site->form.fields[i].label);
        values_set(item, "contact_value", value);
    }
}

/* A held subscription is served like an active one, and its buyer sees no difference. */
static void add_state(enum state state, struct values *values)
{
    static const char *const names[] = {
        [STATE_PENDING] = "state_pending",
        [STATE_ACTIVE] = "state_active",
        [STATE_HELD] = "state_active",
        [STATE_ENDED] = "state_ended",
        [STATE_PAYMENT_FAILED] = "state_payment_failed",
    };

    if (state > 0 && state < state_count)
        values_set_text(values, names[state], "yes");
}

/* A buyer is neither welcomed to a subscription that has ended nor asked to register for it. */
static bool is_over(enum state state)
{
    return state == STATE_ENDED || state == STATE_PAYMENT_FAILED;
}

void registration_render(const struct site *site, const struct registration_view *view,
                         struct arena *arena, struct buf *out)
{
    struct values *values = site_values(site, arena);
    const struct subscription *subscription = view->subscription;

    add_product(site, subscription, values);
    values_set_text(values, "title", "Your subscription");
    values_set(values, "subscription", subscription->id);
    values_set(values, "account_id", subscription->account_id);
    values_set(values, "tenant", subscription->tenant);
    if (subscription->free_trial)
        values_set_text(values, "free_trial", "yes");
    add_state(view->state, values);
    add_purchase(subscription, values);
    if (!is_over(view->state))
        values_set_text(values, "welcome", "yes");
    if (view->show_form && !is_over(view->state))
        add_form(site, view, values);
    else if (view->contact->fields.count > 0)
        add_thanks(site, view, values);
    templates_render(site->templates, "registration.html", values, out);
}

void registration_status_render(const struct site *site, enum state state, bool beside_form,
                                struct arena *arena, struct buf *out)
{
    struct values *values = site_values(site, arena);

    add_state(state, values);
    if (beside_form)
        values_set_text(values, "form", "yes");
    if (state == STATE_PENDING)
        values_printf(values, "refresh_s", "%d", REFRESH_S);
    templates_render(site->templates, "status.html", values, out);
}
