/* When AWS is to be asked about a record by date alone. Pure in record, policy and now; what was
 * marked due by somebody, and waits after failures, are the store's. */
#include "proto/record/record.h"

enum {
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    PENDING_FIRST_S = 5,
    PENDING_DAILY_AFTER_S = 3 * DAY_S,
    SETTLING_FIRST_S = 10,
    ENDED_FIRST_S = 5 * MINUTE_S,
    HELD_EVERY_S = HOUR_S,
    UNSETTLED_EVERY_S = 15 * MINUTE_S,
    LATE_RENEWAL_S = 30 * DAY_S,
};

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0 is no time. */
static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return at_most(a, b);
}

/* What was just bought may take minutes to be listed, a future-dated agreement months: steps grow
 * with the age. A payment that failed is asked about alike, for the buyer may have repaired it. */
static int64_t next_while_pending(const struct subscription *record, const struct policy *policy,
                                  int64_t now_s)
{
    int64_t begin = at_least(record->registered_at, record->created_at);
    int64_t age = record_time_is_ahead(begin, now_s) ? DAY_S : record->verified_at - begin;

    if (begin != 0 && now_s >= begin + policy->pending_limit_s)
        return 0;
    if (record->verified_at == 0)
        return begin ? begin : now_s;
    if (age >= PENDING_DAILY_AFTER_S)
        return record->verified_at + DAY_S;
    return record->verified_at + at_most(at_least(age / 4, PENDING_FIRST_S), HOUR_S);
}

/* GetEntitlements API reference: ExpirationDate is "the minimum date through which this entitlement
 * is valid". So AWS is asked when it comes; while the same date is repeated again, at widening
 * steps of which one falls on the end of the settling time; and still afterwards, for a late
 * renewal. */
static int64_t next_for_date(const struct subscription *record, int64_t date,
                             const struct policy *policy)
{
    int64_t asked_after = record->verified_at - date;
    int64_t settled = date + policy->settling_s;

    if (asked_after < 0)
        return date;
    int64_t next = record->verified_at + at_least(asked_after / 2, SETTLING_FIRST_S);
    if (record->verified_at < settled)
        return at_most(at_most(next, record->verified_at + UNSETTLED_EVERY_S), settled);
    if (asked_after >= LATE_RENEWAL_S)
        return 0;
    return at_most(next, record->verified_at + DAY_S);
}

static int64_t next_by_dates(const struct subscription *record, const struct policy *policy)
{
    int64_t next = 0;

    for (size_t i = 0; i < record->entitlements.count; i++) {
        int64_t date = record->entitlements.items[i].expires_at;
        if (date != 0)
            next = earlier(next, next_for_date(record, date, policy));
    }
    return next;
}

/* AWS's own word, unlike a date, says the same whatever the clock. */
static bool ended_by_word(const struct evidence *evidence)
{
    return evidence->notice != notice_none || evidence->product_alive_at != 0;
}

/* At widening steps, of which the last falls on the moment that can confirm it. */
static int64_t next_before_end(const struct subscription *record, const struct evidence *evidence,
                               const struct policy *policy)
{
    int64_t asked_at = at_least(evidence->empty_at, record->verified_at);
    int64_t step = at_least(asked_at - evidence->empty_at, policy->confirm_delay_s);
    int64_t confirmed_at = evidence->empty_at + record_end_delay_s(record, policy);

    return asked_at < confirmed_at ? at_most(asked_at + step, confirmed_at)
                                   : asked_at + policy->confirm_delay_s;
}

/* An end without AWS's word may be taken back, and the licence of a renewal may come late: AWS is
 * asked for another day, after which the sweeps see what it lists. */
static int64_t next_after_end(const struct subscription *record, const struct evidence *evidence)
{
    int64_t ended_at = evidence->empty_again_at;
    int64_t age = record->verified_at - ended_at;

    if (ended_at == 0 || record_is_cancelled(record) || evidence->accepted_at != 0 || age >= DAY_S)
        return 0;
    return record->verified_at + at_least(age, ENDED_FIRST_S);
}

int64_t record_next_due_s(const struct subscription *record, const struct policy *policy,
                          int64_t now_s, enum due_class *ret_class)
{
    struct evidence evidence = record_evidence(record);
    bool was_granted = record->entitlements.count > 0;

    *ret_class = was_granted ? DUE_EXPIRY : DUE_PENDING;
    bool ended = record_state(record, policy, now_s, false) == STATE_ENDED;
    if (record_time_is_ahead(record->verified_at, now_s) && !(ended && ended_by_word(&evidence)))
        return now_s;
    if (ended) {
        *ret_class = DUE_EXPIRY;
        return next_after_end(record, &evidence);
    }
    if (evidence.empty_at != 0 && evidence.empty_again_at == 0 &&
        (was_granted || evidence.notice != notice_none)) {
        *ret_class = DUE_EXPIRY;
        return next_before_end(record, &evidence, policy);
    }
    if (!was_granted)
        return next_while_pending(record, policy, now_s);
    if (evidence.empty_again_at != 0)
        return earlier(record->verified_at + HELD_EVERY_S, next_by_dates(record, policy));
    return next_by_dates(record, policy);
}
