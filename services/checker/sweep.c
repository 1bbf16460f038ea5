#include "services/checker/sweep.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/checker/entitlement_call.h"

enum {
    /* 25 rows each: five million, about 150 bytes each in memory. So many pages take three hours.
     */
    PAGES_MAX = 200000,
    PART_ROWS = 250, /* more if the last group is larger */
    STORE_TIMEOUT_MS = 5000,
    AGAIN_MS = 200,
    MARGIN_PART = 4, /* of the lease: a page must be there before it ends */
};

struct sweep {
    struct sweep_options options;
    sweep_done_fn *done;
    void *arg;
    struct arena arena;
    struct entitlement_call *aws_call;
    struct rpc_call *store_call;
    struct loop_timer *timer;
    struct aws_entitlement_list rows; /* sorted by their groups */
    size_t sent, sending;             /* rows compared; of the part on its way */
    int64_t began_at_s;
    unsigned signed_by;
    struct arena next_arena;
    struct str after; /* of the finishing parts */
    int64_t lease_end_mono_ms;
    struct sweep_result result;
};

static void go_on(void *arg);

void sweep_cancel(struct sweep *sweep)
{
    if (!sweep)
        return;
    entitlement_call_cancel(sweep->aws_call);
    rpc_call_cancel(sweep->store_call);
    loop_cancel(sweep->timer);
    arena_done(&sweep->next_arena);
    arena_done(&sweep->arena);
    mem_free(sweep);
}

static void finish(struct sweep *sweep)
{
    sweep->done(sweep->arg, &sweep->result);
    sweep_cancel(sweep);
}

/* Each subscription's rows come together. */
static int compare_rows(const void *a, const void *b)
{
    return record_compare_owners(record_row_owner(a), record_row_owner(b));
}

static size_t next_part(const struct sweep *sweep)
{
    const struct aws_entitlement *rows = sweep->rows.items;
    size_t end = sweep->sent + PART_ROWS;

    if (end >= sweep->rows.count)
        return sweep->rows.count - sweep->sent;
    while (end < sweep->rows.count && compare_rows(&rows[end - 1], &rows[end]) == 0)
        end++;
    return end - sweep->sent;
}

static void note_time(struct sweep *sweep)
{
    sweep->lease_end_mono_ms = clock_mono_ms() + sweep->options.claim->lease_ms;
}

/* True if the answer is there; else it is asked for again, or the sweep has failed. */
static bool was_taken(struct sweep *sweep, const struct rpc_response *response)
{
    sweep->store_call = NULL;
    if (response->code == ERROR_NONE) {
        note_time(sweep);
        return true;
    }
    if (rpc_errors[response->code].retryable && clock_mono_ms() < sweep->lease_end_mono_ms) {
        sweep->timer = loop_after(sweep->options.loop, AGAIN_MS, go_on, sweep);
        return false;
    }
    error_set(&sweep->result.error, "the store did not take the sweep: " STR_FMT,
              STR_ARG(response->message));
    finish(sweep);
    return false;
}

static void on_finished(void *arg, const struct rpc_response *response)
{
    struct sweep *sweep = arg;
    const struct sweep_finish_result *result = response->result;

    if (!was_taken(sweep, response))
        return;
    sweep->result.unlisted += result->unlisted;
    sweep->result.whole = result->next.len == 0;
    arena_done(&sweep->next_arena);
    sweep->after = arena_str(&sweep->next_arena, result->next);
    if (sweep->result.whole)
        finish(sweep);
    else
        go_on(sweep);
}

static void on_compared(void *arg, const struct rpc_response *response)
{
    struct sweep *sweep = arg;
    const struct sweep_part_result *result = response->result;

    if (!was_taken(sweep, response))
        return;
    sweep->sent += sweep->sending;
    sweep->result.verified += result->verified;
    sweep->result.differing += result->differing;
    sweep->result.unknown += result->unknown;
    go_on(sweep);
}

static void send_part(struct sweep *sweep, struct str signed_by)
{
    sweep->sending = next_part(sweep);
    const struct sweep_part_params params = {
        .subscription = sweep->options.claim->subscription->id,
        .fence = sweep->options.claim->fence,
        .began_at = sweep->began_at_s,
        .rows = {sweep->rows.items + sweep->sent, sweep->sending},
        .signed_by = signed_by,
    };
    sweep->store_call = rpc_call(sweep->options.store, METHOD_store_sweep_part, &params,
                                 STORE_TIMEOUT_MS, sweep->options.claim->trace, on_compared, sweep);
}

static void send_finish(struct sweep *sweep, struct str signed_by)
{
    const struct sweep_finish_params params = {
        .subscription = sweep->options.claim->subscription->id,
        .fence = sweep->options.claim->fence,
        .began_at = sweep->began_at_s,
        .after = sweep->after,
        .rows = sweep->result.rows,
        .verified = sweep->result.verified,
        .differing = sweep->result.differing,
        .unknown = sweep->result.unknown,
        .unlisted = sweep->result.unlisted,
        .signed_by = signed_by,
        .unreadable = sweep->result.unreadable,
    };
    sweep->store_call = rpc_call(sweep->options.store, METHOD_store_sweep_finish, &params,
                                 STORE_TIMEOUT_MS, sweep->options.claim->trace, on_finished, sweep);
}

static void go_on(void *arg)
{
    struct sweep *sweep = arg;
    struct str signed_by = aws_caller_account(sweep->options.aws, sweep->signed_by);

    sweep->timer = NULL;
    if (sweep->sent < sweep->rows.count)
        send_part(sweep, signed_by);
    else
        send_finish(sweep, signed_by);
}

static void on_listed(void *arg, const struct entitlement_result *result)
{
    struct sweep *sweep = arg;
    struct apply_params kept = {.rows = result->rows};
    struct apply_params copy;

    sweep->aws_call = NULL;
    if (!result->whole) {
        sweep->result.throttled = result->throttled;
        sweep->result.error = result->error;
        finish(sweep);
        return;
    }
    codec_copy(&shape_apply_params, &kept, &sweep->arena, &copy);
    sweep->rows = copy.rows;
    if (sweep->rows.count > 0)
        qsort(sweep->rows.items, sweep->rows.count, sizeof(*sweep->rows.items), compare_rows);
    sweep->result.rows = (int64_t)(sweep->rows.count - result->unreadable);
    sweep->result.unreadable = (int64_t)result->unreadable;
    sweep->result.pages = result->pages;
    sweep->began_at_s = result->began_at_s;
    sweep->signed_by = result->signed_by;
    note_time(sweep);
    go_on(sweep);
}

struct sweep *sweep_start(const struct sweep_options *options, sweep_done_fn *done, void *arg)
{
    struct sweep *sweep = mem_alloc_zero(sizeof(*sweep));
    const struct claim_result *claim = options->claim;
    const struct entitlement_ask ask = {
        .aws = options->aws,
        .store = options->store,
        .product_code = claim->sweep,
        .class = claim->class,
        .token_included = true,
        .deadline_ms = claim->lease_ms - claim->lease_ms / MARGIN_PART,
        .pages_max = PAGES_MAX,
        .claim_id = claim->subscription->id,
        .fence = claim->fence,
        .loop = options->loop,
        .page_patience_ms = options->page_patience_ms,
    };

    sweep->options = *options;
    sweep->done = done;
    sweep->arg = arg;
    sweep->aws_call = entitlement_call_start(&ask, on_listed, sweep);
    return sweep;
}
