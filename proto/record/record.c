#include "proto/record/record.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S, CLOCKS_DIFFER_S = 5 * MINUTE_S };

const struct policy policy_default = {
    .grace_s = 72 * HOUR_S,
    .settling_s = HOUR_S,
    .stale_after_s = 12 * HOUR_S,
    .hold_limit_s = 14 * DAY_S,
    .successor_wait_s = 3 * DAY_S,
    .confirm_delay_s = MINUTE_S,
    .unannounced_end_s = HOUR_S,
    .pending_limit_s = 30 * DAY_S,
};

static const struct evidence *evidence_of(const struct subscription *record)
{
    static const struct evidence none;

    return record->evidence ? record->evidence : &none;
}

struct evidence record_evidence(const struct subscription *record)
{
    return *evidence_of(record);
}

bool record_time_is_ahead(int64_t time_s, int64_t now_s)
{
    return time_s > now_s + CLOCKS_DIFFER_S;
}

bool record_is_established(const struct subscription *record)
{
    return record->entitlements.count > 0 || record->registered_at != 0 || record->tenant.len > 0;
}

int64_t record_listed_at_s(const struct subscription *record)
{
    const struct evidence *evidence = evidence_of(record);

    if (evidence->empty_at)
        return evidence->listed_at;
    return record->entitlements.count > 0 ? record->verified_at : 0;
}

/* A date explains an empty answer only if the answer came after it: what AWS stopped listing
 * earlier may as well be a call that the wrong account signed. */
static bool dates_explain(const struct subscription *record)
{
    for (size_t i = 0; i < record->entitlements.count; i++) {
        int64_t date = record->entitlements.items[i].expires_at;
        if (date == 0 || date > record->verified_at)
            return false;
    }
    return record->entitlements.count > 0;
}

bool record_is_cancelled(const struct subscription *record)
{
    enum notice notice = evidence_of(record)->notice;

    return notice != notice_none && notice != NOTICE_DEPROVISIONED;
}

bool record_end_is_certain(const struct subscription *record)
{
    const struct evidence *evidence = evidence_of(record);

    return evidence->notice != notice_none || evidence->accepted_at != 0 ||
           (!evidence->unproven && dates_explain(record));
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t record_end_delay_s(const struct subscription *record, const struct policy *policy)
{
    return record_end_is_certain(record)
               ? policy->confirm_delay_s
               : later(policy->unannounced_end_s, policy->confirm_delay_s);
}

bool record_end_is_explained(const struct subscription *record)
{
    const struct evidence *evidence = evidence_of(record);
    bool lists_others =
        evidence->product_alive_at != 0 && evidence->held_at == 0 && evidence->refused_at == 0;

    return lists_others || record_end_is_certain(record);
}

static int64_t hold_ends_s(const struct subscription *record, const struct policy *policy)
{
    const struct evidence *evidence = evidence_of(record);

    return later(evidence->empty_at, later(evidence->held_at, evidence->refused_at)) +
           policy->hold_limit_s;
}

/* Renewed and replaced agreements end too, but their customer goes on: "Purchase Agreement Ended"
 * with status RENEWED or REPLACED is no cancellation. */
static int64_t awaits_until_s(const struct subscription *record, const struct policy *policy)
{
    return evidence_of(record)->succeeded_at + policy->successor_wait_s;
}

static bool awaits_successor(const struct subscription *record, const struct policy *policy,
                             int64_t now_s)
{
    const struct evidence *evidence = evidence_of(record);

    return evidence->succeeded_at != 0 && evidence->accepted_at == 0 &&
           now_s < awaits_until_s(record, policy);
}

static int64_t undecided_until_s(const struct subscription *record, const struct policy *policy)
{
    return evidence_of(record)->undecided_at + policy->successor_wait_s;
}

/* AWS lists a licence that renews this one or another of the account: until it says which, or an
 * operator does, neither's customer is cut off. */
static bool is_undecided(const struct subscription *record, const struct policy *policy,
                         int64_t now_s)
{
    const struct evidence *evidence = evidence_of(record);

    return evidence->undecided_at != 0 && record->successor.len == 0 &&
           evidence->accepted_at == 0 && !record_is_cancelled(record) &&
           now_s < undecided_until_s(record, policy);
}

static bool goes_on(const struct subscription *record, const struct policy *policy, int64_t now_s)
{
    return awaits_successor(record, policy, now_s) || is_undecided(record, policy, now_s);
}

static bool has_ended(const struct subscription *record, const struct policy *policy, int64_t now_s)
{
    const struct evidence *evidence = evidence_of(record);
    bool was_granted = record->entitlements.count > 0;

    if (evidence->accepted_at != 0)
        return was_granted;
    if (evidence->empty_at == 0 || goes_on(record, policy, now_s))
        return false;
    if (!was_granted && evidence->notice == notice_none)
        return false;
    if (evidence->empty_again_at != 0 && record_end_is_explained(record))
        return true;
    return was_granted && now_s >= hold_ends_s(record, policy);
}

/* Since when AWS is known to have said what the record holds. An empty answer that may be meant for
 * another account says nothing about a date, nor does one of a time that has not come. */
static int64_t dates_verified_at(const struct subscription *record, int64_t now_s)
{
    const struct evidence *evidence = evidence_of(record);
    int64_t at_s = evidence->unproven ? evidence->listed_at : record->verified_at;

    return record_time_is_ahead(at_s, now_s) ? 0 : at_s;
}

static enum counting counting_by_date(const struct subscription *record, int64_t date,
                                      const struct policy *policy, int64_t now_s)
{
    if (date == 0 || now_s < date)
        return COUNTING_YES;
    /* Only a call that began after the settling time proves that the date stayed. */
    if (dates_verified_at(record, now_s) >= date + policy->settling_s)
        return COUNTING_EXPIRED;
    return now_s < date + policy->grace_s ? COUNTING_GRACE : COUNTING_UNVERIFIED;
}

enum counting record_counting(const struct subscription *record,
                              const struct entitlement *entitlement, const struct policy *policy,
                              int64_t now_s)
{
    enum counting counting = counting_by_date(record, entitlement->expires_at, policy, now_s);

    if (has_ended(record, policy, now_s))
        return COUNTING_ENDED;
    if (counting != COUNTING_YES && goes_on(record, policy, now_s))
        return COUNTING_HELD;
    if (counting == COUNTING_EXPIRED || counting == COUNTING_UNVERIFIED)
        return counting;
    return evidence_of(record)->empty_at != 0 ? COUNTING_HELD : counting;
}

enum state record_state(const struct subscription *record, const struct policy *policy,
                        int64_t now_s, bool successor_active)
{
    if (successor_active || has_ended(record, policy, now_s))
        return STATE_ENDED;
    if (record->entitlements.count == 0)
        return record->payment_failed_at != 0 ? STATE_PAYMENT_FAILED : STATE_PENDING;
    return evidence_of(record)->empty_again_at != 0 ? STATE_HELD : STATE_ACTIVE;
}

static bool is_served_as_held(const struct subscription *record, const struct policy *policy,
                              int64_t now_s)
{
    for (size_t i = 0; i < record->entitlements.count; i++) {
        if (record_counting(record, &record->entitlements.items[i], policy, now_s) == COUNTING_HELD)
            return true;
    }
    return false;
}

/* Until when an end is held that nothing explains, or only one call has found. */
static int64_t unexplained_until_s(const struct subscription *record, const struct policy *policy)
{
    int64_t date = 0;

    for (size_t i = 0; i < record->entitlements.count; i++) {
        int64_t expires_at = record->entitlements.items[i].expires_at;
        date = later(date, expires_at ? expires_at : INT64_MAX - policy->grace_s);
    }
    int64_t grace_ends = date + policy->grace_s;
    return hold_ends_s(record, policy) < grace_ends ? hold_ends_s(record, policy) : grace_ends;
}

static int64_t held_until_s(const struct subscription *record, const struct policy *policy,
                            int64_t now_s)
{
    const struct evidence *evidence = evidence_of(record);
    bool is_over = evidence->empty_at == 0 ||
                   (evidence->empty_again_at != 0 && record_end_is_explained(record));
    int64_t until_s = is_over ? 0 : unexplained_until_s(record, policy);

    if (awaits_successor(record, policy, now_s))
        until_s = later(until_s, awaits_until_s(record, policy));
    if (is_undecided(record, policy, now_s))
        until_s = later(until_s, undecided_until_s(record, policy));
    return until_s;
}

enum held_reason record_held(const struct subscription *record, const struct policy *policy,
                             int64_t now_s, int64_t *ret_until_s)
{
    const struct evidence *evidence = evidence_of(record);

    if (record_state(record, policy, now_s, false) != STATE_HELD &&
        !is_served_as_held(record, policy, now_s))
        return held_reason_none;
    *ret_until_s = held_until_s(record, policy, now_s);
    if (evidence->refused_at != 0)
        return HELD_REFUSED;
    if (awaits_successor(record, policy, now_s))
        return HELD_SUCCESSOR;
    if (is_undecided(record, policy, now_s))
        return HELD_UNDECIDED;
    if (evidence->empty_again_at == 0)
        return HELD_UNCONFIRMED;
    return evidence->held_at != 0 ? HELD_MANY : HELD_UNEXPLAINED;
}

bool record_held_for_operator(enum held_reason reason)
{
    return reason != held_reason_none && reason != HELD_SUCCESSOR && reason != HELD_UNCONFIRMED;
}

bool record_is_stale(const struct subscription *record, const struct policy *policy, int64_t now_s)
{
    return record_time_is_ahead(record->verified_at, now_s) ||
           now_s - record->verified_at > policy->stale_after_s;
}
