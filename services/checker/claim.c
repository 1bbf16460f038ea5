#include "services/checker/claim.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"

enum {
    APPLY_TIMEOUT_MS = 5000,
    APPLY_RETRY_MS = 200,
    /* So many rows fit into one message, however long their texts are. */
    PART_ROWS = 500,
};

struct claim {
    const struct claim_lease *lease;
    struct arena arena;
    struct claimed work;
    struct entitlement_call *aws_call;
    struct rpc_call *store_call; /* apply_part, apply or release */
    struct loop_timer *timer;
    int64_t end_mono_ms; /* of its lease */
    int64_t sent_mono_ms;
    struct apply_params answer; /* with all rows */
    int64_t parts;              /* that the store has */
    unsigned signed_by;         /* the credentials behind the answer */
    bool product_alive; /* AWS listed the product for the same credentials before the answer */
    claim_done_fn *done;
    void *arg;
};

struct claim *claim_new(const struct claim_lease *lease, const struct claimed *work,
                        claim_done_fn *done, void *arg)
{
    struct claim *claim = mem_alloc_zero(sizeof(*claim));

    claim->lease = lease;
    claim->end_mono_ms = lease->end_mono_ms;
    claim->done = done;
    claim->arg = arg;
    codec_copy(&shape_claimed, work, &claim->arena, &claim->work);
    return claim;
}

void claim_free(struct claim *claim)
{
    if (!claim)
        return;
    rpc_call_cancel(claim->store_call);
    loop_cancel(claim->timer);
    entitlement_call_cancel(claim->aws_call);
    arena_done(&claim->arena);
    mem_free(claim);
}

const struct subscription *claim_subscription(const struct claim *claim)
{
    return claim->work.subscription;
}

struct str claim_key(const struct claim *claim)
{
    switch (claim->lease->scope) {
    case SCOPE_LICENSE:
        return claim->work.subscription->license_arn;
    case SCOPE_CUSTOMER_IDENTIFIER:
        return claim->work.subscription->customer_identifier;
    case SCOPE_ACCOUNT:
        return claim->work.subscription->account_id;
    case scope_none:
    case scope_count:
        break;
    }
    return STR_NONE;
}

/* Whether it succeeded or not: at worst the lease ends by itself. */
static void on_released(void *arg, const struct rpc_response *response)
{
    struct claim *claim = arg;
    (void)response;

    claim->store_call = NULL;
    claim->done(claim->arg, claim);
}

void claim_give_back(struct claim *claim, const char *why)
{
    const struct release_params params = {.subscription = claim->work.subscription->id,
                                          .fence = claim->work.fence,
                                          .error = str_of(why)};

    claim->lease->stats->failed++;
    log_warning("a refresh failed; the store will have it tried again",
                LOG_STR("subscription", params.subscription), LOG_TEXT("why", why),
                LOG_TRACE(claim->work.trace));
    claim->store_call = rpc_call(claim->lease->options->store, METHOD_store_release, &params,
                                 APPLY_TIMEOUT_MS, claim->work.trace, on_released, claim);
}

static void send_answer(void *arg);

static void renew(struct claim *claim, int64_t at_mono_ms)
{
    int64_t lease_ms = claim->lease->end_mono_ms - claim->lease->begin_mono_ms;

    if (at_mono_ms != 0)
        claim->end_mono_ms = at_mono_ms + lease_ms;
}

/* A claim that lapsed has another checker's answer, or will have. */
static void on_refused(struct claim *claim, const struct rpc_response *response)
{
    int64_t left_ms = claim->end_mono_ms - clock_mono_ms();
    struct error why;

    if (response->code == ERROR_CONFLICT) {
        claim->lease->stats->refused++;
        log_info("the store did not take an answer",
                 LOG_STR("subscription", claim->answer.subscription),
                 LOG_STR("why", response->message), LOG_TRACE(claim->work.trace));
        claim->done(claim->arg, claim);
    } else if (rpc_errors[response->code].retryable && left_ms > APPLY_RETRY_MS) {
        claim->timer = loop_after(claim->lease->options->loop, APPLY_RETRY_MS, send_answer, claim);
    } else {
        error_set(&why, "the store did not take the answer: " STR_FMT, STR_ARG(response->message));
        claim_give_back(claim, why.text);
    }
}

static void on_applied(void *arg, const struct rpc_response *response)
{
    struct claim *claim = arg;
    const struct apply_result *result = response->result;

    claim->store_call = NULL;
    if (response->code != ERROR_NONE) {
        on_refused(claim, response);
        return;
    }
    claim->lease->stats->applied++;
    claim->lease->stats->changed += result->changed;
    claim->done(claim->arg, claim);
}

static void on_part_taken(void *arg, const struct rpc_response *response)
{
    struct claim *claim = arg;

    claim->store_call = NULL;
    if (response->code != ERROR_NONE) {
        on_refused(claim, response);
        return;
    }
    renew(claim, claim->sent_mono_ms);
    claim->parts++;
    send_answer(claim);
}

static void send_part(struct claim *claim)
{
    const struct apply_part_params part = {
        .subscription = claim->answer.subscription,
        .fence = claim->answer.fence,
        .part = claim->parts,
        .rows = {claim->answer.rows.items + claim->parts * PART_ROWS, PART_ROWS}};

    claim->sent_mono_ms = clock_mono_ms();
    claim->store_call = rpc_call(claim->lease->options->store, METHOD_store_apply_part, &part,
                                 APPLY_TIMEOUT_MS, claim->work.trace, on_part_taken, claim);
}

/* In parts, if it is large: the last of them with `apply`. */
static void send_answer(void *arg)
{
    struct claim *claim = arg;
    const struct refresh_options *options = claim->lease->options;
    size_t sent = (size_t)claim->parts * PART_ROWS;

    claim->timer = NULL;
    if (claim->answer.rows.count - sent > PART_ROWS) {
        send_part(claim);
        return;
    }
    struct apply_params rest = claim->answer;
    rest.parts = claim->parts;
    if (sent > 0)
        rest.rows.items += sent;
    rest.rows.count -= sent;
    rest.signed_by = aws_caller_account(options->aws, claim->signed_by);
    claim->store_call = rpc_call(options->store, METHOD_store_apply, &rest, APPLY_TIMEOUT_MS,
                                 claim->work.trace, on_applied, claim);
}

static void keep_answer(struct claim *claim, const struct entitlement_result *result,
                        const struct aws_entitlement_list *rows)
{
    const struct apply_params answer = {.subscription = claim->work.subscription->id,
                                        .fence = claim->work.fence,
                                        .began_at = result->began_at_s,
                                        .scope = claim->lease->scope,
                                        .rows = *rows,
                                        .checker = str_of(claim->lease->options->checker)};

    if (result->signed_by != claim->signed_by)
        claim->product_alive = false;
    claim->signed_by = result->signed_by;
    codec_copy(&shape_apply_params, &answer, &claim->arena, &claim->answer);
}

void claim_apply(struct claim *claim, const struct entitlement_result *result,
                 const struct aws_entitlement_list *rows)
{
    keep_answer(claim, result, rows);
    send_answer(claim);
}

static void on_throttled_told(void *arg, const struct rpc_response *response)
{
    (void)arg;
    (void)response;
}

void claim_tell_throttled(const struct claim_lease *lease)
{
    lease->stats->throttled++;
    rpc_call(lease->options->store, METHOD_store_throttled, NULL, APPLY_TIMEOUT_MS, STR_NONE,
             on_throttled_told, NULL);
}

/* Time is left to apply. */
static int64_t call_end_mono_ms(const struct claim *claim)
{
    return claim->end_mono_ms - (claim->lease->end_mono_ms - claim->lease->call_end_mono_ms);
}

/* Each page renews the lease, so an answer may have hundreds of them. */
static struct entitlement_ask ask_of(const struct claim *claim)
{
    return (struct entitlement_ask){.aws = claim->lease->options->aws,
                                    .store = claim->lease->options->store,
                                    .product_code = claim->work.subscription->product_code,
                                    .class = claim->lease->class,
                                    .deadline_ms = call_end_mono_ms(claim) - clock_mono_ms(),
                                    .claim_id = claim->work.subscription->id,
                                    .fence = claim->work.fence};
}

static void ask_aws(struct claim *claim, bool token_included);

/* What the product lists for anybody is only evidence: without it the empty answer is whole. With
 * it the question is asked once more, for what made the answer empty may have ended just before. */
static void on_probed(void *arg, const struct entitlement_result *result)
{
    struct claim *claim = arg;

    claim->aws_call = NULL;
    renew(claim, result->renewed_mono_ms);
    if (result->throttled)
        claim_tell_throttled(claim->lease);
    claim->product_alive = result->whole && result->rows.count > result->unreadable &&
                           result->signed_by == claim->signed_by;
    if (claim->product_alive)
        ask_aws(claim, false);
    else
        send_answer(claim);
}

static void probe_product(struct claim *claim)
{
    struct entitlement_ask ask = ask_of(claim);

    ask.first_row_only = true;
    claim->aws_call = entitlement_call_start(&ask, on_probed, claim);
}

static void on_answer(void *arg, const struct entitlement_result *result)
{
    struct claim *claim = arg;

    claim->aws_call = NULL;
    renew(claim, result->renewed_mono_ms);
    if (!result->whole) {
        if (result->throttled)
            claim_tell_throttled(claim->lease);
        claim_give_back(claim, result->error.text);
        return;
    }
    log_debug("AWS answered", LOG_STR("subscription", claim->work.subscription->id),
              LOG_TEXT("class", choice_text(&enumeration_due_class, (int)claim->lease->class)),
              LOG_INT("rows", result->rows.count), LOG_INT("pages", result->pages),
              LOG_TRACE(claim->work.trace));
    bool asked_again = claim->product_alive;
    keep_answer(claim, result, &result->rows);
    claim->answer.product_alive = claim->product_alive && result->rows.count == 0;
    if (result->rows.count == 0 && claim->work.probe_product && !asked_again)
        probe_product(claim);
    else
        send_answer(claim);
}

static void ask_aws(struct claim *claim, bool token_included)
{
    struct entitlement_ask ask = ask_of(claim);
    const struct str key = claim_key(claim);

    ask.scope = claim->lease->scope;
    ask.keys = &key;
    ask.key_count = 1;
    ask.token_included = token_included;
    claim->aws_call = entitlement_call_start(&ask, on_answer, claim);
}

void claim_ask(struct claim *claim, bool token_included)
{
    if (claim_key(claim).len == 0)
        claim_give_back(claim, "the record has no key by which to filter the call");
    else
        ask_aws(claim, token_included);
}
