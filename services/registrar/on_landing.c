/* The fulfilment URL: AWS Marketplace has the buyer's browser post a registration token here
 * ("SaaS customer onboarding", AWS Marketplace Seller Guide). */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/registrar/handlers.h"
#include "services/registrar/handoff.h"
#include "services/registrar/redemption.h"

void on_landing_get(struct visit *visit)
{
    visit_reply_page(visit, PAGE_SUBSCRIBE);
}

static void go_to_page(struct visit *visit)
{
    const struct registrar *registrar = visit->registrar;
    int64_t lifetime_s = registrar->settings->registrar.reference_lifetime_ms / 1000;
    cleanup(buf_done) struct buf url = BUF_INIT;

    buf_append_str(&url, registrar->site.page_url);
    buf_append_text(&url, "?ref=");
    reference_sign(&url, &registrar->keys.keys, REFERENCE_PAGE, visit->subscription->id,
                   clock_wall_s() + lifetime_s);
    visit_redirect(visit, buf_str(&url));
}

static void go_to_sign_up(struct visit *visit)
{
    const struct site *site = &visit->registrar->site;
    const struct settings_registrar *settings = &visit->registrar->settings->registrar;
    struct handoff_key key = {str_of(settings->sign_up_key_id), str_of(settings->sign_up_secret)};
    struct handoff handoff = {
        .subscription = visit->subscription,
        .state = visit_state(visit),
        .issuer = site->public_url,
        .audience = str_of(settings->sign_up_url),
        .return_url = site->return_url,
        .now_s = clock_wall_s(),
    };
    cleanup(buf_done) struct buf url = BUF_INIT;

    buf_printf(&url, "%s%chandoff=", settings->sign_up_url,
               strchr(settings->sign_up_url, '?') ? '&' : '?');
    handoff_sign(&url, &key, &handoff);
    visit_redirect(visit, buf_str(&url));
}

static void go_on(struct visit *visit)
{
    if (strcmp(visit->registrar->settings->registrar.mode, "redirect") == 0)
        go_to_sign_up(visit);
    else
        go_to_page(visit);
}

static void keep_subscription(struct visit *visit, const struct subscription *subscription)
{
    struct arena *arena = http_exchange_arena(visit->exchange);

    visit->subscription = arena_alloc(arena, sizeof(*visit->subscription));
    codec_copy(&shape_subscription, subscription, arena, visit->subscription);
}

/* The page tells what is known, whether or not AWS answered in time. */
static void on_waited(struct visit *visit, const struct rpc_response *response)
{
    if (response->code == ERROR_NONE)
        keep_subscription(visit,
                          ((const struct subscription_result *)response->result)->subscription);
    go_on(visit);
}

static void on_redeemed(struct visit *visit, const struct redemption_result *result)
{
    int64_t wait_ms = visit->registrar->settings->registrar.wait_ms;

    if (!result->subscription) {
        visit_reply_page(visit, result->page);
        return;
    }
    keep_subscription(visit, result->subscription);
    if (result->ticket == 0 || wait_ms == 0) {
        go_on(visit);
        return;
    }
    visit_call(
        visit, METHOD_store_wait,
        &(struct wait_params){.subscription = visit->subscription->id, .ticket = result->ticket},
        wait_ms, on_waited);
}

static void redeem(struct visit *visit)
{
    struct str token = STR_NONE, offer_type = STR_NONE;

    http_exchange_form(visit->exchange, "x-amzn-marketplace-token", &token);
    http_exchange_form(visit->exchange, "x-amzn-marketplace-offer-type", &offer_type);
    if (!redemption_join(visit->registrar, token, str_eq(offer_type, STR("free-trial")), visit,
                         on_redeemed))
        visit_reply_page(visit, PAGE_BUSY);
}

void on_landing_post(struct visit *visit)
{
    struct str token = STR_NONE;
    size_t count = http_exchange_form(visit->exchange, "x-amzn-marketplace-token", &token);

    if (count > 1)
        visit_reply_page(visit, PAGE_TOKEN_AMBIGUOUS);
    else if (count == 0 || token.len == 0 || !str_is_utf8(token))
        visit_reply_page(visit, PAGE_TOKEN_MISSING);
    else
        visit_with_keys(visit, redeem);
}
