#include "services/store/rules/succession.h"

#include "services/store/rules/agreements.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/marks.h"

/* AWS may list a renewal before what it renews goes: one that was there for longer while the other
 * still was listed is another purchase. So is one that came when no renewal is awaited any more. */
static bool came_in_time(const struct subscription *predecessor,
                         const struct subscription *successor, const struct policy *policy,
                         int64_t now_s)
{
    enum { BESIDE_S = 24 * 3600 };
    struct evidence evidence = record_evidence(predecessor);
    int64_t listed_at = record_listed_at_s(predecessor);
    int64_t gone_at = evidence.empty_at;

    if (evidence.succeeded_at > gone_at)
        gone_at = evidence.succeeded_at;
    if (gone_at != 0 && !record_time_is_ahead(gone_at, now_s) &&
        successor->created_at > gone_at + policy->successor_wait_s)
        return false;
    return successor->created_at + BESIDE_S >= listed_at || record_time_is_ahead(listed_at, now_s);
}

enum heir succession_heir(struct change *change, const struct policy *policy,
                          const struct subscription *predecessor,
                          const struct subscription *successor)
{
    if (successor->license_key.len == 0 || successor->predecessor.len > 0 ||
        successor->created_at < predecessor->created_at ||
        !came_in_time(predecessor, successor, policy, change_now_s(change)) ||
        identity_tenants_differ(predecessor, successor) ||
        agreements_tell(change, predecessor, successor) == TOLD_OTHERWISE)
        return HEIR_NONE;
    if (successor->tenant.len > 0)
        return predecessor->tenant.len > 0 ? HEIR_SAME : HEIR_NONE;
    if (successor->registered_at != 0)
        return predecessor->tenant.len > 0 ? HEIR_OPEN : HEIR_NONE;
    return HEIR_POSSIBLE;
}

/* A buyer who registers a licence that was not announced as a renewal has bought it, unless the
 * vendor knows both as one tenant's. What an identifier named before listings had licences is
 * registered again by the same customer. */
static bool is_of_another(const struct subscription *predecessor,
                          const struct subscription *successor)
{
    if (identity_tenants_differ(predecessor, successor))
        return true;
    if (predecessor->license_key.len == 0)
        return false;
    return successor->tenant.len > 0 ? predecessor->tenant.len == 0 : successor->registered_at != 0;
}

static bool is_listed_since(const struct subscription *record, int64_t at_s)
{
    return record_evidence(record).empty_at == 0 && record_listed_at_s(record) >= at_s;
}

static bool stands(struct change *change, const struct subscription *predecessor,
                   const struct subscription *successor)
{
    struct evidence evidence = record_evidence(predecessor);

    switch (agreements_tell(change, predecessor, successor)) {
    case TOLD_BOTH:
        return true;
    case TOLD_OTHERWISE:
        return false;
    case TOLD_ENDS:
        return !identity_tenants_differ(predecessor, successor) &&
               !is_listed_since(predecessor, evidence.succeeded_at + APPLY_LAG_S);
    case TOLD_NOTHING:
        break;
    }
    return evidence.empty_at != 0 && !record_is_cancelled(predecessor) &&
           !is_of_another(predecessor, successor);
}

static void part(struct books *books, struct change *change, const struct subscription *predecessor,
                 const struct subscription *successor)
{
    struct subscription before = *predecessor, after = *predecessor, alone = *successor;
    bool is_gone = record_evidence(&before).empty_at != 0;

    after.successor = alone.predecessor = STR_NONE;
    if (is_gone && !record_is_cancelled(&after) &&
        succession_heir(change, &books->policy, &after, &alone) == HEIR_OPEN)
        apply_undecided(&after, change_now_s(change), &change->arena);
    records_update(change, &before, &after);
    records_update(change, successor, &alone);
    if (is_gone)
        marks_mark(change, books->due, after.id, DUE_EXPIRY,
                   STR("the inferred renewal was undone"));
}

/* What renewed it is over: nothing is awaited any more. */
static void stop_waiting(struct books *books, struct change *change,
                         const struct subscription *predecessor,
                         const struct subscription *successor)
{
    struct subscription after = *predecessor;

    if (record_state(successor, &books->policy, change_now_s(change), false) == STATE_ENDED &&
        apply_not_awaited(&after, &change->arena))
        records_update(change, predecessor, &after);
}

static void settle(struct books *books, struct change *change, struct str predecessor_id,
                   struct str successor_id)
{
    struct subscription predecessor, successor;

    if (!records_get(change->db, predecessor_id, &change->arena, &predecessor) ||
        !records_get(change->db, successor_id, &change->arena, &successor) ||
        !str_eq(predecessor.successor, successor.id) ||
        !str_eq(successor.predecessor, predecessor.id))
        return;
    if (stands(change, &predecessor, &successor))
        stop_waiting(books, change, &predecessor, &successor);
    else
        part(books, change, &predecessor, &successor);
}

void succession_settle(struct books *books, struct change *change)
{
    struct origin origin = change->origin;

    change->origin = (struct origin){.cause = CAUSE_STORE};
    /* What is parted here is written, and so stands behind the others. */
    for (const struct touched *one = change->subscriptions.first; one; one = one->next) {
        const struct subscription *record = one->record;
        if (!record)
            continue;
        struct str id = record->id, successor = record->successor,
                   predecessor = record->predecessor;
        settle(books, change, id, successor);
        settle(books, change, predecessor, id);
    }
    change->origin = origin;
}
