#include "services/registrar/redemption.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/registrar/resolved.h"
#include "services/registrar/visit.h"

enum {
    AT_ONCE_MAX = 256,
    /* A buyer waits in front of a browser. */
    STORE_TIMEOUT_MS = 3000,
    RESOLVE_DEADLINE_MS = 15000,
    /* What AWS has accepted is worth more patience than what it has not been asked yet. */
    REGISTER_DEADLINE_MS = 15000,
    REGISTER_AGAIN_MS = 250,
};

struct redemption {
    LIST_ENTRY(redemption) entry;
    struct registrar *registrar;
    struct visit_list waiting;
    redemption_done_fn *done;
    struct arena arena;
    char *token; /* until AWS has been asked */
    struct str token_sha256;
    struct str trace;
    bool free_trial;
    struct subscription *known; /* what the same token led to before */
    struct resolved resolved;
    unsigned signed_by; /* the credentials that resolved it */
    int64_t register_until_ms;
    struct rpc_call *store_call;
    struct aws_call *aws_call;
    struct loop_timer *timer;
};

static void forget_token(struct redemption *redemption)
{
    if (redemption->token)
        explicit_bzero(redemption->token, strlen(redemption->token));
    mem_free(redemption->token);
    redemption->token = NULL;
}

static void redemption_free(struct redemption *redemption)
{
    LIST_REMOVE(redemption, entry);
    redemption->registrar->redemption_count--;
    rpc_call_cancel(redemption->store_call);
    aws_call_cancel(redemption->aws_call);
    loop_cancel(redemption->timer);
    forget_token(redemption);
    arena_done(&redemption->arena);
    mem_free(redemption);
}

static void finish(struct redemption *redemption, const struct redemption_result *result)
{
    struct registrar *registrar = redemption->registrar;
    struct visit *visit;

    while ((visit = LIST_FIRST(&redemption->waiting))) {
        redemption_leave(visit);
        redemption->done(visit, result);
    }
    redemption_free(redemption);
    registrar_ended(registrar);
}

static void fail(struct redemption *redemption, enum page page)
{
    finish(redemption, &(struct redemption_result){.page = page});
}

/* One line per registration. */
static void log_registration(const struct redemption *redemption,
                             const struct register_result *result)
{
    const struct subscription *subscription = result->subscription;

    log_info("customer registered", LOG_STR("subscription", subscription->id),
             LOG_STR("product", subscription->product_code),
             LOG_MASKED("account", subscription->account_id),
             LOG_MASKED("license", subscription->license_arn),
             LOG_MASKED("customer", subscription->customer_identifier),
             LOG_TEXT("new", result->created ? "yes" : "no"), LOG_TRACE(redemption->trace));
}

static void call_register(void *arg);

static void on_registered(void *arg, const struct rpc_response *response)
{
    struct redemption *redemption = arg;

    redemption->store_call = NULL;
    if (response->code == ERROR_NONE) {
        const struct register_result *result = response->result;
        log_registration(redemption, result);
        finish(redemption, &(struct redemption_result){.subscription = result->subscription,
                                                       .ticket = result->ticket});
        return;
    }
    bool again = rpc_errors[response->code].retryable &&
                 clock_mono_ms() + REGISTER_AGAIN_MS < redemption->register_until_ms;
    log_warning("the store did not record a registration", LOG_STR("why", response->message),
                LOG_TEXT("next", again ? "trying again" : "giving up"),
                LOG_TRACE(redemption->trace));
    if (again)
        redemption->timer = loop_after(redemption->registrar->context->loop, REGISTER_AGAIN_MS,
                                       call_register, redemption);
    else
        fail(redemption, PAGE_STORE_AWAY);
}

static void call_register(void *arg)
{
    struct redemption *redemption = arg;
    const struct resolved *resolved = &redemption->resolved;
    struct register_params params = {
        .product_code = resolved->product_code,
        .account_id = resolved->account_id,
        .customer_identifier = resolved->customer_identifier,
        .license_arn = resolved->license_arn,
        .token_sha256 = redemption->token_sha256,
        .free_trial = redemption->free_trial,
        .signed_by = aws_caller_account(redemption->registrar->aws, redemption->signed_by),
    };

    redemption->timer = NULL;
    redemption->store_call =
        rpc_call(redemption->registrar->suite.store, METHOD_store_register, &params,
                 STORE_TIMEOUT_MS, redemption->trace, on_registered, redemption);
}

static void on_accepted(struct redemption *redemption, const struct aws_response *response)
{
    struct error error = {""};

    if (resolved_read(response->body, &redemption->arena, &redemption->resolved, &error) != 0) {
        log_error("answer of ResolveCustomer cannot be used", LOG_TEXT("why", error.text),
                  LOG_STR("request", response->request_id), LOG_TRACE(redemption->trace));
        fail(redemption, PAGE_AWS_REFUSED);
        return;
    }
    if (!settings_product_by_code(redemption->registrar->settings,
                                  redemption->resolved.product_code)) {
        log_warning("registration is for a product that is not in the settings; nothing was kept",
                    LOG_STR("product", redemption->resolved.product_code),
                    LOG_TRACE(redemption->trace));
        fail(redemption, PAGE_FOREIGN_PRODUCT);
        return;
    }
    redemption->signed_by = response->signed_by;
    redemption->register_until_ms = clock_mono_ms() + REGISTER_DEADLINE_MS;
    call_register(redemption);
}

/* AWS's words for the log. Those about a token could repeat it, those about our rights do not. */
static struct str reason_of(const struct aws_response *response)
{
    bool about_token =
        response->outcome == AWS_ERROR && !str_starts_with(response->code, STR("AccessDenied"));

    return about_token ? STR_NONE : response->message;
}

static void on_refused(struct redemption *redemption, const struct aws_response *response)
{
    enum page page = resolved_failure_page(response);
    bool our_fault = page == PAGE_AWS_REFUSED;

    LOG_AT(our_fault ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "registration was not resolved",
           LOG_STR("code", response->code), LOG_STR("why", reason_of(response)),
           LOG_INT("status", response->http_status), LOG_INT("attempts", response->attempts),
           LOG_STR("request", response->request_id), LOG_TEXT("page", pages[page].name),
           LOG_TEXT("known", redemption->known ? "yes" : "no"), LOG_TRACE(redemption->trace));
    /* The buyer reloaded, or came back: the same token has been redeemed before. */
    if (redemption->known)
        finish(redemption, &(struct redemption_result){.subscription = redemption->known});
    else
        fail(redemption, page);
}

static void on_resolved(void *arg, const struct aws_response *response)
{
    struct redemption *redemption = arg;

    redemption->aws_call = NULL;
    if (response->outcome == AWS_OK)
        on_accepted(redemption, response);
    else
        on_refused(redemption, response);
}

static void resolve(struct redemption *redemption)
{
    struct json *request = json_new_object();
    struct buf body = BUF_INIT;

    json_set_str(request, "RegistrationToken", str_of(redemption->token));
    json_write(request, &body);
    redemption->aws_call = aws_call(redemption->registrar->aws,
                                    &(struct aws_request){.service = AWS_METERING,
                                                          .operation = "ResolveCustomer",
                                                          .body = buf_str(&body),
                                                          .deadline_ms = RESOLVE_DEADLINE_MS},
                                    on_resolved, redemption);
    explicit_bzero(body.data, body.len);
    buf_done(&body);
    json_free(request);
    forget_token(redemption);
}

/* Asked first, since it also tells whether the store is there: a token must not be used up when
 * what AWS says of it could not be kept. */
static void on_token_known(void *arg, const struct rpc_response *response)
{
    struct redemption *redemption = arg;

    redemption->store_call = NULL;
    if (response->code == ERROR_NONE) {
        const struct subscription_result *result = response->result;
        redemption->known = arena_alloc(&redemption->arena, sizeof(*redemption->known));
        codec_copy(&shape_subscription, result->subscription, &redemption->arena,
                   redemption->known);
    } else if (response->code != ERROR_NOT_FOUND) {
        log_warning("registration was put off, its token unredeemed: the store does not answer",
                    LOG_STR("why", response->message), LOG_TRACE(redemption->trace));
        fail(redemption, PAGE_STORE_AWAY);
        return;
    }
    resolve(redemption);
}

static struct str digest_of(struct str token, struct arena *arena)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    cleanup(buf_done) struct buf hex = BUF_INIT;

    crypto_sha256(token, digest);
    crypto_hex(&hex, digest, sizeof(digest));
    return arena_str(arena, buf_str(&hex));
}

static struct redemption *find(const struct registrar *registrar, struct str token_sha256)
{
    struct redemption *redemption;

    LIST_FOREACH (redemption, &registrar->redemptions, entry) {
        if (str_eq(redemption->token_sha256, token_sha256))
            return redemption;
    }
    return NULL;
}

static struct redemption *begin(struct registrar *registrar, struct str token, struct str digest,
                                struct str trace)
{
    struct redemption *redemption = mem_alloc_zero(sizeof(*redemption));

    redemption->registrar = registrar;
    redemption->token = str_dup(token);
    redemption->token_sha256 = arena_str(&redemption->arena, digest);
    redemption->trace = arena_str(&redemption->arena, trace);
    LIST_INSERT_HEAD(&registrar->redemptions, redemption, entry);
    registrar->redemption_count++;
    redemption->store_call =
        rpc_call(registrar->suite.store, METHOD_store_token_find,
                 &(struct token_find_params){.token_sha256 = redemption->token_sha256},
                 STORE_TIMEOUT_MS, redemption->trace, on_token_known, redemption);
    return redemption;
}

struct redemption *redemption_join(struct registrar *registrar, struct str token, bool free_trial,
                                   struct visit *visit, redemption_done_fn *done)
{
    struct str digest = digest_of(token, http_exchange_arena(visit->exchange));
    struct redemption *redemption = find(registrar, digest);

    if (!redemption && registrar->redemption_count >= AT_ONCE_MAX)
        return NULL;
    if (!redemption) {
        redemption = begin(registrar, token, digest, visit->trace);
        redemption->free_trial = free_trial;
        redemption->done = done;
    }
    LIST_INSERT_HEAD(&redemption->waiting, visit, waiting);
    visit->redemption = redemption;
    return redemption;
}

void redemption_leave(struct visit *visit)
{
    if (!visit->redemption)
        return;
    LIST_REMOVE(visit, waiting);
    visit->redemption = NULL;
}

void redemptions_close(struct registrar *registrar)
{
    struct redemption *redemption;

    while ((redemption = LIST_FIRST(&registrar->redemptions)))
        redemption_free(redemption);
}
