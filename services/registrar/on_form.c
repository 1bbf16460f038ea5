/* The onboarding form: judged, kept, and the tenant id linked if the form asks for one. */
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/registrar/handlers.h"

enum { STORE_TIMEOUT_MS = 5000 };

static const struct form *form_of(const struct visit *visit)
{
    return &visit->registrar->site.form;
}

static void read_form(struct visit *visit)
{
    const struct form *form = form_of(visit);

    visit->answers = arena_alloc_array(http_exchange_arena(visit->exchange), form->count,
                                       sizeof(*visit->answers));
    for (size_t i = 0; i < form->count; i++)
        http_exchange_form(visit->exchange, form->fields[i].name.ptr, &visit->answers[i].value);
}

static void on_kept(struct visit *visit, const struct rpc_response *response)
{
    if (response->code != ERROR_NONE) {
        visit_reply_failure(visit, response);
        return;
    }
    log_info("contact kept", LOG_STR("subscription", visit->subscription->id),
             LOG_TRACE(visit->trace));
    visit_redirect(visit, visit->registrar->site.page_url);
}

static void keep(struct visit *visit)
{
    const struct form *form = form_of(visit);
    struct contact_field *fields =
        arena_alloc_array(http_exchange_arena(visit->exchange), form->count, sizeof(*fields));
    struct contact_put_params params = {.subscription = visit->subscription->id,
                                        .fields = {.items = fields}};

    for (size_t i = 0; i < form->count; i++) {
        if (visit->answers[i].value.len > 0)
            fields[params.fields.count++] = (struct contact_field){
                .name = form->fields[i].name, .value = visit->answers[i].value};
    }
    visit_call(visit, METHOD_store_contact_put, &params, STORE_TIMEOUT_MS, on_kept);
}

static void refuse_tenant(struct visit *visit, struct str problem)
{
    visit->answers[form_of(visit)->tenant].problem = problem;
    visit_show_page(visit);
}

static void on_linked(struct visit *visit, const struct rpc_response *response)
{
    if (response->code == ERROR_CONFLICT) {
        refuse_tenant(visit, STR("This belongs to another customer, or another page has set it "
                                 "meanwhile. Please ask our support."));
        return;
    }
    if (response->code != ERROR_NONE) {
        visit_reply_failure(visit, response);
        return;
    }
    log_info("tenant linked by the form", LOG_STR("subscription", visit->subscription->id),
             LOG_TRACE(visit->trace));
    keep(visit);
}

/* The store links only what may be the buyer's. */
static void link_and_keep(struct visit *visit)
{
    size_t at = form_of(visit)->tenant;
    struct str tenant = at > 0 ? visit->answers[at].value : STR_NONE;

    if (tenant.len == 0 || str_eq(tenant, visit->subscription->tenant))
        keep(visit);
    else if (visit->subscription->tenant.len > 0)
        refuse_tenant(visit, STR("This cannot be changed here. Please ask our support."));
    else
        visit_call(
            visit, METHOD_store_link_typed,
            &(struct link_typed_params){.subscription = visit->subscription->id, .tenant = tenant},
            STORE_TIMEOUT_MS, on_linked);
}

static void judge_form(struct visit *visit)
{
    read_form(visit);
    if (form_judge(form_of(visit), visit->answers) == 0)
        link_and_keep(visit);
    else
        visit_show_page(visit);
}

static void post_form(struct visit *visit)
{
    struct str word = STR_NONE;

    if (!visit_need_session(visit, post_form))
        return;
    http_exchange_form(visit->exchange, "form_word", &word);
    if (!reference_form_word_holds(&visit->registrar->keys.keys, visit->session_text, word))
        visit_reply_page(visit, PAGE_FORM_FORGED);
    else
        visit_find(visit, judge_form);
}

void on_page_post(struct visit *visit)
{
    visit_with_keys(visit, post_form);
}
