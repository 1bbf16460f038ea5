#include "services/checker/refresh.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/checker/entitlement_call.h"
#include "services/checker/sweep.h"

enum {
    CLAIM_TIMEOUT_MS = 20000,
    CLAIM_RETRY_MS = 500,
    REFUSED_RETRY_MS = 1000,
    APPLY_TIMEOUT_MS = 5000,
    APPLY_RETRY_MS = 200,
    /* Between the last moment of a call and the end of its lease: time to apply. */
    LEASE_MARGIN_MS = 3000,
    LEASE_MARGIN_PART = 4, /* of a short lease */
};

/* One claim after the other. */
struct worker {
    struct refresh *refresh;
    struct rpc_call *store_call; /* claim, apply or release */
    struct loop_timer *timer;
    struct entitlement_call *aws_call;
    struct sweep *sweep;
    /* Of the work at hand: */
    struct arena arena;
    struct claim_result claim;
    struct apply_params answer;
    unsigned signed_by; /* the credentials behind the answer */
    int64_t lease_end_mono_ms, call_end_mono_ms;
    bool busy;
};

struct refresh {
    struct refresh_options options;
    struct refresh_stats stats;
    struct worker *workers;
    bool draining;
    bool unwelcome; /* the store refuses the account we sign with */
};

static void claim(void *arg);
static void apply(void *arg);

static void check_drained(struct refresh *refresh)
{
    if (!refresh->draining)
        return;
    for (int64_t i = 0; i < refresh->options.concurrent_calls; i++) {
        if (refresh->workers[i].busy)
            return;
    }
    refresh->options.on_drained(refresh->options.arg);
}

static void claim_in(struct worker *worker, int64_t delay_ms)
{
    check_drained(worker->refresh);
    if (!worker->refresh->draining)
        worker->timer = loop_after(worker->refresh->options.loop, delay_ms, claim, worker);
}

static void finish_work(struct worker *worker)
{
    arena_done(&worker->arena);
    worker->busy = false;
    worker->refresh->stats.calling--;
    claim_in(worker, 0);
}

static int64_t lease_left_ms(const struct worker *worker)
{
    return worker->lease_end_mono_ms - clock_mono_ms();
}

/* Whether it succeeded or not: at worst the lease ends by itself. */
static void on_released(void *arg, const struct rpc_response *response)
{
    struct worker *worker = arg;
    (void)response;

    worker->store_call = NULL;
    finish_work(worker);
}

static void give_back(struct worker *worker, const char *why)
{
    const struct release_params params = {.subscription = worker->claim.subscription->id,
                                          .fence = worker->claim.fence,
                                          .error = str_of(why)};

    worker->refresh->stats.failed++;
    log_warning("a refresh failed, the store has it tried again",
                LOG_STR("subscription", params.subscription), LOG_TEXT("why", why),
                LOG_TRACE(worker->claim.trace));
    worker->store_call = rpc_call(worker->refresh->options.store, METHOD_store_release, &params,
                                  APPLY_TIMEOUT_MS, worker->claim.trace, on_released, worker);
}

/* A claim that lapsed has another checker's answer, or will have. */
static void on_applied(void *arg, const struct rpc_response *response)
{
    struct worker *worker = arg;
    struct refresh *refresh = worker->refresh;
    const struct apply_result *result = response->result;

    worker->store_call = NULL;
    if (response->code == ERROR_NONE) {
        refresh->stats.applied++;
        refresh->stats.changed += result->changed;
    } else if (response->code == ERROR_CONFLICT) {
        refresh->stats.refused++;
        log_info("an answer was not taken", LOG_STR("subscription", worker->answer.subscription),
                 LOG_STR("why", response->message), LOG_TRACE(worker->claim.trace));
    } else if (rpc_errors[response->code].retryable && lease_left_ms(worker) > APPLY_RETRY_MS) {
        worker->timer = loop_after(refresh->options.loop, APPLY_RETRY_MS, apply, worker);
        return;
    } else {
        struct error why;
        error_set(&why, "the store did not take the answer: " STR_FMT, STR_ARG(response->message));
        give_back(worker, why.text);
        return;
    }
    finish_work(worker);
}

static void apply(void *arg)
{
    struct worker *worker = arg;

    worker->timer = NULL;
    worker->answer.signed_by = aws_caller_account(worker->refresh->options.aws, worker->signed_by);
    worker->store_call =
        rpc_call(worker->refresh->options.store, METHOD_store_apply, &worker->answer,
                 APPLY_TIMEOUT_MS, worker->claim.trace, on_applied, worker);
}

static void on_throttled_told(void *arg, const struct rpc_response *response)
{
    (void)arg;
    (void)response;
}

static void tell_throttled(struct refresh *refresh)
{
    refresh->stats.throttled++;
    rpc_call(refresh->options.store, METHOD_store_throttled, NULL, APPLY_TIMEOUT_MS, STR_NONE,
             on_throttled_told, NULL);
}

/* What the product lists for anybody is only evidence: without it the empty answer is whole. */
static void on_probed(void *arg, const struct entitlement_result *result)
{
    struct worker *worker = arg;

    worker->aws_call = NULL;
    if (result->throttled)
        tell_throttled(worker->refresh);
    worker->answer.product_alive =
        result->whole && result->rows.count > 0 && result->signed_by == worker->signed_by;
    apply(worker);
}

static struct entitlement_ask ask_of(const struct worker *worker)
{
    const struct refresh_options *options = &worker->refresh->options;

    return (struct entitlement_ask){.aws = options->aws,
                                    .store = options->store,
                                    .product_code = worker->claim.subscription->product_code,
                                    .class = worker->claim.class,
                                    .deadline_ms = worker->call_end_mono_ms - clock_mono_ms()};
}

static void probe_product(struct worker *worker)
{
    struct entitlement_ask ask = ask_of(worker);

    ask.first_row_only = true;
    worker->aws_call = entitlement_call_start(&ask, on_probed, worker);
}

static void keep_answer(struct worker *worker, const struct entitlement_result *result)
{
    struct apply_params answer = {.subscription = worker->claim.subscription->id,
                                  .fence = worker->claim.fence,
                                  .began_at = result->began_at_s,
                                  .scope = worker->claim.scope,
                                  .rows = result->rows,
                                  .checker = str_of(worker->refresh->options.checker)};

    worker->signed_by = result->signed_by;
    codec_copy(&shape_apply_params, &answer, &worker->arena, &worker->answer);
}

static void on_answer(void *arg, const struct entitlement_result *result)
{
    struct worker *worker = arg;

    worker->aws_call = NULL;
    if (!result->whole) {
        if (result->throttled)
            tell_throttled(worker->refresh);
        give_back(worker, result->error.text);
        return;
    }
    log_debug("AWS answered", LOG_STR("subscription", worker->claim.subscription->id),
              LOG_TEXT("class", choice_text(&enumeration_due_class, (int)worker->claim.class)),
              LOG_INT("rows", result->rows.count), LOG_INT("pages", result->pages),
              LOG_TRACE(worker->claim.trace));
    keep_answer(worker, result);
    if (result->rows.count == 0 && worker->claim.probe_product)
        probe_product(worker);
    else
        apply(worker);
}

static struct str filter_value(const struct claim_result *work)
{
    switch (work->scope) {
    case SCOPE_LICENSE:
        return work->subscription->license_arn;
    case SCOPE_CUSTOMER_IDENTIFIER:
        return work->subscription->customer_identifier;
    case SCOPE_ACCOUNT:
        return work->subscription->account_id;
    case scope_none:
    case scope_count:
        break;
    }
    return STR_NONE;
}

static void on_swept(void *arg, const struct sweep_result *result)
{
    struct worker *worker = arg;

    worker->sweep = NULL;
    if (result->throttled)
        tell_throttled(worker->refresh);
    if (!result->whole) {
        give_back(worker, result->error.text);
        return;
    }
    worker->refresh->stats.swept++;
    log_info("a product was swept", LOG_STR("product", worker->claim.sweep),
             LOG_INT("rows", result->rows), LOG_INT("pages", result->pages),
             LOG_INT("verified", result->verified), LOG_INT("differing", result->differing),
             LOG_INT("unknown", result->unknown), LOG_INT("unlisted", result->unlisted),
             LOG_TRACE(worker->claim.trace));
    finish_work(worker);
}

static void begin_sweep(struct worker *worker)
{
    const struct refresh_options *options = &worker->refresh->options;
    const struct sweep_options sweep = {.loop = options->loop,
                                        .aws = options->aws,
                                        .store = options->store,
                                        .claim = &worker->claim};

    worker->sweep = sweep_start(&sweep, on_swept, worker);
}

static void begin_work(struct worker *worker, const struct claim_result *work)
{
    int64_t margin_ms = work->lease_ms / LEASE_MARGIN_PART;

    codec_copy(&shape_claim_result, work, &worker->arena, &worker->claim);
    worker->busy = true;
    worker->refresh->stats.calling++;
    worker->lease_end_mono_ms = clock_mono_ms() + work->lease_ms;
    worker->call_end_mono_ms =
        worker->lease_end_mono_ms - (margin_ms < LEASE_MARGIN_MS ? margin_ms : LEASE_MARGIN_MS);

    if (worker->claim.sweep.len > 0) {
        begin_sweep(worker);
        return;
    }
    struct entitlement_ask ask = ask_of(worker);
    ask.scope = worker->claim.scope;
    ask.key = filter_value(&worker->claim);
    ask.token_included = true;
    if (ask.key.len == 0)
        give_back(worker, "the record has nothing to filter the call by");
    else
        worker->aws_call = entitlement_call_start(&ask, on_answer, worker);
}

/* What such credentials bring would not be applied: nobody is asked, until there are others or the
 * operator has adopted their account. */
static void note_welcome(struct refresh *refresh, const struct rpc_response *response)
{
    bool refused = response->code == ERROR_CONFLICT;

    refresh->stats.unwelcome += refused;
    if (refused == refresh->unwelcome)
        return;
    refresh->unwelcome = refused;
    if (refused)
        log_error("the store gives no work: AWS is not asked",
                  LOG_MASKED("account", aws_account(refresh->options.aws)),
                  LOG_STR("why", response->message));
    else
        log_info("the store gives work again");
}

static int64_t claim_again_ms(enum rpc_error code)
{
    switch (code) {
    case ERROR_TIMEOUT:
        return 0;
    case ERROR_CONFLICT:
        return REFUSED_RETRY_MS;
    default:
        return CLAIM_RETRY_MS;
    }
}

/* No work within the timeout is the usual answer; a store that is away is asked again soon. */
static void on_claimed(void *arg, const struct rpc_response *response)
{
    struct worker *worker = arg;
    const struct claim_result *work = response->result;

    worker->store_call = NULL;
    if (response->code == ERROR_NONE || response->code == ERROR_CONFLICT)
        note_welcome(worker->refresh, response);
    if (response->code == ERROR_NONE && work->subscription)
        begin_work(worker, work);
    else
        claim_in(worker, claim_again_ms(response->code));
}

static void claim(void *arg)
{
    struct worker *worker = arg;
    const struct claim_params params = {.checker = str_of(worker->refresh->options.checker),
                                        .signed_by = aws_account(worker->refresh->options.aws)};

    worker->timer = NULL;
    if (worker->refresh->draining)
        return;
    worker->store_call = rpc_call(worker->refresh->options.store, METHOD_store_claim, &params,
                                  CLAIM_TIMEOUT_MS, STR_NONE, on_claimed, worker);
}

struct refresh *refresh_new(const struct refresh_options *options)
{
    struct refresh *refresh = mem_alloc_zero(sizeof(*refresh));

    refresh->options = *options;
    refresh->workers =
        mem_alloc_array((size_t)options->concurrent_calls, sizeof(*refresh->workers));
    for (int64_t i = 0; i < options->concurrent_calls; i++) {
        refresh->workers[i].refresh = refresh;
        claim(&refresh->workers[i]);
    }
    return refresh;
}

void refresh_free(struct refresh *refresh)
{
    if (!refresh)
        return;
    for (int64_t i = 0; i < refresh->options.concurrent_calls; i++) {
        struct worker *worker = &refresh->workers[i];
        rpc_call_cancel(worker->store_call);
        loop_cancel(worker->timer);
        entitlement_call_cancel(worker->aws_call);
        sweep_cancel(worker->sweep);
        arena_done(&worker->arena);
    }
    mem_free(refresh->workers);
    mem_free(refresh);
}

/* What is parked at the store stays there until its reply finds this process gone, which gives the
 * work back at once; what it grants until then is done. */
void refresh_drain(struct refresh *refresh)
{
    refresh->draining = true;
    /* Another checker sweeps from the start: that is cheaper than a stop that takes minutes. */
    for (int64_t i = 0; i < refresh->options.concurrent_calls; i++) {
        struct worker *worker = &refresh->workers[i];
        if (worker->sweep) {
            sweep_cancel(take(worker->sweep));
            give_back(worker, "the checker stops");
        }
    }
    check_drained(refresh);
}

struct refresh_stats refresh_stats(const struct refresh *refresh)
{
    return refresh->stats;
}
