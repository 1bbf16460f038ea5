#include "services/store/rules/ends.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/store/rules/apply.h"
#include "services/store/tables/journal.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"

enum { MANY_DEFAULT = 5, WITHIN_DEFAULT_S = 3600 };

struct limits {
    size_t many;
    int64_t within_s;
};

static struct limits limits_of(const struct books *books)
{
    if (!books->settings)
        return (struct limits){MANY_DEFAULT, WITHIN_DEFAULT_S};
    return (struct limits){(size_t)books->settings->store.many_ends,
                           books->settings->store.many_ends_within_ms / 1000};
}

static struct str row_key(struct arena *arena, struct str product_code)
{
    return arena_printf(arena, "ends " STR_FMT, STR_ARG(product_code));
}

static void load(struct db *db, struct str key, struct arena *arena, struct stored_ends *ret)
{
    struct error error;
    struct str bytes;

    *ret = (struct stored_ends){0};
    if (db_get(db, TABLE_META, key, arena, &bytes) &&
        codec_decode(&shape_stored_ends, bytes, arena, ret, &error) < 0)
        log_error("a product's latest ends cannot be read; they are counted anew",
                  LOG_TEXT("why", error.text));
}

static bool is_confirmed(const struct subscription *record)
{
    struct evidence evidence = record_evidence(record);

    return evidence.empty_again_at != 0 && record->entitlements.count > 0 &&
           evidence.succeeded_at == 0 && evidence.undecided_at == 0 &&
           !record_end_is_certain(record);
}

/* Confirmed, and explained by nothing but that the product lists others. */
static bool ends_by_others(const struct subscription *record)
{
    return is_confirmed(record) && record_end_is_explained(record);
}

static bool is_held(const struct subscription *record)
{
    return is_confirmed(record) && !record_end_is_explained(record);
}

static bool is_recent(int64_t at_s, const struct limits *limits, int64_t now_s)
{
    return at_s > now_s - limits->within_s && !record_time_is_ahead(at_s, now_s);
}

/* What is past the window goes, and of the rest what is not needed to see that it is too many. */
static void add_recent(struct stored_ends *ends, const struct limits *limits, int64_t now_s,
                       struct str id, struct arena *arena)
{
    struct recent_end_list kept = {
        .items = arena_alloc_array(arena, ends->recent.count + 1, sizeof(*kept.items))};
    size_t from = ends->recent.count > limits->many ? ends->recent.count - limits->many : 0;

    for (size_t i = from; i < ends->recent.count; i++) {
        const struct recent_end *end = &ends->recent.items[i];
        if (is_recent(end->at, limits, now_s) && !str_eq(end->subscription, id))
            kept.items[kept.count++] = *end;
    }
    kept.items[kept.count++] = (struct recent_end){.subscription = id, .at = now_s};
    ends->recent = kept;
}

static void hold(struct change *change, struct str id, struct ids *changed)
{
    struct subscription before, after;

    if (!records_get(change->db, id, &change->arena, &before) || !ends_by_others(&before))
        return;
    after = before;
    apply_held(&after, change_now_s(change), &change->arena);
    if (records_update(change, &before, &after) == RECORD_CHANGED)
        ids_add(changed, id);
}

static const char *why_held(const struct subscription *record)
{
    if (record_evidence(record).undecided_at != 0)
        return "a new licence renews one of several, and no event will say which";
    return record_evidence(record).held_at != 0
               ? "more than many_ends at once, unannounced and before their date"
               : "unannounced, before their date, and the product's list is empty";
}

/* In the journal and the log, once per product and window however many they are. */
static void alarm(struct change *change, struct stored_ends *ends, const struct limits *limits,
                  const struct subscription *record)
{
    int64_t now_s = change_now_s(change);
    const char *why = why_held(record);

    if (is_recent(ends->alarmed_at, limits, now_s))
        return;
    ends->alarmed_at = now_s;
    log_error("ends that nothing certain explains are held: the customers are served; 'entitlectl "
              "held' shows and decides them",
              LOG_STR("product", record->product_code), LOG_TEXT("why", why));
    journal_note(change, AUDIT_HELD,
                 arena_printf(&change->arena, "ends of product " STR_FMT " are held: %s",
                              STR_ARG(record->product_code), why));
}

void ends_weigh(struct books *books, struct change *change, const struct subscription *before,
                struct subscription *after, struct ids *changed)
{
    struct limits limits = limits_of(books);
    struct stored_ends ends;

    if (!is_confirmed(after) ||
        (is_confirmed(before) && ends_by_others(before) == ends_by_others(after)))
        return;
    struct str key = row_key(&change->arena, after->product_code);
    load(change->db, key, &change->arena, &ends);
    if (ends_by_others(after)) {
        add_recent(&ends, &limits, change_now_s(change), after->id, &change->arena);
        if (ends.recent.count > limits.many) {
            apply_held(after, change_now_s(change), &change->arena);
            for (size_t i = 0; i < ends.recent.count; i++)
                hold(change, ends.recent.items[i].subscription, changed);
        }
    }
    if (is_held(after))
        alarm(change, &ends, &limits, after);
    change_put(change, TABLE_META, key, &shape_stored_ends, &ends);
}

void ends_weigh_undecided(struct books *books, struct change *change,
                          const struct subscription *before, const struct subscription *after)
{
    struct limits limits = limits_of(books);
    struct str key = row_key(&change->arena, after->product_code);
    struct stored_ends ends;

    if (after->agreement_id.len > 0 || record_evidence(after).undecided_at == 0 ||
        record_evidence(before).undecided_at != 0)
        return;
    load(change->db, key, &change->arena, &ends);
    alarm(change, &ends, &limits, after);
    change_put(change, TABLE_META, key, &shape_stored_ends, &ends);
}
