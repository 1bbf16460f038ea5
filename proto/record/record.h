/* What a record means: pure functions of record, policy and time. No clock, no I/O.
 *
 * The rules and their reasons stand in docs/architecture.md, "What AWS says is applied with care".
 */
#ifndef PROTO_RECORD_RECORD_H
#define PROTO_RECORD_RECORD_H

#include "common/base/buf.h"
#include "proto/message.h"

/* Spans of the suite's settings ([entitled] section), in seconds. */
struct policy {
    int64_t grace_s;           /* past its date while AWS cannot be asked: 72 h */
    int64_t settling_s;        /* past its date although AWS answers: 1 h */
    int64_t stale_after_s;     /* older answers are marked stale: 12 h */
    int64_t hold_limit_s;      /* an end without evidence is held no longer than this: 14 d */
    int64_t successor_wait_s;  /* served so long while a successor is announced, not active: 3 d */
    int64_t confirm_delay_s;   /* between the two calls that find nothing: 60 s */
    int64_t unannounced_end_s; /* over which they find it where nothing else speaks for it: 1 h */
    int64_t pending_limit_s;   /* what never had an entitlement is asked about so long: 30 d */
};

extern const struct policy policy_default;

/* As `describe` tells it. */
struct decision_policy policy_to_message(const struct policy *policy);
struct policy policy_of_message(const struct decision_policy *message);

/* GetEntitlements API reference: ExpirationDate is "the minimum date through which this entitlement
 * is valid": reaching it is a reason to ask again. */
enum counting record_counting(const struct subscription *record,
                              const struct entitlement *entitlement, const struct policy *policy,
                              int64_t now_s);
/* `successor_active`: whether the record's successor exists and is active now. */
enum state record_state(const struct subscription *record, const struct policy *policy,
                        int64_t now_s, bool successor_active);

/* The evidence of an end, all zero if there is none. */
struct evidence record_evidence(const struct subscription *record);
/* Whether something explains that AWS lists nothing: a notice, the dates, an operator's word, or
 * that the product lists others, unless too many ended at once. What nothing explains is held. */
bool record_end_is_explained(const struct subscription *record);
/* Whether a clock stamped it that was ahead of this one: it happened, but the time is not known.
 * Clocks of hosts may differ by a few minutes. */
bool record_time_is_ahead(int64_t time_s, int64_t now_s);
/* Whether something about this subscription itself explains it: that others are listed may as well
 * be an answer meant for another account. */
bool record_end_is_certain(const struct subscription *record);
/* How long after the first call that listed nothing a last one must have begun, so that the end is
 * confirmed: longer where neither an announcement, nor a date, nor an operator speaks for it, for
 * AWS may have forgotten one customer for a while. */
int64_t record_end_delay_s(const struct subscription *record, const struct policy *policy);
/* Whether AWS announced an end of its agreement that is no renewal: a licence alone is
 * deprovisioned by both. */
bool record_is_cancelled(const struct subscription *record);
/* Why its end is held; none: it is not. *ret_until_s: served no longer than that. Whatever counts
 * as held has a reason here, as long as no successor of it is active. */
enum held_reason record_held(const struct subscription *record, const struct policy *policy,
                             int64_t now_s, int64_t *ret_until_s);
/* Whether it stays so until an operator decides, or its limit: what AWS will confirm or list within
 * minutes settles by itself. */
bool record_held_for_operator(enum held_reason reason);
/* Whether AWS listed something for it, or its customer registered or was linked. Of anything else
 * only an announcement is known, which may name the wrong product. */
bool record_is_established(const struct subscription *record);
/* When the last call began that listed something; 0: none did. */
int64_t record_listed_at_s(const struct subscription *record);
bool record_is_stale(const struct subscription *record, const struct policy *policy, int64_t now_s);

/* When AWS should be asked about it next by date alone (expiry, settling, end evidence, pending
 * schedule); 0: no date. It may lie in the past: overdue. The class tells why. */
int64_t record_next_due_s(const struct subscription *record, const struct policy *policy,
                          int64_t now_s, enum due_class *ret_class);

/* What tells of which subscription a row of GetEntitlements is: the licence, else the customer
 * identifier (legacy listings, whatever accounts its rows name), else the account. scope_none: it
 * names nothing. */
struct owner {
    enum scope by;
    struct str key; /* of a licence: its license_key() */
};

struct owner record_owner(struct str license_key, struct str customer_identifier,
                          struct str account_id);
struct owner record_row_owner(const struct aws_entitlement *row);
/* Orders owners: rows in their order stand together by subscription. 0: the same. */
int record_compare_owners(struct owner a, struct owner b);

/* The trailing l-... of a licence in any spelling (arn:aws:license-manager::ACCOUNT:license:l-...,
 * aws:license-manager:REGION:ACCOUNT:l-..., a bare l-...); empty if there is none. */
struct str license_key(struct str license);
/* The text under which a handle is indexed: its license_key, else itself. */
struct str handle_key(struct str handle);
/* The record's own id or one of its aliases. */
bool record_has_id(const struct subscription *record, struct str id);

/* True when the handle names this record in any of its spellings. */
bool record_has_handle(const struct subscription *record, struct str handle);

/* One line for the journal: what differs between two versions of a record; before may be NULL.
 * Appends nothing if only version, seq, verified_at or updated_at differ. */
void record_describe_change(const struct subscription *before, const struct subscription *after,
                            struct buf *out);
/* A value as such a line has it. */
void record_describe_value(struct value value, struct buf *out);

#endif
