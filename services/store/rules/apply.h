/* How what AWS says changes one record: pure functions, no clock, no I/O, no database.
 *
 * A record is changed in place, but nothing it points to is: what is new lives in the arena, so
 * that a copy of the struct made before still shows the old version. Answers may come twice or
 * late, and announcements in any order between them: the record ends up the same. version, seq,
 * updated_at and the journal are the caller's.
 */
#ifndef SERVICES_STORE_RULES_APPLY_H
#define SERVICES_STORE_RULES_APPLY_H

#include "common/base/arena.h"
#include "proto/record/record.h"

/* GetEntitlements promises no consistency with the events: so long after an announced end a listing
 * may still be the old one, and does not refute it. */
enum { APPLY_LAG_S = 3600 };

enum applied {
    APPLIED_NOTHING,  /* older than what is known, or known: the record is as it was */
    APPLIED_VERIFIED, /* AWS said the same again: only verified_at advanced */
    APPLIED_CHANGED,
};

/* How many of the rows could be read: the others are known to be there, no more. */
size_t apply_readable_rows(const struct aws_entitlement_list *rows);

/* How an answer was asked for. */
struct asked {
    int64_t began_at_s;
    enum scope scope;
    bool product_alive; /* the product lists something for somebody, be it in this answer */
    bool proven;        /* by the seller account, as far as STS can be believed */
    int64_t now_s;
};

/* One whole answer: `rows` are those of this record's licence, and no row means that AWS listed
 * nothing for it. */
enum applied apply_answer(struct subscription *record, const struct aws_entitlement_list *rows,
                          const struct asked *asked, const struct policy *policy,
                          struct arena *arena);

/* An answer of which some row cannot be read that is this record's, or may be: the readable ones
 * count, and what they do not speak of stays as it was. Unknown is not absent. It verifies nothing.
 */
enum applied apply_partial(struct subscription *record, const struct aws_entitlement_list *rows,
                           const struct asked *asked, struct arena *arena);

/* An end was announced at the event's own time. False: known, or refuted since. */
bool apply_notice(struct subscription *record, enum notice notice, int64_t at_s, int64_t now_s,
                  struct arena *arena);
/* SNS announced a purchase at the message's own time: what ended before is an earlier one, once AWS
 * has listed something since. False: known. */
bool apply_subscribed(struct subscription *record, int64_t at_s, int64_t now_s,
                      struct arena *arena);
/* Since then at the latest it is not known whether a new licence renews it or another; 0: it is
 * known. */
bool apply_undecided(struct subscription *record, int64_t at_s, struct arena *arena);
/* The agreement ended because it was renewed or replaced. False: known. */
bool apply_succeeded(struct subscription *record, int64_t at_s, struct arena *arena);
/* What it was renewed as has ended too. False: nothing was awaited. */
bool apply_not_awaited(struct subscription *record, struct arena *arena);
/* Its end is one of too many at once; and what an operator says of a held one. */
bool apply_held(struct subscription *record, int64_t at_s, struct arena *arena);
bool apply_decision(struct subscription *record, enum held_decision decision, int64_t at_s,
                    struct arena *arena);
/* subscribe-fail, and subscribe-success after it. False: known, or something is granted. */
bool apply_payment_failed(struct subscription *record, int64_t at_s);
bool apply_payment_succeeded(struct subscription *record, int64_t at_s);

#endif
