/* Methods about due work: mark, apply_part, apply. */
#include "proto/codec/codec.h"
#include "proto/record/record.h"
#include "services/store/methods/claimed.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/answers.h"
#include "services/store/rules/apply.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/work/marks.h"
#include "services/store/work/plan.h"

/* What mark_result and apply_result hold; see messages.def. */
enum { MARKED_MAX = 25000, CHANGED_MAX = 1000 };

enum rpc_error on_mark(struct work *work)
{
    const struct mark_params *params = work->params;
    struct mark_result *result = work->result;
    struct subscription_list found =
        records_find(work->books->db, params->handle, params->product, work->arena);

    if (found.count == 0) {
        error_set(work->error, "no subscription is known by this handle");
        return ERROR_NOT_FOUND;
    }
    if (found.count > MARKED_MAX) {
        error_set(work->error, "this handle leads to more than %d subscriptions", MARKED_MAX);
        return ERROR_BAD_REQUEST;
    }
    result->subscriptions.items = arena_alloc_array(work->arena, found.count, sizeof(struct str));
    /* One ticket for all: drawn first, so that every claim that satisfies a mark is above it. */
    result->ticket = due_ticket(work->books->due);
    for (size_t i = 0; i < found.count; i++) {
        marks_mark(work->change, work->books->due, found.items[i].id, params->class,
                   params->reason);
        result->subscriptions.items[result->subscriptions.count++] = found.items[i].id;
    }
    if (params->author.len > 0) {
        work->change->origin.cause = CAUSE_OPERATOR;
        work->change->origin.author = params->author;
        journal_note(
            work->change, AUDIT_REFRESH,
            arena_printf(work->arena, "AWS is asked about " STR_FMT, STR_ARG(params->handle)));
    }
    return ERROR_NONE;
}

static bool holds_claim(struct work *work, struct str id, int64_t fence)
{
    if (fence != 0 && due_fence(work->books->due, id) == fence)
        return true;
    error_set(work->error, "the claim has lapsed: the answer is not applied");
    return false;
}

/* An empty answer is what a notification announced only if it announced an end: otherwise what it
 * announced is still to be seen, however much the answer says about the evidence of an end. */
static bool shows_what_was_announced(const struct change *change, struct str id,
                                     const struct apply_params *params, struct arena *arena)
{
    struct subscription record;

    return params->rows.count > 0 || !records_get(change->db, id, arena, &record) ||
           record_evidence(&record).notice != notice_none;
}

/* What could be read counts; for the rest AWS is asked again, as after a call that failed. */
static void settle(struct work *work, const struct apply_params *params, struct str id,
                   bool partial, bool changed)
{
    if (!db_has(work->change->db, TABLE_SUBSCRIPTIONS, id))
        partial = false;
    else if (partial)
        marks_failed(work->change, id, STR("part of AWS's answer cannot be read"), 0);
    else
        marks_applied(work->change, id, params->fence,
                      changed &&
                          shows_what_was_announced(work->change, id, params, &work->change->arena));
    change_effect(work->change, partial ? EFFECT_RELEASED : EFFECT_APPLIED, params->subscription,
                  STR_NONE, params->fence);
}

/* What is not applied yet is not on disk: a store that starts again has the claim lapsed as well.
 */
enum rpc_error on_apply_part(struct work *work)
{
    const struct apply_part_params *params = work->params;

    if (due_renew(work->books->due, params->subscription, params->fence, moment_now()))
        return parts_add(work->books->parts, work->books->due, params, work->error);
    error_set(work->error, "the claim has lapsed: the answer is not applied");
    return ERROR_CONFLICT;
}

enum rpc_error claimed_apply(struct work *work, int64_t began_at_s)
{
    /* As it is taken: by our clock, and with its earlier parts. */
    struct apply_params answer = *(const struct apply_params *)work->params;
    const struct apply_params *params = &answer;
    struct apply_result *result = work->result;
    struct change *change = work->change;
    struct subscription claimed;
    struct ids changed = {.arena = work->arena};
    bool partial = false;

    answer.began_at = began_at_s;
    if (!holds_claim(work, params->subscription, params->fence) ||
        !seller_takes(change->db, params->signed_by, work->error))
        return ERROR_CONFLICT;
    if (params->parts > 0 &&
        !parts_join(work->books->parts, work->params, work->arena, &answer.rows)) {
        error_set(work->error, "the store no longer has the parts of the answer");
        return ERROR_CONFLICT;
    }
    /* In the same group of requests it may have gone into another, which was marked with it. */
    if (!records_resolve(change->db, params->subscription, &change->arena, &claimed)) {
        error_set(work->error, "the subscription is gone");
        return ERROR_NOT_FOUND;
    }
    change->origin.cause = CAUSE_REFRESH;
    change->origin.author = params->checker;
    bool proven = seller_proves(change, params->signed_by,
                                apply_readable_rows(&params->rows) > 0 || params->product_alive);
    if (!answers_apply(work->books, change, &claimed, params, proven, &changed, &partial)) {
        error_set(work->error,
                  "it lists more entitlements of one subscription than a record holds");
        return ERROR_BAD_REQUEST;
    }
    settle(work, params, claimed.id, partial, changed.list.count > 0);
    if (changed.list.count > CHANGED_MAX)
        changed.list.count = CHANGED_MAX;
    result->changed = changed.list.count > 0;
    result->subscriptions = changed.list;
    return ERROR_NONE;
}

enum rpc_error on_apply(struct work *work)
{
    const struct apply_params *params = work->params;

    return claimed_apply(work, due_call_time_s(work->books->due, params->subscription,
                                               params->began_at, moment_now()));
}

enum rpc_error on_release(struct work *work)
{
    const struct release_params *params = work->params;
    struct change *change = work->change;

    if (!holds_claim(work, params->subscription, params->fence))
        return ERROR_CONFLICT;
    marks_failed(change, params->subscription, params->error, params->retry_after_ms);
    change_effect(change, EFFECT_RELEASED, params->subscription, STR_NONE, params->fence);
    return ERROR_NONE;
}

enum rpc_error on_due(struct work *work)
{
    const struct subscription_params *params = work->params;
    struct due_result *result = work->result;
    struct subscription record;
    struct stored_due stored;

    if (!records_resolve(work->books->db, params->subscription, work->arena, &record)) {
        error_set(work->error, "there is no such subscription");
        return ERROR_NOT_FOUND;
    }
    marks_get(work->books->db, record.id, work->arena, &stored);
    struct due_plan plan = plan_of(work->books, &record, &stored);
    int64_t at_ms = due_planned_at_ms(&plan);
    *result = (struct due_result){.reason = stored.reason,
                                  .since = stored.since,
                                  .failures = stored.failures,
                                  .last_error = stored.last_error,
                                  .claimed_by = due_claimed_by(work->books->due, record.id)};
    if (at_ms != DUE_NEVER) {
        bool by_mark = plan.mark_class != due_class_none &&
                       (plan.date_class == due_class_none || plan.mark_at_ms <= plan.date_at_ms);
        result->class = by_mark ? plan.mark_class : plan.date_class;
        result->not_before = at_ms / 1000;
    }
    return ERROR_NONE;
}
