/* Two records become one, in one transaction. */
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/contacts.h"
#include "services/store/tables/notifications.h"
#include "services/store/tables/overrides.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/marks.h"

enum { ALIASES_MAX = 64 };

static void fill(struct str *field, struct str value)
{
    if (field->len == 0)
        *field = value;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void add_aliases(struct change *change, struct subscription *survivor,
                        const struct subscription *gone)
{
    size_t count = survivor->aliases.count + gone->aliases.count + 1;
    struct str_list aliases = {
        .items = arena_alloc_array(&change->arena, count, sizeof(*aliases.items))};

    for (size_t i = 0; i < survivor->aliases.count; i++)
        aliases.items[aliases.count++] = survivor->aliases.items[i];
    aliases.items[aliases.count++] = gone->id;
    for (size_t i = 0; i < gone->aliases.count; i++)
        aliases.items[aliases.count++] = gone->aliases.items[i];
    if (aliases.count > ALIASES_MAX)
        aliases.count = ALIASES_MAX;
    survivor->aliases = aliases;
}

/* What AWS listed last counts; the announcements that the other one had are heard again, so that
 * those which a listing refuted stay refuted. */
static void merge_facts(struct change *change, struct subscription *survivor,
                        const struct subscription *gone)
{
    struct evidence other = record_evidence(gone);

    if (survivor->entitlements.count == 0 && gone->entitlements.count > 0) {
        other = record_evidence(survivor);
        survivor->entitlements = gone->entitlements;
        survivor->verified_at = gone->verified_at;
        survivor->evidence = gone->evidence;
        survivor->payment_failed_at = 0;
    }
    if (gone->subscribed_at > survivor->subscribed_at)
        survivor->subscribed_at = gone->subscribed_at;
    apply_notice(survivor, other.notice, other.notice_at, change_now_s(change), &change->arena);
    if (other.succeeded_at != 0)
        apply_succeeded(survivor, other.succeeded_at, &change->arena);
}

static void repoint(struct change *change, struct str id, struct str from, struct str to)
{
    struct subscription before, after;

    if (!records_get(change->db, id, &change->arena, &before))
        return;
    after = before;
    if (str_eq(after.predecessor, from))
        after.predecessor = str_eq(to, id) ? STR_NONE : to;
    if (str_eq(after.successor, from))
        after.successor = str_eq(to, id) ? STR_NONE : to;
    records_update(change, &before, &after);
}

static void merge_fields(struct change *change, struct subscription *survivor,
                         const struct subscription *gone)
{
    add_aliases(change, survivor, gone);
    fill(&survivor->account_id, gone->account_id);
    fill(&survivor->customer_identifier, gone->customer_identifier);
    fill(&survivor->agreement_id, gone->agreement_id);
    fill(&survivor->offer_id, gone->offer_id);
    fill(&survivor->tenant, gone->tenant);
    if (!str_eq(gone->predecessor, survivor->id))
        fill(&survivor->predecessor, gone->predecessor);
    if (!str_eq(gone->successor, survivor->id))
        fill(&survivor->successor, gone->successor);
    if (str_eq(survivor->predecessor, gone->id))
        survivor->predecessor = STR_NONE;
    if (str_eq(survivor->successor, gone->id))
        survivor->successor = STR_NONE;
    survivor->free_trial |= gone->free_trial;
    survivor->registered_at = earlier(survivor->registered_at, gone->registered_at);
    survivor->created_at = earlier(survivor->created_at, gone->created_at);
    merge_facts(change, survivor, gone);
}

void identity_merge(struct change *change, struct subscription *survivor,
                    const struct subscription *gone)
{
    struct origin origin = change->origin;
    struct subscription before = *survivor;

    change->origin.cause = CAUSE_MERGE;
    merge_fields(change, survivor, gone);
    records_remove_merged(change, gone, survivor);
    records_update(change, &before, survivor);
    repoint(change, gone->predecessor, gone->id,
            str_eq(survivor->predecessor, gone->predecessor) ? survivor->id : STR_NONE);
    repoint(change, gone->successor, gone->id,
            str_eq(survivor->successor, gone->successor) ? survivor->id : STR_NONE);
    marks_move(change, gone->id, survivor->id);
    contacts_move(change, gone->id, survivor->id);
    overrides_move(change, gone->id, survivor->id);
    notifications_move(change, gone->id, survivor->id);
    change_effect(change, EFFECT_MERGED, gone->id, survivor->id, 0);
    change->origin = origin;
}

static bool is_unestablished(const struct subscription *record, const struct subscription *survivor)
{
    return str_eq(record->license_key, survivor->license_key) && record->license_arn.len == 0 &&
           !str_eq(record->product_code, survivor->product_code) && !record_is_established(record);
}

bool identity_take_in_unestablished(struct change *change, struct subscription *survivor)
{
    bool any = false;

    if (survivor->license_arn.len == 0)
        return false;
    struct subscription_list found =
        records_find(change->db, survivor->license_key, STR_NONE, &change->arena);
    for (size_t i = 0; i < found.count; i++) {
        struct subscription *gone = &found.items[i];
        if (!is_unestablished(gone, survivor))
            continue;
        gone->evidence = NULL;
        identity_merge(change, survivor, gone);
        any = true;
    }
    return any;
}

bool identity_succeed(struct change *change, struct subscription *predecessor,
                      struct subscription *successor)
{
    struct subscription old = *predecessor, new = *successor;

    if (str_eq(old.id, new.id) || old.successor.len > 0 || new.predecessor.len > 0 ||
        str_eq(old.predecessor, new.id))
        return false;
    predecessor->successor = new.id;
    successor->predecessor = old.id;
    records_update(change, &old, predecessor);
    records_update(change, &new, successor);
    return true;
}

/* Where a link of the record's leads is no more of it. */
static void part(struct change *change, struct str other, const struct subscription *record,
                 struct ids *changed)
{
    if (other.len == 0)
        return;
    repoint(change, other, record->id, STR_NONE);
    ids_add(changed, other);
}

void identity_part(struct change *change, struct subscription *predecessor, struct ids *changed)
{
    part(change, predecessor->successor, predecessor, changed);
    predecessor->successor = STR_NONE;
}

void identity_succeed_as_announced(struct change *change, struct subscription *predecessor,
                                   struct subscription *successor, struct ids *changed)
{
    struct subscription old = *predecessor, new = *successor;

    if (str_eq(old.id, new.id) || str_eq(old.successor, new.id) || str_eq(old.predecessor, new.id))
        return;
    part(change, new.predecessor, &new, changed);
    part(change, old.successor, &old, changed);
    predecessor->successor = new.id;
    successor->predecessor = old.id;
    records_update(change, &old, predecessor);
    records_update(change, &new, successor);
    ids_add(changed, old.id);
    ids_add(changed, new.id);
}
