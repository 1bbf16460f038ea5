#include "proto/decide/internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

enum { PRODUCTS_SHOWN = 8 };

static bool has_license(const struct subscription *record, struct str license)
{
    struct str key = license_key(license);

    return key.len > 0 ? str_eq(key, record->license_key) : str_eq(license, record->license_arn);
}

static bool is_asked_about(const struct subscription *record,
                           const struct decide_question *question)
{
    if (question->product.len > 0 && !str_eq(question->product, record->product_code))
        return false;
    return question->license.len == 0 || has_license(record, question->license);
}

static bool is_selected(const struct selection *selection, const struct subscription *record)
{
    for (size_t i = 0; i < selection->count; i++) {
        if (selection->items[i] == record)
            return true;
    }
    return false;
}

static const struct subscription *successor_of(const struct subscription *record,
                                               const struct decide_facts *facts)
{
    if (record->successor.len == 0)
        return NULL;
    for (size_t i = 0; i < facts->subscription_count; i++) {
        const struct subscription *other = facts->subscriptions[i];
        if (other != record && record_has_id(other, record->successor) &&
            str_eq(other->product_code, record->product_code))
            return other;
    }
    return NULL;
}

void decide_select(const struct decide_question *question, const struct decide_facts *facts,
                   struct arena *arena, struct selection *ret)
{
    const struct subscription **items;

    *ret = (struct selection){facts->subscriptions, facts->subscription_count};
    if (question->product.len == 0 && question->license.len == 0)
        return;
    ret->items = items = arena_alloc_array(arena, ret->count, sizeof(items[0]));
    ret->count = 0;
    for (size_t i = 0; i < facts->subscription_count; i++) {
        if (is_asked_about(facts->subscriptions[i], question))
            items[ret->count++] = facts->subscriptions[i];
    }
    if (question->license.len == 0)
        return;
    for (size_t i = 0; i < ret->count; i++) {
        const struct subscription *successor = successor_of(items[i], facts);
        if (successor && !is_selected(ret, successor))
            items[ret->count++] = successor;
    }
}

bool decide_has_several_products(const struct selection *selection)
{
    for (size_t i = 1; i < selection->count; i++) {
        if (!str_eq(selection->items[i]->product_code, selection->items[0]->product_code))
            return true;
    }
    return false;
}

static int compare_products(const void *a, const void *b)
{
    const struct subscription *const *x = a, *const *y = b;

    return str_compare((*x)->product_code, (*y)->product_code);
}

enum rpc_error decide_refuse_several_products(const struct selection *selection,
                                              struct arena *arena, struct error *error)
{
    const struct subscription **sorted =
        arena_alloc_array(arena, selection->count, sizeof(sorted[0]));
    struct buf names = BUF_INIT;
    size_t shown = 0;

    for (size_t i = 0; i < selection->count; i++)
        sorted[i] = selection->items[i];
    qsort(sorted, selection->count, sizeof(sorted[0]), compare_products);
    for (size_t i = 0; i < selection->count; i++) {
        if (i > 0 && compare_products(&sorted[i - 1], &sorted[i]) == 0)
            continue;
        if (shown == PRODUCTS_SHOWN) {
            buf_append_text(&names, ", ...");
            break;
        }
        buf_printf(&names, "%s" STR_FMT, shown++ > 0 ? ", " : "", STR_ARG(sorted[i]->product_code));
    }
    error_set(error, "the handle has several products, name one of them: " STR_FMT,
              STR_ARG(buf_str(&names)));
    buf_done(&names);
    return ERROR_BAD_REQUEST;
}

static bool is_served(enum state state)
{
    return state == STATE_ACTIVE || state == STATE_HELD;
}

/* What became of those that succeed a record. */
struct succession {
    bool active; /* one of them is served */
    bool over;   /* one of them was granted something and has ended */
};

/* The chain is followed to its end: one that was renewed twice is succeeded by the second, and
 * records that succeed each other in a circle by none, so that no mistake of ours ends them all. */
static struct succession succession_of(const struct subscription *record,
                                       const struct decide_facts *facts,
                                       const struct policy *policy, int64_t now_s)
{
    const struct subscription *next = successor_of(record, facts);
    struct succession succession = {false, false};

    for (size_t steps = 0; next && steps < facts->subscription_count; steps++) {
        if (next == record)
            return (struct succession){false, false};
        enum state state = record_state(next, policy, now_s, false);
        succession.active = succession.active || is_served(state);
        succession.over = succession.over || (state == STATE_ENDED && next->entitlements.count > 0);
        next = successor_of(next, facts);
    }
    return succession;
}

enum state decide_state(const struct subscription *record, const struct decide_facts *facts,
                        const struct policy *policy, int64_t now_s)
{
    struct succession succession = succession_of(record, facts, policy, now_s);

    if (succession.over) {
        /* The successor came and has ended: it is not awaited any more, and the record stands by
         * what AWS says of itself. */
        struct policy no_wait = *policy;
        no_wait.successor_wait_s = 0;
        return record_state(record, &no_wait, now_s, succession.active);
    }
    return record_state(record, policy, now_s, succession.active);
}

void decide_leave_out_ended(const struct selection *all, const struct decide_facts *facts,
                            const struct policy *policy, int64_t now_s, struct arena *arena,
                            struct selection *ret)
{
    const struct subscription **items;
    size_t first = 0;

    *ret = *all;
    while (first < all->count &&
           decide_state(all->items[first], facts, policy, now_s) != STATE_ENDED)
        first++;
    if (first == all->count)
        return;
    ret->items = items = arena_alloc_array(arena, all->count, sizeof(items[0]));
    memcpy(items, all->items, first * sizeof(items[0]));
    ret->count = first;
    for (size_t i = first + 1; i < all->count; i++) {
        const struct subscription *record = all->items[i];
        if (decide_state(record, facts, policy, now_s) != STATE_ENDED)
            items[ret->count++] = record;
    }
}

static bool same_handle(struct str a, struct str b)
{
    return str_eq(handle_key(a), handle_key(b));
}

static bool names_one_of(const struct override *override, const struct selection *records)
{
    for (size_t i = 0; i < records->count; i++) {
        if (record_has_handle(records->items[i], override->handle))
            return true;
    }
    return false;
}

/* A word on the dimension beats one on all, one on the handle as asked beats one on what it leads
 * to, a newer one beats an older one. */
static bool beats(const struct override *a, const struct override *b, struct str handle)
{
    bool a_as_asked = same_handle(a->handle, handle), b_as_asked = same_handle(b->handle, handle);

    if ((a->dimension.len > 0) != (b->dimension.len > 0))
        return a->dimension.len > 0;
    if (a_as_asked != b_as_asked)
        return a_as_asked;
    if (a->seq != b->seq)
        return a->seq > b->seq;
    if (a->created_at != b->created_at)
        return a->created_at > b->created_at;
    return str_compare(a->id, b->id) > 0;
}

const struct override *decide_override(const struct decide_question *question,
                                       const struct decide_facts *facts,
                                       const struct selection *records, int64_t now_s)
{
    const struct override *best = NULL;

    for (size_t i = 0; i < facts->override_count; i++) {
        const struct override *override = facts->overrides[i];
        if (override->action == override_action_none ||
            (override->expires_at != 0 && override->expires_at <= now_s))
            continue;
        if (override->dimension.len > 0 && !str_eq(override->dimension, question->dimension))
            continue;
        if (!same_handle(override->handle, question->handle) && !names_one_of(override, records))
            continue;
        if (!best || beats(override, best, question->handle))
            best = override;
    }
    return best;
}
