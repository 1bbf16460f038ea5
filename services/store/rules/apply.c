#include "services/store/rules/apply.h"

#include <stdlib.h>

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_values(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return compare_i64(a.kind, b.kind);
    switch (a.kind) {
    case VALUE_NONE:
        return 0;
    case VALUE_INTEGER:
        return compare_i64(a.integer, b.integer);
    case VALUE_DOUBLE:
        return (a.number > b.number) - (a.number < b.number);
    case VALUE_BOOLEAN:
        return compare_i64(a.boolean, b.boolean);
    case VALUE_STRING:
        return str_compare(a.string, b.string);
    }
    return 0;
}

static int compare_entitlements(const void *a, const void *b)
{
    const struct entitlement *x = a, *y = b;
    int order = str_compare(x->dimension, y->dimension);

    if (order == 0)
        order = compare_i64(x->expires_at, y->expires_at);
    return order ? order : compare_values(x->value, y->value);
}

static bool same_entitlements(const struct entitlement_list *a, const struct entitlement_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (compare_entitlements(&a->items[i], &b->items[i]) != 0)
            return false;
    }
    return true;
}

/* AWS promises no order of rows: sorted, the same rows make the same record. */
static struct entitlement_list entitlements_of(const struct aws_entitlement_list *rows,
                                               struct arena *arena)
{
    struct entitlement_list list = {
        .items = arena_alloc_array(arena, rows->count, sizeof(struct entitlement))};

    for (size_t i = 0; i < rows->count; i++) {
        const struct aws_entitlement *row = &rows->items[i];
        if (row->unreadable)
            continue;
        struct entitlement *item = &list.items[list.count++];
        *item = (struct entitlement){
            .dimension = arena_str(arena, row->dimension),
            .value = row->value,
            .expires_at = row->expires_at,
        };
        if (item->value.kind == VALUE_STRING)
            item->value.string = arena_str(arena, row->value.string);
    }
    qsort(list.items, list.count, sizeof(list.items[0]), compare_entitlements);
    return list;
}

static bool same_evidence(const struct evidence *a, const struct evidence *b)
{
    return a->empty_at == b->empty_at && a->empty_again_at == b->empty_again_at &&
           a->product_alive_at == b->product_alive_at && a->notice == b->notice &&
           a->notice_at == b->notice_at && a->succeeded_at == b->succeeded_at &&
           a->listed_at == b->listed_at && a->unproven == b->unproven && a->held_at == b->held_at &&
           a->accepted_at == b->accepted_at && a->refused_at == b->refused_at &&
           a->undecided_at == b->undecided_at;
}

/* Returns whether it differs from what the record had. */
static bool set_evidence(struct subscription *record, const struct evidence *evidence,
                         struct arena *arena)
{
    static const struct evidence none;
    struct evidence before = record_evidence(record);

    if (same_evidence(&before, evidence))
        return false;
    record->evidence = NULL;
    if (!same_evidence(evidence, &none)) {
        record->evidence = arena_alloc(arena, sizeof(*record->evidence));
        *record->evidence = *evidence;
    }
    return true;
}

/* When AWS listed something last, 0 if it never did or the time is not known. */
static int64_t listed_by(const struct subscription *record, int64_t now_s)
{
    int64_t at_s = record_listed_at_s(record);

    return record_time_is_ahead(at_s, now_s) ? 0 : at_s;
}

/* AWS announced a purchase after the end of the one before it, and has listed something since:
 * the listing is of the later one. An end announced in the second of a purchase is that
 * purchase's: a customer who bought again is listed, and a notice alone ends no subscription
 * that AWS lists. */
static bool is_of_later_purchase(const struct subscription *record, enum notice notice,
                                 int64_t notice_at_s, int64_t listed_at_s)
{
    return notice == NOTICE_UNSUBSCRIBED && record->subscribed_at != 0 &&
           record->subscribed_at > notice_at_s && listed_at_s >= record->subscribed_at;
}

static bool apply_listed(struct subscription *record, struct entitlement_list list,
                         int64_t began_at_s, struct arena *arena)
{
    struct evidence had = record_evidence(record);
    struct evidence evidence = {.succeeded_at = had.succeeded_at};

    if (had.notice != notice_none && began_at_s < had.notice_at + APPLY_LAG_S &&
        !is_of_later_purchase(record, had.notice, had.notice_at, began_at_s)) {
        evidence.notice = had.notice;
        evidence.notice_at = had.notice_at;
    }
    /* Accepted was the end of what AWS lists still, by its old date. */
    bool same = same_entitlements(&record->entitlements, &list);
    if (same && had.empty_at == 0)
        evidence.accepted_at = had.accepted_at;
    bool changed = set_evidence(record, &evidence, arena) || !same;
    if (!same)
        record->entitlements = list;
    if (record->payment_failed_at != 0) {
        record->payment_failed_at = 0;
        changed = true;
    }
    return changed;
}

/* What a clock that was ahead stamped did happen: by now, at the latest. */
static void set_right(struct evidence *evidence, const struct asked *asked)
{
    int64_t *const times[] = {&evidence->empty_at,         &evidence->empty_again_at,
                              &evidence->product_alive_at, &evidence->listed_at,
                              &evidence->held_at,          &evidence->refused_at,
                              &evidence->undecided_at,     &evidence->succeeded_at};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (record_time_is_ahead(*times[i], asked->now_s))
            *times[i] = asked->began_at_s;
    }
}

/* By what is known with this answer: a date may have passed meanwhile. */
static int64_t confirmed_at_s(const struct subscription *record, const struct evidence *evidence,
                              const struct asked *asked, const struct policy *policy)
{
    struct evidence now = *evidence;
    struct subscription as_now = *record;

    as_now.evidence = &now;
    as_now.verified_at = asked->began_at_s;
    now.unproven = evidence->unproven && !asked->proven;
    return evidence->empty_at + record_end_delay_s(&as_now, policy);
}

static bool apply_empty(struct subscription *record, const struct asked *asked,
                        const struct policy *policy, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);
    bool widest = asked->scope == SCOPE_ACCOUNT || record->account_id.len == 0;

    set_right(&evidence, asked);
    if (evidence.empty_at == 0) {
        evidence.listed_at = listed_by(record, asked->now_s);
        evidence.empty_at = asked->began_at_s;
        evidence.unproven = true;
    } else if (evidence.empty_again_at == 0 && widest &&
               asked->began_at_s >= confirmed_at_s(record, &evidence, asked, policy)) {
        evidence.empty_again_at = asked->began_at_s;
    }
    if (asked->product_alive && evidence.product_alive_at == 0) {
        evidence.product_alive_at = asked->began_at_s;
        /* The operator refused the end without knowing this: asked again, not overruled. */
        if (evidence.refused_at != 0)
            evidence.held_at = asked->began_at_s;
        evidence.refused_at = 0;
    }
    if (asked->proven)
        evidence.unproven = false;
    return set_evidence(record, &evidence, arena);
}

size_t apply_readable_rows(const struct aws_entitlement_list *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++)
        count += !rows->items[i].unreadable;
    return count;
}

static bool grants_as(const struct aws_entitlement *row, const struct entitlement *held)
{
    return !row->unreadable && row->expires_at == held->expires_at &&
           compare_values(row->value, held->value) == 0;
}

/* Whether the rows say what becomes of it: it is listed again, or all rows of its dimension are
 * readable. */
static bool is_spoken_of(const struct entitlement *held, const struct aws_entitlement_list *rows)
{
    size_t readable = 0, unreadable = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct aws_entitlement *row = &rows->items[i];
        if (!str_eq(row->dimension, held->dimension))
            continue;
        if (grants_as(row, held))
            return true;
        readable += !row->unreadable;
        unreadable += row->unreadable;
    }
    return readable > 0 && unreadable == 0;
}

static bool is_older(const struct subscription *record, const struct asked *asked)
{
    return asked->began_at_s < record->verified_at &&
           !record_time_is_ahead(record->verified_at, asked->now_s);
}

enum applied apply_partial(struct subscription *record, const struct aws_entitlement_list *rows,
                           const struct asked *asked, struct arena *arena)
{
    enum { ENTITLEMENTS_MAX = 1000 }; /* see messages.def */
    struct entitlement_list listed = entitlements_of(rows, arena), held = record->entitlements;
    struct entitlement_list all = {
        .items = arena_alloc_array(arena, listed.count + held.count, sizeof(*all.items))};

    for (size_t i = 0; i < listed.count; i++)
        all.items[all.count++] = listed.items[i];
    for (size_t i = 0; i < held.count && all.count < ENTITLEMENTS_MAX; i++) {
        if (!is_spoken_of(&held.items[i], rows))
            all.items[all.count++] = held.items[i];
    }
    if (rows->count == 0 || all.count == 0 || is_older(record, asked))
        return APPLIED_NOTHING;
    qsort(all.items, all.count, sizeof(all.items[0]), compare_entitlements);
    return apply_listed(record, all, asked->began_at_s, arena) ? APPLIED_CHANGED : APPLIED_NOTHING;
}

enum applied apply_answer(struct subscription *record, const struct aws_entitlement_list *rows,
                          const struct asked *asked, const struct policy *policy,
                          struct arena *arena)
{
    bool changed;

    if (is_older(record, asked))
        return APPLIED_NOTHING;
    if (rows->count > 0)
        changed = apply_listed(record, entitlements_of(rows, arena), asked->began_at_s, arena);
    else
        changed = apply_empty(record, asked, policy, arena);
    if (!changed && asked->began_at_s == record->verified_at)
        return APPLIED_NOTHING;
    record->verified_at = asked->began_at_s;
    return changed ? APPLIED_CHANGED : APPLIED_VERIFIED;
}

bool apply_notice(struct subscription *record, enum notice notice, int64_t at_s, int64_t now_s,
                  struct arena *arena)
{
    struct evidence evidence = record_evidence(record);
    int64_t listed_at = listed_by(record, now_s);

    if (notice == notice_none || (listed_at != 0 && listed_at >= at_s + APPLY_LAG_S) ||
        is_of_later_purchase(record, notice, at_s, listed_at))
        return false;
    if (evidence.notice != notice_none &&
        (evidence.notice_at > at_s || (evidence.notice_at == at_s && evidence.notice <= notice)))
        return false;
    evidence.notice = notice;
    evidence.notice_at = at_s;
    return set_evidence(record, &evidence, arena);
}

bool apply_subscribed(struct subscription *record, int64_t at_s, int64_t now_s, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    if (at_s <= record->subscribed_at)
        return false;
    record->subscribed_at = at_s;
    if (is_of_later_purchase(record, evidence.notice, evidence.notice_at,
                             listed_by(record, now_s))) {
        evidence.notice = notice_none;
        evidence.notice_at = 0;
        set_evidence(record, &evidence, arena);
    }
    return true;
}

bool apply_held(struct subscription *record, int64_t at_s, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    evidence.held_at = at_s;
    return set_evidence(record, &evidence, arena);
}

bool apply_decision(struct subscription *record, enum held_decision decision, int64_t at_s,
                    struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    evidence.accepted_at = decision == HELD_ACCEPT ? at_s : 0;
    evidence.refused_at = decision == HELD_REFUSE ? at_s : 0;
    return set_evidence(record, &evidence, arena);
}

bool apply_undecided(struct subscription *record, int64_t at_s, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    if (at_s == 0 || evidence.undecided_at == 0)
        evidence.undecided_at = at_s;
    return set_evidence(record, &evidence, arena);
}

bool apply_succeeded(struct subscription *record, int64_t at_s, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    if (at_s <= evidence.succeeded_at)
        return false;
    evidence.succeeded_at = at_s;
    return set_evidence(record, &evidence, arena);
}

bool apply_not_awaited(struct subscription *record, struct arena *arena)
{
    struct evidence evidence = record_evidence(record);

    if (evidence.succeeded_at == 0)
        return false;
    evidence.succeeded_at = 0;
    return set_evidence(record, &evidence, arena);
}

bool apply_payment_failed(struct subscription *record, int64_t at_s)
{
    if (record->entitlements.count > 0 || at_s <= record->payment_failed_at)
        return false;
    record->payment_failed_at = at_s;
    return true;
}

bool apply_payment_succeeded(struct subscription *record, int64_t at_s)
{
    if (record->payment_failed_at == 0 || at_s <= record->payment_failed_at)
        return false;
    record->payment_failed_at = 0;
    return true;
}
