#include "services/checker/refresh.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/checker/claim.h"
#include "services/checker/sweep.h"

enum {
    CLAIM_TIMEOUT_MS = 20000,
    CLAIM_RETRY_MS = 500,
    REFUSED_RETRY_MS = 1000,
    /* Between the last moment of a call and the end of its lease: time to apply. */
    LEASE_MARGIN_MS = 3000,
    LEASE_MARGIN_PART = 4, /* of a short lease */
    /* Values of one key of Filter are OR-ed, how many there may be is not documented
     * (GetEntitlements API reference). Ten customers' rows are about one page. */
    TOGETHER_MOST = 10,
    BATCHES_AGAIN_MS = 60 * 60 * 1000,
    PAGE_PATIENCE_MS = 10 * 60 * 1000,
};

/* One message of claims after the other. */
struct worker {
    struct refresh *refresh;
    struct rpc_call *store_call; /* asks for work */
    struct loop_timer *timer;
    struct entitlement_call *together;
    struct sweep *sweep;
    /* Of the work at hand: */
    struct arena arena;
    struct claim_result work;
    struct claim_lease lease;
    struct claim *claims[TOGETHER_MOST]; /* NULL: done */
    bool answered[TOGETHER_MOST];
    size_t count, open, next;
    struct claim *asking; /* the one that has a call of its own now */
    bool busy;
};

struct refresh {
    struct refresh_options options;
    struct refresh_stats stats;
    struct worker *workers;
    int64_t most_licences;         /* that AWS takes */
    int64_t batches_again_mono_ms; /* when the whole number is tried again */
    bool draining;
    bool unwelcome; /* the store refuses the account we sign with */
};

static void ask_for_work(void *arg);
static void ask_next(struct worker *worker, bool token_included);

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
        worker->timer = loop_after(worker->refresh->options.loop, delay_ms, ask_for_work, worker);
}

static void forget_work(struct worker *worker)
{
    for (size_t i = 0; i < worker->count; i++)
        claim_free(take(worker->claims[i]));
    worker->count = worker->open = worker->next = 0;
    arena_done(&worker->arena);
}

static void finish_work(struct worker *worker)
{
    forget_work(worker);
    worker->busy = false;
    worker->refresh->stats.calling--;
    claim_in(worker, 0);
}

static void on_claim_done(void *arg, struct claim *claim)
{
    struct worker *worker = arg;
    bool asked = worker->asking == claim;

    for (size_t i = 0; i < worker->count; i++) {
        if (worker->claims[i] == claim)
            worker->claims[i] = NULL;
    }
    claim_free(claim);
    worker->open--;
    if (asked)
        ask_next(worker, false);
    if (worker->open == 0)
        finish_work(worker);
}

static void give_back(struct worker *worker, const char *why)
{
    for (size_t i = 0; i < worker->count; i++) {
        if (worker->claims[i])
            claim_give_back(worker->claims[i], why);
    }
}

/* Those that no answer was about yet, one after the other. */
static void ask_next(struct worker *worker, bool token_included)
{
    worker->asking = NULL;
    while (worker->next < worker->count && worker->answered[worker->next])
        worker->next++;
    if (worker->next == worker->count)
        return;
    worker->asking = worker->claims[worker->next++];
    claim_ask(worker->asking, token_included);
}

static size_t claim_of_row(const struct worker *worker, const struct aws_entitlement *row)
{
    size_t i = 0;

    while (i < worker->count && !str_eq(claim_key(worker->claims[i]), row->license_arn))
        i++;
    return i;
}

/* Rows that are none of ours: such an answer is not to our question. */
static bool has_foreign_row(const struct worker *worker, const struct aws_entitlement_list *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (claim_of_row(worker, &rows->items[i]) == worker->count)
            return true;
    }
    return false;
}

static void apply_rows_of(struct worker *worker, size_t at, const struct entitlement_result *result)
{
    struct aws_entitlement_list rows = {
        .items = arena_alloc_array(&worker->arena, result->rows.count, sizeof(*rows.items))};

    for (size_t i = 0; i < result->rows.count; i++) {
        if (claim_of_row(worker, &result->rows.items[i]) == at)
            rows.items[rows.count++] = result->rows.items[i];
    }
    if (rows.count == 0)
        return;
    worker->answered[at] = true;
    claim_apply(worker->claims[at], result, &rows);
}

/* It may have been for one licence of them, or for that day: once in a while it is tried again. */
static void note_invalid(struct refresh *refresh, const struct entitlement_result *result)
{
    refresh->most_licences /= 2;
    refresh->batches_again_mono_ms = clock_mono_ms() + refresh->options.batches_again_ms;
    log_warning("AWS does not accept a question about several licences",
                LOG_INT("asked_together_from_now_on",
                        refresh->most_licences > 1 ? refresh->most_licences : 1),
                LOG_TEXT("why", result->error.text));
}

/* Only ever good news: a licence that the answer lists is whole, one that it does not list is asked
 * about by itself, as is each if the answer cannot be what was asked for. */
static void on_shared_call(void *arg, const struct entitlement_result *result)
{
    struct worker *worker = arg;

    worker->together = NULL;
    if (!result->whole && !result->invalid) {
        if (result->throttled)
            claim_tell_throttled(&worker->lease);
        give_back(worker, result->error.text);
        return;
    }
    if (!result->whole)
        note_invalid(worker->refresh, result);
    else if (has_foreign_row(worker, &result->rows))
        log_warning("an answer about several licences has rows of other licences; each is asked "
                    "about alone",
                    LOG_STR("product", worker->work.subscription->product_code));
    else
        for (size_t i = 0; i < worker->count; i++)
            apply_rows_of(worker, i, result);
    ask_next(worker, false);
}

static void ask_together(struct worker *worker)
{
    struct str keys[TOGETHER_MOST];
    struct entitlement_ask ask = {
        .aws = worker->refresh->options.aws,
        .store = worker->refresh->options.store,
        .product_code = worker->work.subscription->product_code,
        .scope = worker->work.scope,
        .class = worker->work.class,
        .keys = keys,
        .key_count = worker->count,
        .token_included = true,
        .deadline_ms = worker->lease.call_end_mono_ms - clock_mono_ms(),
    };

    for (size_t i = 0; i < worker->count; i++)
        keys[i] = claim_key(worker->claims[i]);
    worker->together = entitlement_call_start(&ask, on_shared_call, worker);
}

static void on_swept(void *arg, const struct sweep_result *result)
{
    struct worker *worker = arg;

    worker->sweep = NULL;
    if (result->throttled)
        claim_tell_throttled(&worker->lease);
    if (!result->whole) {
        give_back(worker, result->error.text);
        return;
    }
    worker->refresh->stats.swept++;
    log_info("a product was swept", LOG_STR("product", worker->work.sweep),
             LOG_INT("rows", result->rows), LOG_INT("unreadable", result->unreadable),
             LOG_INT("pages", result->pages), LOG_INT("verified", result->verified),
             LOG_INT("differing", result->differing), LOG_INT("unknown", result->unknown),
             LOG_INT("unlisted", result->unlisted), LOG_TRACE(worker->work.trace));
    finish_work(worker);
}

static void begin_sweep(struct worker *worker)
{
    const struct refresh_options *options = &worker->refresh->options;
    const struct sweep_options sweep = {.loop = options->loop,
                                        .aws = options->aws,
                                        .store = options->store,
                                        .claim = &worker->work,
                                        .page_patience_ms = options->page_patience_ms};

    worker->sweep = sweep_start(&sweep, on_swept, worker);
}

static void add_claim(struct worker *worker, const struct claimed *work)
{
    worker->answered[worker->count] = false;
    worker->claims[worker->count++] = claim_new(&worker->lease, work, on_claim_done, worker);
    worker->open++;
}

static void take_claims(struct worker *worker, const struct claim_result *work)
{
    add_claim(worker, &(struct claimed){.subscription = work->subscription,
                                        .reason = work->reason,
                                        .fence = work->fence,
                                        .probe_product = work->probe_product,
                                        .trace = work->trace});
    for (size_t i = 0; i < work->others.count && worker->count < TOGETHER_MOST; i++)
        add_claim(worker, &work->others.items[i]);
}

static void begin_work(struct worker *worker, const struct claim_result *work)
{
    struct refresh *refresh = worker->refresh;
    int64_t margin_ms = work->lease_ms / LEASE_MARGIN_PART;
    int64_t end_mono_ms = clock_mono_ms() + work->lease_ms;

    codec_copy(&shape_claim_result, work, &worker->arena, &worker->work);
    worker->busy = true;
    refresh->stats.calling++;
    worker->lease = (struct claim_lease){
        .options = &refresh->options,
        .stats = &refresh->stats,
        .class = work->class,
        .scope = work->scope,
        .begin_mono_ms = end_mono_ms - work->lease_ms,
        .end_mono_ms = end_mono_ms,
        .call_end_mono_ms =
            end_mono_ms - (margin_ms < LEASE_MARGIN_MS ? margin_ms : LEASE_MARGIN_MS),
    };
    take_claims(worker, &worker->work);
    if (work->sweep.len > 0)
        begin_sweep(worker);
    else if (worker->count > 1)
        ask_together(worker);
    else
        ask_next(worker, true);
}

/* Answers to such credentials would not be applied: AWS is not asked until there are others or
 * the operator has adopted their account. */
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

static int64_t most_licences(struct refresh *refresh)
{
    if (refresh->most_licences < TOGETHER_MOST &&
        clock_mono_ms() >= refresh->batches_again_mono_ms) {
        refresh->most_licences = TOGETHER_MOST;
        log_info("AWS is asked about several licences again",
                 LOG_INT("asked_together_from_now_on", TOGETHER_MOST));
    }
    return refresh->most_licences;
}

static void ask_for_work(void *arg)
{
    struct worker *worker = arg;
    const struct claim_params params = {.checker = str_of(worker->refresh->options.checker),
                                        .signed_by = aws_account(worker->refresh->options.aws),
                                        .at_most = most_licences(worker->refresh)};

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
    if (refresh->options.batches_again_ms == 0)
        refresh->options.batches_again_ms = BATCHES_AGAIN_MS;
    if (refresh->options.page_patience_ms == 0)
        refresh->options.page_patience_ms = PAGE_PATIENCE_MS;
    refresh->most_licences = TOGETHER_MOST;
    refresh->workers =
        mem_alloc_array((size_t)options->concurrent_calls, sizeof(*refresh->workers));
    for (int64_t i = 0; i < options->concurrent_calls; i++) {
        refresh->workers[i].refresh = refresh;
        ask_for_work(&refresh->workers[i]);
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
        entitlement_call_cancel(worker->together);
        sweep_cancel(worker->sweep);
        forget_work(worker);
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
