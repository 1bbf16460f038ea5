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
    int64_t grace_s;       /* past its date while AWS cannot be asked: 72 h */
    int64_t settling_s;    /* past its date although AWS answers: 1 h */
    int64_t stale_after_s; /* older answers are marked stale */
    int64_t hold_limit_s;  /* an end without evidence is held no longer than this */
    int64_t
        successor_wait_s; /* a renewed or replaced subscription waits so long for its successor */
    int64_t confirm_delay_s; /* between the two calls that find nothing: 60 s */
};

extern const struct policy policy_default;

/* GetEntitlements API reference: ExpirationDate is "the minimum date through which this entitlement
 * is valid": reaching it is a reason to ask again. */
enum counting record_counting(const struct subscription *record,
                              const struct entitlement *entitlement, const struct policy *policy,
                              int64_t now_s);
/* `successor_active`: whether the record's successor exists and is active now. */
enum state record_state(const struct subscription *record, const struct policy *policy,
                        int64_t now_s, bool successor_active);
bool record_is_stale(const struct subscription *record, const struct policy *policy, int64_t now_s);

/* When AWS should be asked about it next by date alone (expiry, settling, end evidence, pending
 * schedule); 0: no date. class tells why. */
int64_t record_next_due_s(const struct subscription *record, const struct policy *policy,
                          int64_t now_s, enum due_class *ret_class);

/* The trailing l-... of a licence in any spelling (arn:aws:license-manager::ACCOUNT:license:l-...,
 * aws:license-manager:REGION:ACCOUNT:l-..., a bare l-...); empty if there is none. */
struct str license_key(struct str license);

/* True when the handle names this record in any of its spellings. */
bool record_has_handle(const struct subscription *record, struct str handle);

/* One line for the journal: what differs between two versions of a record; before may be NULL. */
void record_describe_change(const struct subscription *before, const struct subscription *after,
                            struct buf *out);

#endif
