/* Held ends: shown to the operator, and decided. */
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/slice.h"
#include "proto/codec/codec.h"
#include "services/store/methods/handlers.h"
#include "services/store/rules/apply.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"

enum { ENDS_MAX = 200, SLICE_US = 5000 };

/* A part of all records, as many as fit into a few milliseconds. */
struct part {
    const struct books *books;
    struct db *db;
    struct arena *arena;
    struct str product;
    bool undecided; /* only those that wait for an operator's decision */
    int64_t now_s;
    struct slice slice;
    struct held_end_list ends;
    struct str last;
};

/* Then its customer is served as the successor, and what became of itself is no matter. */
static bool has_active_successor(const struct part *part, const struct subscription *record)
{
    enum { CHAIN_MOST = 100 };
    struct subscription next = *record;

    for (int i = 0; i < CHAIN_MOST; i++) {
        if (!records_resolve(part->db, next.successor, part->arena, &next))
            return false;
        enum state state = record_state(&next, &part->books->policy, part->now_s, false);
        if (state == STATE_ACTIVE || state == STATE_HELD)
            return true;
    }
    return false;
}

static bool waits_for_operator(enum held_reason reason)
{
    return reason != HELD_REFUSED && record_held_for_operator(reason);
}

static void add_if_held(struct part *part, const struct subscription *record)
{
    struct held_end *end = &part->ends.items[part->ends.count];

    if (part->product.len > 0 && !str_eq(part->product, record->product_code))
        return;
    *end = (struct held_end){.since = record_evidence(record).empty_at};
    end->reason = record_held(record, &part->books->policy, part->now_s, &end->until);
    if (end->reason == held_reason_none || (part->undecided && !waits_for_operator(end->reason)) ||
        has_active_successor(part, record))
        return;
    end->subscription = arena_alloc(part->arena, sizeof(*end->subscription));
    codec_copy(&shape_subscription, record, part->arena, end->subscription);
    part->ends.count++;
}

static bool visit(void *arg, const struct subscription *record)
{
    struct part *part = arg;

    add_if_held(part, record);
    if (part->ends.count < ENDS_MAX && !slice_is_over(&part->slice))
        return true;
    part->last = arena_str(part->arena, record->id);
    return false;
}

static struct part part_begin(struct work *work, struct str product)
{
    return (struct part){.books = work->books,
                         .db = work->books->db,
                         .arena = work->arena,
                         .product = product,
                         .now_s = clock_wall_s(),
                         .slice = slice_begin(SLICE_US),
                         .ends.items =
                             arena_alloc_array(work->arena, ENDS_MAX, sizeof(struct held_end))};
}

enum rpc_error on_held(struct work *work)
{
    const struct held_params *params = work->params;
    struct held_result *result = work->result;
    struct part part = part_begin(work, params->product);

    records_each(work->books->db, params->after, visit, &part);
    *result = (struct held_result){.ends = part.ends, .next = part.last};
    return ERROR_NONE;
}

static enum rpc_error find_ends(struct work *work, const struct held_decide_params *params,
                                struct part *part)
{
    if (params->handle.len == 0) {
        part->undecided = true;
        records_each(work->change->db, params->after, visit, part);
        return ERROR_NONE;
    }
    struct subscription_list found =
        records_find(work->change->db, params->handle, params->product, work->arena);
    for (size_t i = 0; i < found.count && part->ends.count < ENDS_MAX; i++)
        add_if_held(part, &found.items[i]);
    if (part->ends.count > 0)
        return ERROR_NONE;
    error_set(work->error, "this handle leads to no held end");
    return ERROR_NOT_FOUND;
}

static void decide(struct work *work, const struct held_decide_params *params,
                   const struct held_end *end, struct str_list *decided)
{
    struct subscription after = *end->subscription;

    apply_decision(&after, params->decision, change_now_s(work->change), &work->change->arena);
    records_update(work->change, end->subscription, &after);
    decided->items[decided->count++] = end->subscription->id;
}

enum rpc_error on_held_decide(struct work *work)
{
    const struct held_decide_params *params = work->params;
    struct held_decide_result *result = work->result;
    struct part part = part_begin(work, params->product);

    if (params->handle.len == 0 && params->product.len == 0) {
        error_set(work->error, "give either handle or product");
        return ERROR_BAD_REQUEST;
    }
    enum rpc_error code = find_ends(work, params, &part);
    if (code != ERROR_NONE)
        return code;
    work->change->origin.cause = CAUSE_OPERATOR;
    work->change->origin.author = params->author;
    result->subscriptions.items =
        arena_alloc_array(work->arena, part.ends.count, sizeof(struct str));
    for (size_t i = 0; i < part.ends.count; i++)
        decide(work, params, &part.ends.items[i], &result->subscriptions);
    result->next = part.last;
    if (part.ends.count > 0)
        journal_note(work->change, AUDIT_OPERATOR,
                     arena_printf(work->arena, "held ends, %zu: %s%s" STR_FMT, part.ends.count,
                                  choice_text(&enumeration_held_decision, (int)params->decision),
                                  params->reason.len > 0 ? ": " : "", STR_ARG(params->reason)));
    return ERROR_NONE;
}
