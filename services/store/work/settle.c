#include "services/store/work/settle.h"

#include "services/store/tables/incarnation.h"
#include "services/store/work/catch_up.h"
#include "services/store/work/plan.h"

void settle_commit(struct books *books, struct change *change)
{
    if (change->entries > 0)
        books->seq = change->seq;
    for (const struct verified_record *one = change->verified; one; one = one->next)
        verified_add(books->verified, change->seq, one->id);
    db_forgive(books->db);
    for (const struct touched *one = change->subscriptions.first; one; one = one->next)
        plan_touched(books, one);
    if (change->restated)
        incarnation_read(books->db, books->incarnation);
    catch_up_settle(books, change);
    for (const struct effect *effect = change->effects; effect; effect = effect->next) {
        if (effect->kind == EFFECT_APPLIED || effect->kind == EFFECT_RELEASED)
            due_end(books->due, effect->id, effect->fence);
    }
}
