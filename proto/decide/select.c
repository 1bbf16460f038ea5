/* Which records a question is about. */
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

bool decide_is_asked_about(const struct subscription *record,
                           const struct decide_question *question)
{
    if (question->product.len > 0 && !str_eq(question->product, record->product_code))
        return false;
    return question->license.len == 0 || has_license(record, question->license);
}

/* With successors of successors: ends because each record is selected once. */
static void add_successors(struct lineage *lineage, const struct subscription **items,
                           struct selection *selection)
{
    struct numbering selected;

    numbering_init(&selected, lineage->arena);
    for (size_t i = 0; i < selection->count; i++)
        numbering_add(&selected, items[i]->id, i);
    for (size_t i = 0; i < selection->count; i++) {
        const struct subscription *successor = lineage_successor(lineage, items[i]);
        if (successor && numbering_add(&selected, successor->id, i))
            items[selection->count++] = successor;
    }
}

static void select_all(const struct decide_question *question, struct lineage *lineage,
                       struct selection *ret)
{
    const struct decide_facts *facts = lineage->facts;
    const struct subscription **items;

    *ret = (struct selection){facts->subscriptions, facts->subscription_count};
    if (question->product.len == 0 && question->license.len == 0)
        return;
    ret->items = items = arena_alloc_array(lineage->arena, ret->count, sizeof(items[0]));
    ret->count = 0;
    for (size_t i = 0; i < facts->subscription_count; i++) {
        if (decide_is_asked_about(facts->subscriptions[i], question))
            items[ret->count++] = facts->subscriptions[i];
    }
    if (question->license.len > 0)
        add_successors(lineage, items, ret);
}

bool decide_has_several_products(const struct selection *selection)
{
    for (size_t i = 1; i < selection->count; i++) {
        if (!str_eq(selection->items[i]->product_code, selection->items[0]->product_code))
            return true;
    }
    return false;
}

/* What an announcement alone makes known of a product does not make another product's customer
 * ambiguous: of several products those stay of which a record is established, if any is. */
static void leave_out_unestablished(struct selection *selection, struct arena *arena)
{
    const struct subscription **items;
    struct numbering established;
    size_t count = 0;

    if (!decide_has_several_products(selection))
        return;
    numbering_init(&established, arena);
    for (size_t i = 0; i < selection->count; i++) {
        if (record_is_established(selection->items[i]))
            numbering_add(&established, selection->items[i]->product_code, i);
    }
    items = arena_alloc_array(arena, selection->count, sizeof(items[0]));
    for (size_t i = 0; i < selection->count; i++) {
        if (numbering_find(&established, selection->items[i]->product_code))
            items[count++] = selection->items[i];
    }
    if (count > 0)
        *selection = (struct selection){items, count};
}

void decide_select(const struct decide_question *question, struct lineage *lineage,
                   struct selection *ret)
{
    select_all(question, lineage, ret);
    leave_out_unestablished(ret, lineage->arena);
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

void decide_leave_out_ended(const struct selection *all, struct lineage *lineage,
                            struct selection *ret)
{
    const struct subscription **items;
    size_t first = 0;

    *ret = *all;
    while (first < all->count && lineage_state(lineage, all->items[first]) != STATE_ENDED)
        first++;
    if (first == all->count)
        return;
    ret->items = items = arena_alloc_array(lineage->arena, all->count, sizeof(items[0]));
    memcpy(items, all->items, first * sizeof(items[0]));
    ret->count = first;
    for (size_t i = first + 1; i < all->count; i++) {
        if (lineage_state(lineage, all->items[i]) != STATE_ENDED)
            items[ret->count++] = all->items[i];
    }
}
