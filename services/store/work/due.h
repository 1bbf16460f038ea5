/* Which subscription AWS must be asked about, and who is asking now.
 *
 * Plans come from the database (marks, failures, dates) and are given anew after every commit that
 * touches them; claims, leases and fencing numbers live in memory only, so that after a restart
 * everything unfinished is simply due again. Tickets of marks and fencing numbers of claims are
 * drawn from one counter that starts above all earlier ones at every start: a claim satisfies
 * exactly the marks with smaller numbers, and of two claims the later has the larger.
 */
#ifndef SERVICES_STORE_WORK_DUE_H
#define SERVICES_STORE_WORK_DUE_H

#include "proto/message.h"

struct due;

/* The two clocks at one moment: plans follow the wall clock, leases the monotonic one. */
struct moment {
    int64_t wall_ms;
    int64_t mono_ms;
};

struct moment moment_now(void);

#define DUE_NEVER INT64_MAX

struct due_plan {
    enum due_class mark_class; /* none: not marked */
    int64_t mark_at_ms;        /* the mark counts from then on */
    enum due_class date_class; /* none: no date */
    int64_t date_at_ms;        /* a date makes it due by itself */
    int64_t retry_at_ms;       /* neither before this, after failures */
};

struct due_claim {
    struct str id; /* lives until the claim ends or the subscription is forgotten */
    int64_t fence;
    enum due_class class;
    bool lapsed; /* an earlier claim of it did: its checker may have died of it */
};

struct due_counts {
    size_t planned, ready, claimed;
    uint64_t claims, lapses;
};

/* When it makes the subscription due; DUE_NEVER: not by itself. */
int64_t due_planned_at_ms(const struct due_plan *plan);

/* boot: grows with every start of the store. */
struct due *due_new(uint32_t boot, int64_t lease_ms);
void due_free(struct due *due); /* takes NULL */

int64_t due_ticket(struct due *due);
void due_plan(struct due *due, struct str id, const struct due_plan *plan);
void due_forget(struct due *due, struct str id);

/* What has come by now is ready; leases that ran out lapse, and their work is ready again after a
 * widening moment, so that one that kills its checker does not kill them all at once. */
void due_advance(struct due *due, struct moment now);
/* How long nothing changes by itself; at most a second, since the wall clock may jump. */
int64_t due_sleep_ms(const struct due *due, struct moment now);

bool due_is_ready(const struct due *due, enum due_class class);
/* The id of the one that due_take() would claim; empty if there is none, or if a claim of it
 * lapsed: such a one is asked about alone. */
struct str due_next_shareable(const struct due *due, enum due_class class);
/* Claims it; false if there is none. */
bool due_take(struct due *due, enum due_class class, struct str checker, struct moment now,
              struct due_claim *ret_claim);
/* The fencing number of the claim that is on, 0 if none. */
int64_t due_fence(const struct due *due, struct str id);
/* When a call under the claim that is on began, by our clock, if the claim's holder states a time:
 * not before the claim, and not after now. */
int64_t due_call_time_s(const struct due *due, struct str id, int64_t stated_s, struct moment now);
struct str due_claimed_by(const struct due *due, struct str id);
/* Its lease begins anew, if that claim is still on; else false. */
bool due_renew(struct due *due, struct str id, int64_t fence, struct moment now);
/* Ends that claim, if it is still on; the plan counts again. */
void due_end(struct due *due, struct str id, int64_t fence);

struct due_counts due_counts(const struct due *due);

#endif
