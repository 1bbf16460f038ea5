/* The registration page: the signed link that opens it, and the page. */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "services/registrar/handlers.h"

enum { STORE_TIMEOUT_MS = 5000 };

enum state visit_state(const struct visit *visit)
{
    return record_state(visit->subscription, &visit->registrar->policy, clock_wall_s(), false);
}

static void on_found(struct visit *visit, const struct rpc_response *response)
{
    struct arena *arena = http_exchange_arena(visit->exchange);
    const struct subscriptions_result *result = response->result;

    if (response->code != ERROR_NONE && response->code != ERROR_NOT_FOUND) {
        visit_reply_failure(visit, response);
        return;
    }
    for (size_t i = 0; response->code == ERROR_NONE && i < result->subscriptions.count; i++) {
        if (visit->subscription ||
            !record_has_id(&result->subscriptions.items[i], visit->session.subscription))
            continue;
        visit->subscription = arena_alloc(arena, sizeof(*visit->subscription));
        codec_copy(&shape_subscription, &result->subscriptions.items[i], arena,
                   visit->subscription);
    }
    if (visit->subscription)
        visit->next(visit);
    else
        visit_reply_page(visit, PAGE_SESSION_MISSING);
}

void visit_find(struct visit *visit, visit_next_fn *next)
{
    visit->next = next;
    visit_call(visit, METHOD_store_find,
               &(struct find_params){.handle = visit->session.subscription}, STORE_TIMEOUT_MS,
               on_found);
}

void visit_show_page(struct visit *visit)
{
    const struct registrar *registrar = visit->registrar;
    struct str edit = http_exchange_query(visit->exchange, "edit");
    cleanup(buf_done) struct buf html = BUF_INIT, word = BUF_INIT;

    reference_form_word(&word, &registrar->keys.keys, visit->session_text);
    struct registration_view view = {
        .subscription = visit->subscription,
        .state = visit_state(visit),
        .contact = &visit->contact,
        .form_word = buf_str(&word),
        .show_form = visit->contact.fields.count == 0 || visit->answers || edit.len > 0,
        .answers = visit->answers,
    };
    registration_render(&registrar->site, &view, http_exchange_arena(visit->exchange), &html);
    visit_reply_html(visit, visit->answers ? 422 : 200, buf_str(&html));
}

static void on_contact(struct visit *visit, const struct rpc_response *response)
{
    if (response->code == ERROR_NONE) {
        codec_copy(&shape_contact_result, response->result, http_exchange_arena(visit->exchange),
                   &visit->contact);
    } else if (response->code != ERROR_NOT_FOUND) {
        visit_reply_failure(visit, response);
        return;
    }
    visit_show_page(visit);
}

static void get_contact(struct visit *visit)
{
    visit_call(visit, METHOD_store_contact_get,
               &(struct subscription_params){.subscription = visit->subscription->id},
               STORE_TIMEOUT_MS, on_contact);
}

static void get_page(struct visit *visit)
{
    if (visit_need_session(visit, get_page))
        visit_find(visit, get_contact);
}

/* The signed link: traded once for the cookie. A browser with the cookie may follow the link again.
 */

static void refuse_reference(struct visit *visit)
{
    if (visit_has_session(visit))
        visit_redirect(visit, visit->registrar->site.page_url);
    else
        visit_reply_page(visit, PAGE_REFERENCE_BAD);
}

static void give_session(struct visit *visit)
{
    const struct registrar *registrar = visit->registrar;
    int64_t lifetime_s = registrar->settings->registrar.session_lifetime_ms / 1000;
    cleanup(buf_done) struct buf session = BUF_INIT;

    reference_sign(&session, &registrar->keys.keys, REFERENCE_SESSION, visit->session.subscription,
                   clock_wall_s() + lifetime_s);
    site_set_cookie(&registrar->site, visit->exchange, buf_str(&session), lifetime_s);
    visit_redirect(visit, registrar->site.page_url);
}

static void on_used(struct visit *visit, const struct rpc_response *response)
{
    if (response->code == ERROR_NONE)
        give_session(visit);
    else if (response->code == ERROR_CONFLICT || response->code == ERROR_NOT_FOUND)
        refuse_reference(visit);
    else
        visit_reply_failure(visit, response);
}

static void get_by_reference(struct visit *visit)
{
    struct str text = http_exchange_query(visit->exchange, "ref");
    struct reference *reference = &visit->session;
    enum reference_verdict verdict;

    if (!visit_verify(visit, REFERENCE_PAGE, text, get_by_reference, &verdict, reference))
        return;
    if (verdict == REFERENCE_GOOD)
        visit_call(visit, METHOD_store_reference_use,
                   &(struct reference_use_params){.nonce = reference->nonce,
                                                  .subscription = reference->subscription,
                                                  .expires_at = reference->expires_s},
                   STORE_TIMEOUT_MS, on_used);
    else
        refuse_reference(visit);
}

void on_page_get(struct visit *visit)
{
    bool by_reference = http_exchange_query(visit->exchange, "ref").len > 0;

    visit_with_keys(visit, by_reference ? get_by_reference : get_page);
}

/* How far AWS is. */

static void show_status(struct visit *visit)
{
    cleanup(buf_done) struct buf html = BUF_INIT;

    bool beside_form = http_exchange_query(visit->exchange, "form").len > 0;

    registration_status_render(&visit->registrar->site, visit_state(visit), beside_form,
                               http_exchange_arena(visit->exchange), &html);
    visit_reply_framed(visit, buf_str(&html));
}

static void get_status(struct visit *visit)
{
    if (visit_need_session(visit, get_status))
        visit_find(visit, show_status);
}

void on_status_get(struct visit *visit)
{
    visit_with_keys(visit, get_status);
}
