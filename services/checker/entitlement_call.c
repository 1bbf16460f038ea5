#include "services/checker/entitlement_call.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/checker/entitlement_answer.h"

enum {
    PAGES_MAX = 1000,
    TELL_TIMEOUT_MS = 5000,
    /* Between askings for a page. The last token renewed the lease, and a wait of an eighth of the
     * time that a page may take leaves enough of it. */
    PAGE_AGAIN_MS = 250,
    PAGE_AGAIN_PART = 8,
};

struct entitlement_call {
    struct arena arena;
    struct entitlement_ask ask;
    struct aws_call *aws_call;
    struct rpc_call *token; /* of the quota, awaited */
    int64_t token_asked_mono_ms;
    struct entitlement_rows rows;
    struct map *seen_tokens;
    struct str next_token;
    struct loop_timer *again;
    int64_t again_ms;     /* the next wait */
    int64_t page_mono_ms; /* when the last page came */
    int64_t deadline_mono_ms;
    struct str account; /* that asked for the pages so far; empty: not known */
    bool asker_unknown; /* the credentials changed, and whose they are now is not known yet */
    struct entitlement_result result;
    entitlement_done_fn *done;
    void *arg;
};

static void ask_page(struct entitlement_call *call);

void entitlement_call_cancel(struct entitlement_call *call)
{
    if (!call)
        return;
    aws_call_cancel(call->aws_call);
    rpc_call_cancel(call->token);
    loop_cancel(call->again);
    map_free(call->seen_tokens);
    arena_done(&call->arena);
    mem_free(call);
}

static void finish(struct entitlement_call *call)
{
    call->result.rows =
        (struct aws_entitlement_list){.items = call->rows.items, .count = call->rows.count};
    call->result.unreadable = call->rows.unreadable;
    if (!call->result.whole)
        call->result.rows = (struct aws_entitlement_list){NULL, 0};
    else if (call->rows.unreadable > 0)
        log_warning("rows of an answer of AWS cannot be read; the others count",
                    LOG_STR("product", call->ask.product_code),
                    LOG_INT("rows", call->rows.unreadable), LOG_TEXT("why", call->rows.why.text));
    call->done(call->arg, &call->result);
    entitlement_call_cancel(call);
}

static void fail(struct entitlement_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct entitlement_call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(call->result.error.text, sizeof(call->result.error.text), format, args);
    va_end(args);
    finish(call);
}

static int64_t time_left_ms(const struct entitlement_call *call)
{
    int64_t left = call->deadline_mono_ms - clock_mono_ms();

    return left > 0 ? left : 0;
}

static void on_again(void *arg)
{
    struct entitlement_call *call = arg;

    call->again = NULL;
    ask_page(call);
}

/* True: what came before stays, and the page is asked for once more. */
static bool asks_again(struct entitlement_call *call, struct str why)
{
    int64_t longest_ms = call->ask.deadline_ms / PAGE_AGAIN_PART;

    if (call->result.pages == 0 ||
        clock_mono_ms() - call->page_mono_ms >= call->ask.page_patience_ms)
        return false;
    log_warning("AWS did not give a page; it is asked for again",
                LOG_STR("product", call->ask.product_code), LOG_INT("page", call->result.pages + 1),
                LOG_STR("why", why));
    aws_call_cancel(take(call->aws_call));
    call->again = loop_after(call->ask.loop, call->again_ms, on_again, call);
    call->again_ms = call->again_ms * 2 < longest_ms ? call->again_ms * 2 : longest_ms;
    return true;
}

static void on_token(void *arg, const struct rpc_response *response)
{
    struct entitlement_call *call = arg;

    call->token = NULL;
    if (response->code == ERROR_NONE && call->ask.fence != 0)
        call->result.renewed_mono_ms = call->token_asked_mono_ms;
    if (response->code == ERROR_NONE)
        aws_call_admit(call->aws_call);
    else if (!rpc_errors[response->code].retryable || !asks_again(call, response->message))
        fail(call, "no quota token: " STR_FMT, STR_ARG(response->message));
}

/* Each attempt, be it a page or a repetition, takes a token. */
static void on_admit(void *arg, struct aws_call *aws_call)
{
    struct entitlement_call *call = arg;
    const struct quota_params params = {
        .class = call->ask.class, .subscription = call->ask.claim_id, .fence = call->ask.fence};

    if (call->ask.token_included) {
        call->ask.token_included = false;
        aws_call_admit(aws_call);
        return;
    }
    call->token_asked_mono_ms = clock_mono_ms();
    call->token = rpc_call(call->ask.store, METHOD_store_quota, &params, time_left_ms(call) + 1,
                           STR_NONE, on_token, call);
}

static const char *outcome_text(enum aws_outcome outcome)
{
    switch (outcome) {
    case AWS_THROTTLED:
        return "AWS throttles";
    case AWS_CREDENTIALS:
        return "AWS does not accept the credentials";
    case AWS_UNREACHABLE:
        return "AWS did not give a whole answer";
    case AWS_ERROR:
    case AWS_OK:
        break;
    }
    return "AWS refused";
}

/* GetEntitlements API reference, Errors; and AWS's common errors. */
static bool is_invalid_question(const struct aws_response *response)
{
    return response->outcome == AWS_ERROR &&
           (str_eq(response->code, STR("InvalidParameterException")) ||
            str_eq(response->code, STR("ValidationException")) ||
            str_eq(response->code, STR("ValidationError")));
}

static void on_told(void *arg, const struct rpc_response *response)
{
    (void)arg;
    (void)response;
}

/* Whether the page is given some time later does not depend on the question. */
static bool is_passing(const struct aws_response *response)
{
    return response->outcome != AWS_ERROR || response->retryable;
}

static bool asks_aws_again(struct entitlement_call *call, const struct aws_response *response)
{
    if (!is_passing(response) ||
        !asks_again(call, response->message.len > 0 ? response->message : response->code))
        return false;
    if (response->outcome == AWS_THROTTLED)
        rpc_call(call->ask.store, METHOD_store_throttled, NULL, TELL_TIMEOUT_MS, STR_NONE, on_told,
                 NULL);
    return true;
}

static void fail_by_aws(struct entitlement_call *call, const struct aws_response *response)
{
    call->result.throttled = response->outcome == AWS_THROTTLED;
    call->result.invalid = is_invalid_question(response);
    fail(call, "%s: " STR_FMT "%s" STR_FMT, outcome_text(response->outcome),
         STR_ARG(response->code), response->code.len > 0 ? ", " : "", STR_ARG(response->message));
}

/* Credentials last for an hour, the pages of a sweep may take longer: it goes on with new ones of
 * the same account. */
static bool is_same_asker(struct entitlement_call *call, unsigned signed_by)
{
    struct str account = aws_caller_account(call->ask.aws, signed_by);
    bool changed = call->result.pages > 0 && signed_by != call->result.signed_by;

    if (changed && (call->ask.fence == 0 || call->account.len == 0 || call->asker_unknown))
        return false;
    call->asker_unknown = (changed || call->asker_unknown) && account.len == 0;
    if (call->account.len == 0)
        call->account = arena_str(&call->arena, account);
    return account.len == 0 || str_eq(account, call->account);
}

static void end(struct entitlement_call *call)
{
    if (call->asker_unknown &&
        (!is_same_asker(call, call->result.signed_by) || call->asker_unknown)) {
        fail(call, "the credentials changed, and their account is not known yet");
        return;
    }
    call->result.whole = true;
    finish(call);
}

/* A page may be empty and still lead on; what leads in a circle, or too far, fails. */
static void go_on(struct entitlement_call *call)
{
    if (call->rows.count > call->ask.pages_max * (size_t)ENTITLEMENT_PAGE_ROWS) {
        fail(call, "the answer has more than %u rows", call->ask.pages_max * ENTITLEMENT_PAGE_ROWS);
    } else if (call->next_token.len == 0 ||
               (call->ask.first_row_only && call->rows.count > call->rows.unreadable)) {
        end(call);
    } else if (call->result.pages >= call->ask.pages_max) {
        fail(call, "the answer has more than %u pages", call->ask.pages_max);
    } else if (map_put(call->seen_tokens, call->next_token, call)) {
        fail(call, "the answer repeats a NextToken");
    } else if (time_left_ms(call) == 0) {
        fail(call, "the pages took longer than the claim lasts");
    } else {
        ask_page(call);
    }
}

static void on_page(void *arg, const struct aws_response *response)
{
    struct entitlement_call *call = arg;
    struct error error;

    call->aws_call = NULL;
    rpc_call_cancel(take(call->token));
    if (response->outcome != AWS_OK) {
        if (!asks_aws_again(call, response))
            fail_by_aws(call, response);
        return;
    }
    if (!is_same_asker(call, response->signed_by)) {
        fail(call, "the credentials changed between two pages");
        return;
    }
    call->result.signed_by = response->signed_by;
    if (entitlement_page_read(response->body, call->ask.product_code, &call->arena, &call->rows,
                              &call->next_token, &error) < 0) {
        fail(call, "the answer of AWS cannot be used: %s", error.text);
        return;
    }
    call->page_mono_ms = clock_mono_ms();
    call->again_ms = PAGE_AGAIN_MS;
    if (call->result.pages++ == 0)
        call->result.began_at_s = response->began_wall_ms / 1000;
    go_on(call);
}

static void ask_page(struct entitlement_call *call)
{
    cleanup(buf_done) struct buf body = BUF_INIT;

    if (call->ask.fence != 0)
        call->deadline_mono_ms = clock_mono_ms() + call->ask.deadline_ms;
    const struct entitlement_question question = {
        .product_code = call->ask.product_code,
        .scope = call->ask.scope,
        .keys = call->ask.keys,
        .key_count = call->ask.key_count,
        .max_results = call->ask.first_row_only ? 1 : ENTITLEMENT_PAGE_ROWS,
        .next_token = call->next_token,
    };

    entitlement_question_write(&question, &body);
    const struct aws_request request = {.service = AWS_ENTITLEMENT,
                                        .operation = "GetEntitlements",
                                        .body = buf_str(&body),
                                        .deadline_ms = time_left_ms(call) + 1,
                                        .admit = on_admit,
                                        .admit_arg = call};
    call->aws_call = aws_call(call->ask.aws, &request, on_page, call);
}

static void copy_keys(struct entitlement_call *call, const struct entitlement_ask *ask)
{
    struct str *keys = arena_alloc_array(&call->arena, ask->key_count + 1, sizeof(*keys));

    for (size_t i = 0; i < ask->key_count; i++)
        keys[i] = arena_str(&call->arena, ask->keys[i]);
    call->ask.keys = keys;
}

struct entitlement_call *entitlement_call_start(const struct entitlement_ask *ask,
                                                entitlement_done_fn *done, void *arg)
{
    struct entitlement_call *call = mem_alloc_zero(sizeof(*call));

    call->ask = *ask;
    call->ask.product_code = arena_str(&call->arena, ask->product_code);
    copy_keys(call, ask);
    call->ask.claim_id = arena_str(&call->arena, ask->claim_id);
    if (ask->pages_max == 0)
        call->ask.pages_max = PAGES_MAX;
    call->seen_tokens = map_new();
    call->deadline_mono_ms = clock_mono_ms() + ask->deadline_ms;
    call->done = done;
    call->arg = arg;
    ask_page(call);
    return call;
}
