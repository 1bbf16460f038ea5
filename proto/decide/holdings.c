#include "proto/decide/decide.h"

#include <stdlib.h>

#include "proto/decide/internal.h"

static int compare_holdings(const void *a, const void *b)
{
    const struct holding *x = a, *y = b;

    return str_compare(x->subscription->id, y->subscription->id);
}

static void hold(const struct subscription *record, struct lineage *lineage, struct holding *ret)
{
    const struct policy *policy = lineage->policy;
    struct arena *arena = lineage->arena;
    int64_t now_s = lineage->now_s;
    size_t count = record->entitlements.count;

    ret->subscription = arena_alloc(arena, sizeof(*ret->subscription));
    *ret->subscription = *record;
    ret->state = lineage_state(lineage, record);
    ret->stale = record_is_stale(record, policy, now_s);
    ret->entitlements.items = arena_alloc_array(arena, count, sizeof(struct held_entitlement));
    ret->entitlements.count = count;
    for (size_t i = 0; i < count; i++) {
        const struct entitlement *item = &record->entitlements.items[i];
        ret->entitlements.items[i] = (struct held_entitlement){
            .dimension = item->dimension,
            .value = item->value,
            .expires_at = item->expires_at,
            .counts = ret->state == STATE_ENDED ? COUNTING_ENDED
                                                : record_counting(record, item, policy, now_s),
        };
    }
}

void decide_holdings(const struct decide_facts *facts, struct str product,
                     const struct policy *policy, int64_t now_s, struct arena *arena,
                     struct holding_list *ret_holdings)
{
    struct lineage lineage;
    size_t count = 0;

    lineage_init(&lineage, facts, policy, now_s, arena);
    ret_holdings->items =
        arena_alloc_array(arena, facts->subscription_count, sizeof(struct holding));
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *record = facts->subscriptions[i];
        if (product.len == 0 || str_eq(product, record->product_code))
            hold(record, &lineage, &ret_holdings->items[count++]);
    }
    ret_holdings->count = count;
    if (count > 1)
        qsort(ret_holdings->items, count, sizeof(struct holding), compare_holdings);
}
