/* Claims, waits and tokens: requests that are answered when there is something to answer with. */
#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/store/process/store.h"
#include "services/store/rules/apply.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/work/marks.h"
#include "services/store/work/scope.h"
#include "services/store/work/sweeps.h"

/* A claim about to expire may cross its caller's own deadline: the work would wait for the lease to
 * end. */
enum { CLAIM_MARGIN_MS = 500, CLAIM_MOST = 100 };

static struct parked *next_claim(const struct store *store)
{
    struct parked *parked;

    TAILQ_FOREACH (parked, &store->claims, link) {
        if (rpc_request_time_left_ms(parked->request) >= CLAIM_MARGIN_MS)
            return parked;
    }
    return NULL;
}

static unsigned waiting_classes(const struct store *store)
{
    bool claimed = next_claim(store) != NULL;
    unsigned waiting = 0;

    for (int class = due_class_none + 1; class < due_class_count; class ++) {
        if (!TAILQ_EMPTY(&store->tokens[class]) ||
            (claimed && due_is_ready(store->books.due, (enum due_class) class)))
            waiting |= 1u << class;
    }
    return waiting;
}

static bool describe_claim(struct store *store, const struct due_claim *claim, struct arena *arena,
                           struct claim_result *ret)
{
    struct subscription *record = arena_alloc(arena, sizeof(*record));
    struct stored_due stored;

    db_forgive(store->books.db);
    if (sweeps_is_id(claim->id))
        *record = sweeps_record(claim->id);
    else if (!records_get(store->books.db, claim->id, arena, record))
        return false;
    marks_get(store->books.db, claim->id, arena, &stored);
    *ret = (struct claim_result){.subscription = record,
                                 .class = claim->class,
                                 .reason = stored.reason,
                                 .fence = claim->fence,
                                 .lease_ms = store->settings->store.lease_ms,
                                 .trace = stored.trace};
    ret->scope = scope_of(record, &ret->probe_product);
    if (sweeps_is_id(claim->id)) {
        ret->sweep = record->product_code;
        ret->scope =
            SCOPE_ACCOUNT; /* one who does not know sweeps finds no account, and gives up */
    }
    return ret->scope != scope_none;
}

/* What the call for the first claim can be about too: whatever is next, as long as it fits. */
static bool fits(struct store *store, struct str id, const struct claim_result *first,
                 struct arena *arena, struct claimed *ret)
{
    struct subscription *record = arena_alloc(arena, sizeof(*record));
    struct stored_due stored;

    if (sweeps_is_id(id) || !records_get(store->books.db, id, arena, record) ||
        !str_eq(record->product_code, first->subscription->product_code))
        return false;
    *ret = (struct claimed){.subscription = record};
    if (scope_of(record, &ret->probe_product) != SCOPE_LICENSE)
        return false;
    marks_get(store->books.db, id, arena, &stored);
    ret->reason = stored.reason;
    ret->trace = stored.trace;
    return true;
}

/* Claims made for one reply. Their ids are due work's own, while what the reply says of them ends
 * with its request. */
struct taken {
    struct due_claim claims[CLAIM_MOST];
    size_t count;
};

static bool take_one(struct store *store, enum due_class class, struct str checker,
                     struct taken *taken)
{
    if (!due_take(store->books.due, class, checker, moment_now(), &taken->claims[taken->count]))
        return false;
    taken->count++;
    return true;
}

static void take_back(struct store *store, const struct taken *taken)
{
    for (size_t i = 0; i < taken->count; i++)
        due_end(store->books.due, taken->claims[i].id, taken->claims[i].fence);
}

static void add_others(struct store *store, const struct claim_params *params, struct arena *arena,
                       struct claim_result *result, struct taken *taken)
{
    size_t most = params->at_most > CLAIM_MOST ? CLAIM_MOST : (size_t)params->at_most;
    struct claimed *others;
    struct str id;

    if (params->at_most <= 1 || result->scope != SCOPE_LICENSE || taken->claims[0].lapsed)
        return;
    others = arena_alloc_array(arena, most, sizeof(*others));
    while (taken->count < most &&
           (id = due_next_shareable(store->books.due, result->class)).len > 0) {
        struct claimed *other = &others[result->others.count];
        if (!fits(store, id, result, arena, other) ||
            !take_one(store, result->class, params->checker, taken))
            break;
        other->fence = taken->claims[taken->count - 1].fence;
        result->others.count++;
    }
    result->others.items = others;
}

/* False: nobody got it, and the token is not used. */
static bool hand_out_work(struct store *store, enum due_class class)
{
    struct parked *parked = next_claim(store);
    struct rpc_request *request = parked->request;
    const struct claim_params *params = rpc_request_params(request);
    struct claim_result result;
    struct taken taken = {.count = 0};

    if (!take_one(store, class, params->checker, &taken))
        return false;
    const struct due_claim *claim = &taken.claims[0];
    if (!describe_claim(store, claim, rpc_request_arena(request), &result)) {
        log_error("due work is left out: its record cannot be read, or has no key to ask by",
                  LOG_STR("subscription", claim->id));
        due_plan(store->books.due, claim->id, &(struct due_plan){0});
        take_back(store, &taken);
        return false;
    }
    add_others(store, params, rpc_request_arena(request), &result, &taken);
    store_unpark(parked);
    if (rpc_reply(request, &result) == 0)
        return true;
    take_back(store, &taken);
    return false;
}

static bool hand_out(struct store *store, enum due_class class)
{
    struct parked *parked = TAILQ_FIRST(&store->tokens[class]);

    return parked ? rpc_reply(store_unpark(parked), NULL) == 0 : hand_out_work(store, class);
}

static void on_dispatch_timer(void *arg)
{
    struct store *store = arg;

    store->dispatch_timer = NULL;
    store_dispatch(store);
}

static void arrange_dispatch(struct store *store, struct moment now)
{
    int64_t sleep_ms = due_sleep_ms(store->books.due, now);

    if (waiting_classes(store)) {
        int64_t token_ms = (quota_wait_us(&store->quota, clock_mono_us()) + 999) / 1000;
        if (token_ms < sleep_ms)
            sleep_ms = token_ms;
    }
    loop_cancel(store->dispatch_timer);
    store->dispatch_timer =
        loop_after(store->context->loop, sleep_ms > 0 ? sleep_ms : 1, on_dispatch_timer, store);
}

void store_dispatch(struct store *store)
{
    struct moment now = moment_now();
    enum due_class class;

    due_advance(store->books.due, now);
    store_watch_clock(store, now);
    while ((class = quota_take(&store->quota, waiting_classes(store), clock_mono_us()))) {
        if (!hand_out(store, class))
            quota_give_back(&store->quota, class, clock_mono_us());
    }
    arrange_dispatch(store, now);
}

void serve_claim(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    const struct claim_params *params = rpc_request_params(request);
    struct error error;

    db_forgive(store->books.db);
    if (!seller_takes(store->books.db, params->signed_by, &error)) {
        store->claims_refused++;
        rpc_fail(request, ERROR_CONFLICT, "%s", error.text);
        return;
    }
    rpc_may_be_idle(request);
    store_park(store, &store->claims, request);
    store_dispatch(store);
}

void serve_quota(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    const struct quota_params *params = rpc_request_params(request);

    if (params->subscription.len > 0 &&
        !due_renew(store->books.due, params->subscription, params->fence, moment_now())) {
        rpc_fail(request, ERROR_CONFLICT, "the claim has lapsed");
        return;
    }
    store_park(store, &store->tokens[params->class], request);
    store_dispatch(store);
}

void serve_throttled(void *arg, struct rpc_request *request)
{
    struct store *store = arg;

    quota_throttled(&store->quota, clock_mono_us());
    log_warning("AWS throttles; the pace is reduced",
                LOG_INT("calls_per_minute", (int64_t)(60 * store->quota.rate_per_s)),
                LOG_TRACE(rpc_request_trace(request)));
    rpc_reply(request, NULL);
}

static bool find_waited(struct store *store, struct str id, struct arena *arena,
                        struct subscription *ret)
{
    if (!sweeps_is_id(id))
        return records_resolve(store->books.db, id, arena, ret);
    *ret = sweeps_record(arena_str(arena, id));
    return true;
}

static bool answer_wait(struct store *store, struct rpc_request *request, struct str id)
{
    struct subscription *record = arena_alloc(rpc_request_arena(request), sizeof(*record));

    db_forgive(store->books.db);
    if (!find_waited(store, id, rpc_request_arena(request), record)) {
        rpc_fail(request, ERROR_NOT_FOUND, "there is no subscription '" STR_FMT "'", STR_ARG(id));
        return false;
    }
    rpc_reply(request, &(struct subscription_result){.subscription = record});
    return true;
}

void serve_wait(void *arg, struct rpc_request *request)
{
    struct store *store = arg;
    const struct wait_params *params = rpc_request_params(request);
    struct arena *arena = rpc_request_arena(request);
    struct subscription record;
    struct stored_due stored;

    db_forgive(store->books.db);
    if (!find_waited(store, params->subscription, arena, &record)) {
        rpc_fail(request, ERROR_NOT_FOUND, "there is no subscription '" STR_FMT "'",
                 STR_ARG(params->subscription));
        return;
    }
    marks_get(store->books.db, record.id, arena, &stored);
    if (stored.applied_fence > params->ticket) {
        answer_wait(store, request, record.id);
        return;
    }
    struct parked *parked = store_park(store, &store->waits, request);
    parked->id = record.id;
    parked->ticket = params->ticket;
}

static void answer_applied(struct store *store, const struct effect *effect)
{
    struct parked *parked, *next;

    for (parked = TAILQ_FIRST(&store->waits); parked; parked = next) {
        next = TAILQ_NEXT(parked, link);
        if (str_eq(parked->id, effect->id) && parked->ticket < effect->fence) {
            struct str id = effect->id;
            answer_wait(store, store_unpark(parked), id);
        }
    }
}

static void follow_merge(struct store *store, const struct effect *effect)
{
    struct parked *parked;

    TAILQ_FOREACH (parked, &store->waits, link) {
        if (str_eq(parked->id, effect->id))
            parked->id = arena_str(rpc_request_arena(parked->request), effect->other);
    }
}

void store_answer_waits(struct store *store, const struct change *change)
{
    for (const struct effect *effect = change->effects; effect; effect = effect->next) {
        if (effect->kind == EFFECT_APPLIED)
            answer_applied(store, effect);
        if (effect->kind == EFFECT_MERGED)
            follow_merge(store, effect);
    }
}
