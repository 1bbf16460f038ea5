#include "services/registrar/visit.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/record/record.h"
#include "services/registrar/redemption.h"

enum { KEYS_TIMEOUT_MS = 3000 };

static void visit_free(struct visit *visit)
{
    struct registrar *registrar = visit->registrar;

    LIST_REMOVE(visit, entry);
    redemption_leave(visit);
    rpc_call_cancel(visit->call);
    mem_free(visit);
    registrar_ended(registrar);
}

static void on_abandoned(void *arg)
{
    visit_free(arg);
}

static void make_trace(struct visit *visit)
{
    unsigned char random[8];
    cleanup(buf_done) struct buf hex = BUF_INIT;

    crypto_random(random, sizeof(random));
    crypto_hex(&hex, random, sizeof(random));
    memcpy(visit->trace_text, hex.data, sizeof(visit->trace_text));
    visit->trace = str_of(visit->trace_text);
}

struct visit *visit_begin(struct registrar *registrar, struct http_exchange *exchange)
{
    struct visit *visit = mem_alloc_zero(sizeof(*visit));

    visit->registrar = registrar;
    visit->exchange = exchange;
    make_trace(visit);
    LIST_INSERT_HEAD(&registrar->visits, visit, entry);
    http_exchange_on_abandoned(exchange, on_abandoned, visit);
    return visit;
}

void visits_close(struct registrar *registrar)
{
    struct visit *visit;

    while ((visit = LIST_FIRST(&registrar->visits))) {
        http_exchange_on_abandoned(visit->exchange, NULL, NULL);
        visit_free(visit);
    }
}

static void on_done(void *arg, const struct rpc_response *response)
{
    struct visit *visit = arg;

    visit->call = NULL;
    visit->on_done(visit, response);
}

void visit_call(struct visit *visit, enum method_id method, const void *params, int64_t timeout_ms,
                visit_done_fn *done)
{
    visit->on_done = done;
    visit->call = rpc_call(visit->registrar->suite.store, method, params, timeout_ms, visit->trace,
                           on_done, visit);
}

static void on_keys(struct visit *visit, const struct rpc_response *response)
{
    if (response->code == ERROR_NONE)
        keys_install(visit->registrar, response->result);
    visit->keys_are_fresh = true;
    if (visit->registrar->keys.keys.count == 0)
        visit_reply_failure(visit, response);
    else
        visit->next(visit);
}

static void fetch_keys(struct visit *visit, visit_next_fn *next)
{
    visit->next = next;
    visit_call(visit, METHOD_store_signing_keys, NULL, KEYS_TIMEOUT_MS, on_keys);
}

void visit_with_keys(struct visit *visit, visit_next_fn *next)
{
    if (visit->registrar->keys.keys.count > 0)
        next(visit);
    else
        fetch_keys(visit, next);
}

static int64_t lifetime_s(const struct registrar *registrar, const char *purpose)
{
    const struct settings_registrar *settings = &registrar->settings->registrar;

    return (strcmp(purpose, REFERENCE_PAGE) == 0 ? settings->reference_lifetime_ms
                                                 : settings->session_lifetime_ms) /
           1000;
}

/* What seems to last for longer than any does was given out when the clock was ahead. */
static enum reference_verdict verify(const struct visit *visit, const char *purpose,
                                     struct str text, struct reference *ret)
{
    int64_t now_s = clock_wall_s();
    enum reference_verdict verdict =
        reference_verify(&visit->registrar->keys.keys, purpose, text, now_s,
                         http_exchange_arena(visit->exchange), ret);

    if (verdict == REFERENCE_GOOD &&
        record_time_is_ahead(ret->expires_s, now_s + lifetime_s(visit->registrar, purpose)))
        return REFERENCE_EXPIRED;
    return verdict;
}

bool visit_verify(struct visit *visit, const char *purpose, struct str text, visit_next_fn *next,
                  enum reference_verdict *ret_verdict, struct reference *ret)
{
    *ret_verdict = verify(visit, purpose, text, ret);
    if (*ret_verdict != REFERENCE_NO_KEY || visit->keys_are_fresh)
        return true;
    fetch_keys(visit, next);
    return false;
}

static struct str cookie_of(const struct visit *visit, size_t index)
{
    return http_exchange_cookie(visit->exchange, visit->registrar->site.cookie_name, index);
}

/* The first cookie whose signature holds; others of its name are not ours. */
bool visit_need_session(struct visit *visit, visit_next_fn *next)
{
    enum reference_verdict verdict = REFERENCE_BAD;
    struct str text;

    for (size_t i = 0; verdict != REFERENCE_GOOD && (text = cookie_of(visit, i)).len > 0; i++) {
        visit->session_text = text;
        if (!visit_verify(visit, REFERENCE_SESSION, text, next, &verdict, &visit->session))
            return false;
    }
    if (verdict != REFERENCE_GOOD)
        visit_reply_page(visit, PAGE_SESSION_MISSING);
    return verdict == REFERENCE_GOOD;
}

bool visit_has_session(const struct visit *visit)
{
    struct reference ignored;
    struct str text;

    for (size_t i = 0; (text = cookie_of(visit, i)).len > 0; i++) {
        if (verify(visit, REFERENCE_SESSION, text, &ignored) == REFERENCE_GOOD)
            return true;
    }
    return false;
}

/* After the answer the exchange is not to be touched, so the visit lets go of it first. */
static struct http_exchange *let_go(struct visit *visit)
{
    struct http_exchange *exchange = visit->exchange;

    http_exchange_on_abandoned(exchange, NULL, NULL);
    return exchange;
}

/* Visitors who see these were turned away, for the store's journal. */
static const char *const refusals[PAGE_COUNT] = {
    [PAGE_TOKEN_DEAD] = "a registration token that AWS no longer accepts",
    [PAGE_TOKEN_UNKNOWN] = "a registration token that AWS does not accept",
    [PAGE_TOKEN_AMBIGUOUS] = "more than one registration token at once",
    [PAGE_FOREIGN_PRODUCT] = "a customer of a product that is not in the settings",
    [PAGE_TOO_OFTEN] = "an address that sent too many requests",
    [PAGE_REFERENCE_BAD] = "a link that is forged, used or too old",
    [PAGE_FORM_FORGED] = "a form that was not made for its session",
    [PAGE_RETURN_BAD] = "a return from the sign-up without a good signature",
    [PAGE_LINK_REFUSED] = "a tenant of another account",
};

void visit_reply_page(struct visit *visit, enum page page)
{
    if (refusals[page])
        suite_refused(&visit->registrar->suite, refusals[page]);
    page_reply(&visit->registrar->site, let_go(visit), page, visit->trace);
    visit_free(visit);
}

void visit_reply_html(struct visit *visit, int status, struct str html)
{
    site_reply(&visit->registrar->site, let_go(visit), status, html);
    visit_free(visit);
}

void visit_reply_framed(struct visit *visit, struct str html)
{
    site_reply_framed(&visit->registrar->site, let_go(visit), html);
    visit_free(visit);
}

void visit_redirect(struct visit *visit, struct str url)
{
    site_redirect(&visit->registrar->site, let_go(visit), url);
    visit_free(visit);
}

void visit_reply_failure(struct visit *visit, const struct rpc_response *response)
{
    log_warning("page could not be made: the store did not answer as it should",
                LOG_TEXT("code", rpc_errors[response->code].code),
                LOG_STR("why", response->message), LOG_TRACE(visit->trace));
    visit_reply_page(visit, PAGE_STORE_AWAY);
}
