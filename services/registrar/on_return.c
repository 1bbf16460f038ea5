/* Back from the vendor's sign-up, with its signed word which tenant the subscription became. */
#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/registrar/handlers.h"
#include "services/registrar/handoff.h"

enum { STORE_TIMEOUT_MS = 5000 };

static void on_linked(struct visit *visit, const struct rpc_response *response)
{
    if (response->code != ERROR_NONE && rpc_errors[response->code].retryable) {
        visit_reply_failure(visit, response);
        return;
    }
    if (response->code != ERROR_NONE) {
        log_warning("signed return was not linked", LOG_STR("why", response->message),
                    LOG_TRACE(visit->trace));
        visit_reply_page(visit, PAGE_LINK_REFUSED);
        return;
    }
    const struct subscription_result *result = response->result;
    log_info("tenant linked by the vendor's sign-up",
             LOG_STR("subscription", result->subscription->id), LOG_TRACE(visit->trace));
    visit_reply_page(visit, PAGE_LINKED);
}

void on_return_get(struct visit *visit)
{
    const struct settings_registrar *settings = &visit->registrar->settings->registrar;
    struct handoff_key key = {str_of(settings->sign_up_key_id), str_of(settings->sign_up_secret)};
    struct str token = http_exchange_query(visit->exchange, "linked");
    struct handoff_return found;
    struct error error;

    if (handoff_return_verify(&key, token, visit->registrar->site.public_url, clock_wall_s(),
                              http_exchange_arena(visit->exchange), &found, &error) != 0) {
        log_warning("signed return was refused", LOG_TEXT("why", error.text),
                    LOG_TRACE(visit->trace));
        visit_reply_page(visit, PAGE_RETURN_BAD);
        return;
    }
    visit_call(visit, METHOD_store_link,
               &(struct link_params){
                   .handle = found.subscription, .tenant = found.tenant, .cause = CAUSE_SIGN_UP},
               STORE_TIMEOUT_MS, on_linked);
}
