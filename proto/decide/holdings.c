/* What a customer has of a product, record by record. */
#include "proto/decide/decide.h"

#include <stdlib.h>

#include "proto/decide/internal.h"

static int compare_ids(const void *a, const void *b)
{
    const struct subscription *const *x = a, *const *y = b;

    return str_compare((*x)->id, (*y)->id);
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

/* Those of the product behind an id, sorted. */
static size_t sorted(const struct decide_facts *facts, struct str product, struct str after,
                     struct arena *arena, const struct subscription ***ret)
{
    size_t count = 0;

    *ret = arena_alloc_array(arena, facts->subscription_count, sizeof((*ret)[0]));
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *record = facts->subscriptions[i];
        if ((product.len == 0 || str_eq(product, record->product_code)) &&
            str_compare(record->id, after) > 0)
            (*ret)[count++] = record;
    }
    if (count > 1)
        qsort(*ret, count, sizeof((*ret)[0]), compare_ids);
    return count;
}

void decide_holdings_after(const struct decide_facts *facts, struct str product, struct str after,
                           size_t most, const struct policy *policy, int64_t now_s,
                           struct arena *arena, struct holding_list *ret_holdings,
                           struct str *ret_next)
{
    const struct subscription **records;
    size_t all = sorted(facts, product, after, arena, &records);
    size_t count = all < most ? all : most;
    struct lineage lineage;

    lineage_init(&lineage, facts, policy, now_s, arena);
    ret_holdings->items = arena_alloc_array(arena, count, sizeof(struct holding));
    ret_holdings->count = count;
    for (size_t i = 0; i < count; i++)
        hold(records[i], &lineage, &ret_holdings->items[i]);
    *ret_next = count < all ? records[count - 1]->id : STR_NONE;
}

void decide_holdings(const struct decide_facts *facts, struct str product,
                     const struct policy *policy, int64_t now_s, struct arena *arena,
                     struct holding_list *ret_holdings)
{
    struct str none;

    decide_holdings_after(facts, product, STR_NONE, SIZE_MAX, policy, now_s, arena, ret_holdings,
                          &none);
}
