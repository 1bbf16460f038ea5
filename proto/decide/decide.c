#include "proto/decide/decide.h"

#include <math.h>

#include "proto/decide/internal.h"

static enum rpc_error check_question(const struct decide_question *question, struct error *error)
{
    if (question->handle.len == 0)
        error_set(error, "the handle is empty");
    else if (question->dimension.len == 0)
        error_set(error, "the dimension is empty");
    else if (!isfinite(question->quantity) || question->quantity < 0)
        error_set(error, "the quantity must be a finite number that is not negative");
    else if (question->max_age_ms < 0)
        error_set(error, "max_age_ms must not be negative");
    else
        return ERROR_NONE;
    return ERROR_BAD_REQUEST;
}

static void answer_by_override(const struct override *override, double quantity,
                               struct answer *answer)
{
    answer->reason = REASON_OVERRIDE;
    answer->expires_at = override->expires_at;
    answer->allow = override->action == OVERRIDE_ALLOW;
    if (override->action == OVERRIDE_VALUE) {
        answer->granted = override->value;
        answer->allow = decide_covers(&override->value, quantity);
    }
}

/* Both times are cut to whole seconds, so that the age may be almost a second more than it looks:
 * nobody who asks for an age gets data that is older. */
static bool is_older(int64_t age_s, int64_t max_age_ms)
{
    enum { MS = 1000 };

    return max_age_ms > 0 && age_s >= max_age_ms / MS;
}

static void set_age(struct answer *answer, int64_t verified_at,
                    const struct decide_question *question, const struct policy *policy,
                    int64_t now_s)
{
    int64_t age_s = now_s - verified_at;

    answer->verified_at = verified_at;
    answer->stale = record_time_is_ahead(verified_at, now_s) || age_s > policy->stale_after_s ||
                    is_older(age_s, question->max_age_ms);
}

/* A refusal is as old as the oldest record it rests on. */
static void refuse(struct answer *answer, enum reason reason, const struct selection *records,
                   const struct decide_question *question, const struct policy *policy,
                   int64_t now_s)
{
    int64_t oldest = records->items[0]->verified_at;

    for (size_t i = 1; i < records->count; i++) {
        if (records->items[i]->verified_at < oldest)
            oldest = records->items[i]->verified_at;
    }
    answer->reason = reason;
    if (records->count == 1)
        answer->subscription = records->items[0]->id;
    set_age(answer, oldest, question, policy, now_s);
}

/* What an answer rests on: dates, age and subscriptions of all that counted. */
static int64_t describe_counted(struct answer *answer, const struct tally *tally)
{
    int64_t oldest = tally->items[0].record->verified_at;

    for (size_t i = 0; i < tally->count; i++) {
        const struct counted *item = &tally->items[i];
        int64_t date = item->entitlement->expires_at;
        if (date != 0 && (answer->expires_at == 0 || date < answer->expires_at))
            answer->expires_at = date;
        if (item->record->verified_at < oldest)
            oldest = item->record->verified_at;
    }
    answer->subscription = tally->subscriptions == 1 ? tally->items[0].record->id : STR_NONE;
    answer->combined = tally->subscriptions > 1 ? tally->subscriptions : 0;
    return oldest;
}

static enum reason why_nothing_counts(const struct tally *tally)
{
    if (tally->unknown_kind)
        return REASON_BAD_DATA;
    if (tally->unverified)
        return REASON_UNVERIFIED;
    if (tally->expired)
        return REASON_EXPIRED;
    return tally->pending ? REASON_PENDING : REASON_NOT_ENTITLED;
}

/* Whether what counts at least as well as `worst` is enough. */
static bool suffices(const struct tally *tally, enum counting worst, const struct value *granted,
                     double quantity, struct arena *arena)
{
    struct value part;

    if (tally->worst <= worst)
        return decide_covers(granted, quantity);
    decide_total(tally, worst, arena, &part);
    return decide_covers(&part, quantity);
}

/* The best grade of counting that is enough, else why not. */
static enum reason weigh(const struct tally *tally, const struct value *granted, double quantity,
                         struct arena *arena)
{
    if (tally->count == 0)
        return why_nothing_counts(tally);
    if (tally->mixed)
        return REASON_BAD_DATA;
    if (suffices(tally, COUNTING_YES, granted, quantity, arena))
        return REASON_ENTITLED;
    if (suffices(tally, COUNTING_GRACE, granted, quantity, arena))
        return REASON_GRACE;
    if (suffices(tally, COUNTING_HELD, granted, quantity, arena))
        return REASON_HELD;
    return granted->kind == VALUE_BOOLEAN ? why_nothing_counts(tally)
                                          : REASON_INSUFFICIENT_QUANTITY;
}

static bool allows(enum reason reason)
{
    return reason == REASON_ENTITLED || reason == REASON_GRACE || reason == REASON_HELD;
}

static void answer_by_entitlements(const struct selection *records,
                                   const struct decide_question *question,
                                   const struct policy *policy, int64_t now_s, struct arena *arena,
                                   struct answer *answer)
{
    struct tally tally;

    decide_tally(records, question->dimension, policy, now_s, arena, &tally);
    decide_total(&tally, COUNTING_HELD, arena, &answer->granted);
    enum reason reason = weigh(&tally, &answer->granted, question->quantity, arena);

    refuse(answer, reason, records, question, policy, now_s);
    if (tally.count == 0 || tally.mixed)
        return;
    int64_t oldest = describe_counted(answer, &tally);
    if (allows(reason)) {
        answer->allow = true;
        set_age(answer, oldest, question, policy, now_s);
    }
}

bool decide_plain(const struct decide_question *question, const struct decide_plain_fact *fact,
                  const struct policy *policy, int64_t now_s, struct answer *ret_answer)
{
    bool is_before_date = fact->expires_at == 0 || now_s < fact->expires_at;
    bool is_simple = fact->value.kind == VALUE_INTEGER || fact->value.kind == VALUE_BOOLEAN;
    struct error error;

    if (!is_before_date || !is_simple || check_question(question, &error) != ERROR_NONE ||
        !decide_covers(&fact->value, question->quantity))
        return false;
    *ret_answer = (struct answer){
        .allow = true,
        .reason = REASON_ENTITLED,
        .granted = fact->value,
        .expires_at = fact->expires_at,
        .subscription = fact->subscription,
    };
    set_age(ret_answer, fact->verified_at, question, policy, now_s);
    return true;
}

enum rpc_error decide(const struct decide_question *question, const struct decide_facts *facts,
                      const struct policy *policy, int64_t now_s, struct arena *arena,
                      struct answer *ret_answer, struct error *error)
{
    static const struct selection none;
    struct lineage lineage;
    struct selection found, going;

    *ret_answer = (struct answer){0};
    if (check_question(question, error) != ERROR_NONE)
        return ERROR_BAD_REQUEST;

    lineage_init(&lineage, facts, policy, now_s, arena);
    decide_select(question, &lineage, &found);
    bool several = decide_has_several_products(&found);
    const struct override *override =
        decide_override(question, facts, several ? &none : &found, now_s, arena);
    if (override) {
        answer_by_override(override, question->quantity, ret_answer);
        return ERROR_NONE;
    }
    if (several)
        return decide_refuse_several_products(&found, arena, error);
    if (found.count == 0) {
        ret_answer->reason = REASON_NOT_SUBSCRIBED;
        return ERROR_NONE;
    }
    decide_leave_out_ended(&found, &lineage, &going);
    if (going.count == 0)
        refuse(ret_answer, REASON_ENDED, &found, question, policy, now_s);
    else
        answer_by_entitlements(&going, question, policy, now_s, arena, ret_answer);
    return ERROR_NONE;
}
