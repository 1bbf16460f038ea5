#include "services/store/rules/answers.h"

#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/numbering.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/ends.h"
#include "services/store/rules/identity.h"
#include "services/store/rules/succession.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/work/marks.h"

/* The rows of one subscription, by whatever key AWS gave. */
struct group {
    struct keys keys;
    struct aws_entitlement_list rows;
    bool partial;               /* one of them cannot be read */
    struct subscription record; /* as it is after the group was applied */
};

struct answer_work {
    struct books *books;
    struct change *change;
    struct arena *arena; /* the change's */
    const struct apply_params *params;
    struct subscription claimed; /* as it is now */
    struct group *groups;
    size_t count, licensed;
    struct numbering by_record; /* the groups, once they are applied */
    bool product_alive, proven;
    bool obscure; /* a row that cannot be read may be of any of them, or of none */
    struct ids *changed;
};

static struct keys keys_of(const struct answer_work *work, const struct aws_entitlement *row)
{
    struct keys keys = {.product_code = work->claimed.product_code,
                        .license_arn = row->license_arn,
                        .license_key = license_key(row->license_arn),
                        .customer_identifier = row->customer_identifier,
                        .account_id = row->account_id};

    /* What the call was filtered by holds for every row, also if the row does not repeat it. */
    if (work->params->scope == SCOPE_LICENSE && keys.license_key.len == 0)
        keys.license_key = work->claimed.license_key;
    if (work->params->scope == SCOPE_CUSTOMER_IDENTIFIER && keys.customer_identifier.len == 0)
        keys.customer_identifier = work->claimed.customer_identifier;
    if (work->params->scope == SCOPE_ACCOUNT && keys.account_id.len == 0)
        keys.account_id = work->claimed.account_id;
    return keys;
}

static struct str group_name(struct arena *arena, const struct keys *keys)
{
    struct owner owner =
        record_owner(keys->license_key, keys->customer_identifier, keys->account_id);

    return arena_printf(arena, "%s " STR_FMT, choice_text(&enumeration_scope, owner.by),
                        STR_ARG(owner.key));
}

static bool is_of_product(const struct answer_work *work, const struct aws_entitlement *row)
{
    return row->product_code.len == 0 || str_eq(row->product_code, work->claimed.product_code);
}

/* Its licence is what the call was filtered by; or it may be any. */
static bool is_obscure(const struct answer_work *work, const struct aws_entitlement *row)
{
    return row->unreadable && record_row_owner(row).by == scope_none &&
           work->params->scope != SCOPE_LICENSE;
}

/* The group that a row belongs to; NULL: to none of the product's. */
static struct group *group_for(struct answer_work *work, struct map *by_name,
                               const struct aws_entitlement *row)
{
    if (is_obscure(work, row))
        work->obscure = true;
    if (is_obscure(work, row) || !is_of_product(work, row))
        return NULL;
    struct keys keys = keys_of(work, row);
    struct str name = group_name(work->arena, &keys);
    struct group *group = map_get(by_name, name);
    if (!group) {
        group = &work->groups[work->count++];
        *group = (struct group){.keys = keys};
        map_put(by_name, name, group);
        work->licensed += keys.license_key.len > 0;
    }
    identity_agree(&group->keys, &keys);
    group->partial |= row->unreadable;
    return group;
}

/* Counted first, so that an account with thousands of licences takes memory in proportion. */
static void group_rows(struct answer_work *work)
{
    cleanup(map_freep) struct map *by_name = map_new();
    const struct aws_entitlement_list *rows = &work->params->rows;
    struct group **groups = arena_alloc_array(work->arena, rows->count, sizeof(groups[0]));

    work->groups = arena_alloc_array(work->arena, rows->count, sizeof(*work->groups));
    for (size_t i = 0; i < rows->count; i++) {
        groups[i] = group_for(work, by_name, &rows->items[i]);
        if (groups[i])
            groups[i]->rows.count++;
    }
    for (size_t i = 0; i < work->count; i++) {
        struct aws_entitlement_list *list = &work->groups[i].rows;
        list->items = arena_alloc_array(work->arena, list->count, sizeof(*list->items));
        list->count = 0;
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (groups[i])
            groups[i]->rows.items[groups[i]->rows.count++] = rows->items[i];
    }
    work->product_alive = work->params->product_alive || apply_readable_rows(rows) > 0;
}

/* A record with more could not be read again; see messages.def. */
enum { ENTITLEMENTS_MAX = 1000 };

static bool fits(const struct answer_work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        if (work->groups[i].rows.count > ENTITLEMENTS_MAX)
            return false;
    }
    return true;
}

/* Whether the answer is of one licence and nothing else, and was not asked by that licence: then an
 * unlicensed record that it names is that licence's. */
static bool proves_one_licence(const struct answer_work *work)
{
    return work->licensed == 1 && work->count == 1 && !work->obscure &&
           work->params->scope != SCOPE_LICENSE;
}

static bool find_licensed(struct answer_work *work, const struct keys *keys,
                          struct subscription *ret)
{
    if (str_eq(work->claimed.license_key, keys->license_key)) {
        *ret = work->claimed;
        return true;
    }
    return identity_by_license(work->change->db, keys->product_code, keys->license_key, work->arena,
                               ret);
}

static bool find_unlicensed(struct answer_work *work, const struct keys *keys,
                            struct subscription *ret)
{
    if (work->claimed.license_key.len == 0 && !identity_contradicts(&work->claimed, keys)) {
        *ret = work->claimed;
        return true;
    }
    return identity_unlicensed(work->change->db, keys, work->arena, ret);
}

static void merge(struct answer_work *work, struct subscription *survivor,
                  const struct subscription *gone)
{
    bool was_claimed = str_eq(gone->id, work->claimed.id);

    identity_merge(work->change, survivor, gone);
    ids_add(work->changed, survivor->id);
    if (was_claimed || str_eq(survivor->id, work->claimed.id))
        work->claimed = *survivor;
    else /* it may have been linked to the one that is gone */
        records_get(work->change->db, work->claimed.id, work->arena, &work->claimed);
}

/* Without licences the identifier names a subscription: another record that has it is the same. */
static bool find_customer(struct answer_work *work, const struct keys *keys,
                          struct subscription *ret)
{
    struct subscription named;

    if (!find_unlicensed(work, keys, ret))
        return false;
    if (identity_by_identifier(work->change->db, keys, work->arena, &named) &&
        !str_eq(named.id, ret->id)) {
        merge(work, &named, ret);
        *ret = named;
    }
    return true;
}

static bool find_record(struct answer_work *work, const struct group *group,
                        struct subscription *ret)
{
    struct subscription unlicensed;

    if (group->keys.license_key.len == 0)
        return find_customer(work, &group->keys, ret);
    if (!find_licensed(work, &group->keys, ret))
        return proves_one_licence(work) && find_unlicensed(work, &group->keys, ret);
    if (proves_one_licence(work) && find_unlicensed(work, &group->keys, &unlicensed))
        merge(work, ret, &unlicensed);
    return true;
}

static void note_write(struct answer_work *work, const struct subscription *record,
                       enum record_write write)
{
    if (write == RECORD_CHANGED)
        ids_add(work->changed, record->id);
    if (str_eq(record->id, work->claimed.id))
        work->claimed = *record;
}

static void apply_rows(struct answer_work *work, struct subscription *record,
                       const struct aws_entitlement_list *rows, bool partial)
{
    const struct asked asked = {.began_at_s = work->params->began_at,
                                .now_s = change_now_s(work->change),
                                .scope = work->params->scope,
                                .product_alive = work->product_alive,
                                .proven = work->proven};

    if (partial || work->obscure)
        apply_partial(record, rows, &asked, work->arena);
    else
        apply_answer(record, rows, &asked, &work->books->policy, work->arena);
}

static void apply_new(struct answer_work *work, struct group *group)
{
    group->record = identity_new(&group->keys);
    apply_rows(work, &group->record, &group->rows, group->partial);
    records_insert(work->change, &group->record);
    ids_add(work->changed, group->record.id);
}

static void apply_known(struct answer_work *work, struct group *group,
                        const struct subscription *known)
{
    struct subscription before = *known;

    group->record = before;
    identity_learn(&group->record, &group->keys);
    apply_rows(work, &group->record, &group->rows, group->partial);
    note_write(work, &group->record, records_update(work->change, &before, &group->record));
}

static void apply_group(struct answer_work *work, struct group *group)
{
    struct subscription known;

    if (find_record(work, group, &known))
        apply_known(work, group, &known);
    else
        apply_new(work, group);
    if (identity_take_in_unestablished(work->change, &group->record))
        note_write(work, &group->record, RECORD_CHANGED);
}

static const struct group *group_of(const struct answer_work *work, struct str id)
{
    const struct numbering_entry *found = numbering_find(&work->by_record, id);

    return found ? &work->groups[found->number] : NULL;
}

static void link_successor(struct answer_work *work, struct group *group)
{
    if (!identity_succeed(work->change, &work->claimed, &group->record))
        return;
    ids_add(work->changed, work->claimed.id);
    ids_add(work->changed, group->record.id);
}

static bool same_entitlements(const struct subscription *a, const struct subscription *b)
{
    if (a->entitlements.count != b->entitlements.count)
        return false;
    for (size_t i = 0; i < a->entitlements.count; i++) {
        const struct entitlement *x = &a->entitlements.items[i], *y = &b->entitlements.items[i];
        if (!str_eq(x->dimension, y->dimension) || !value_eq(x->value, y->value) ||
            x->expires_at != y->expires_at)
            return false;
    }
    return true;
}

/* A legacy listing was opted in to concurrent agreements, and what the identifier named is now
 * several licences. The record goes on in the one that equals it, else in the first, so that it is
 * not counted beside them and its tenant is not lost. */
static void go_on_in_licences(struct answer_work *work)
{
    struct group *found = NULL;

    if (work->claimed.license_key.len > 0 || work->licensed < 2 || work->licensed < work->count)
        return;
    for (size_t i = 0; i < work->count; i++) {
        struct group *group = &work->groups[i];
        if (group->record.predecessor.len > 0 ||
            identity_tenants_differ(&work->claimed, &group->record))
            continue;
        if (same_entitlements(&group->record, &work->claimed)) {
            found = group;
            break;
        }
        if (!found || str_compare(group->keys.license_key, found->keys.license_key) < 0)
            found = group;
    }
    if (found)
        link_successor(work, found);
}

/* Other subscriptions of the account that are not listed any more: an agreement of theirs may be
 * what was renewed. */
struct rivals {
    size_t count;
    size_t announced; /* of which AWS said so */
};

static bool may_be_succeeded(const struct subscription *record)
{
    return record->successor.len == 0 && !record_is_cancelled(record);
}

static bool is_rival(const struct answer_work *work, const struct subscription *other)
{
    return str_eq(other->account_id, work->claimed.account_id) &&
           !str_eq(other->id, work->claimed.id) && !group_of(work, other->id) &&
           other->entitlements.count > 0 && may_be_succeeded(other) &&
           record_state(other, &work->books->policy, work->params->began_at, false) != STATE_ENDED;
}

static struct rivals rivals_of(const struct answer_work *work)
{
    struct subscription_list all = records_find(work->change->db, work->claimed.account_id,
                                                work->claimed.product_code, work->arena);
    struct rivals rivals = {0};

    for (size_t i = 0; i < all.count; i++) {
        if (!is_rival(work, &all.items[i]))
            continue;
        rivals.count++;
        rivals.announced += record_evidence(&all.items[i]).succeeded_at != 0;
    }
    return rivals;
}

enum succession { SUCCESSION_NONE, SUCCESSION_FOUND, SUCCESSION_UNDECIDED };

/* The licences of the account that AWS lists, by what speaks for each. */
struct heirs {
    struct group *same, *possible; /* one of them */
    size_t same_count, possible_count, count;
};

static struct heirs heirs_of(const struct answer_work *work)
{
    struct heirs heirs = {0};

    for (size_t i = 0; i < work->count; i++) {
        struct group *group = &work->groups[i];
        enum heir heir =
            succession_heir(work->change, &work->books->policy, &work->claimed, &group->record);
        if (heir == HEIR_SAME) {
            heirs.same = group;
            heirs.same_count++;
        } else if (heir == HEIR_POSSIBLE) {
            heirs.possible = group;
            heirs.possible_count++;
        }
        heirs.count += heir != HEIR_NONE;
    }
    return heirs;
}

/* AWS's events about a renewal may be late or lost: what was there twice without entitlements,
 * without having been cancelled or having ended, goes on in the only new licence of its account.
 * Where more than one could go on, or in more than one, only AWS knows, or the vendor. */
static enum succession seek_successor(const struct answer_work *work, bool was_empty,
                                      struct group **ret_found)
{
    bool announced = record_evidence(&work->claimed).succeeded_at != 0;

    if (!was_empty || work->params->scope != SCOPE_ACCOUNT || !may_be_succeeded(&work->claimed) ||
        record_state(&work->claimed, &work->books->policy, work->params->began_at, false) ==
            STATE_ENDED)
        return SUCCESSION_NONE;
    if (work->claimed.entitlements.count == 0 && !announced)
        return SUCCESSION_NONE; /* new itself, and not listed yet */
    struct heirs heirs = heirs_of(work);
    *ret_found = heirs.same_count == 1 ? heirs.same : heirs.possible;
    if (heirs.same_count == 1)
        return SUCCESSION_FOUND;
    struct rivals rivals = rivals_of(work);
    if (heirs.count == 0 || (!announced && rivals.announced >= heirs.count))
        return SUCCESSION_NONE;
    if (heirs.possible_count == 1 && heirs.count == 1 &&
        (announced ? rivals.announced : rivals.count) == 0)
        return SUCCESSION_FOUND;
    return SUCCESSION_UNDECIDED;
}

/* Whether a licence of the account could still turn out to be its renewal. */
static bool could_go_on(const struct answer_work *work)
{
    struct subscription_list all = records_find(work->change->db, work->claimed.account_id,
                                                work->claimed.product_code, work->arena);
    const struct policy *policy = &work->books->policy;

    for (size_t i = 0; i < all.count; i++) {
        const struct subscription *other = &all.items[i];
        if (str_eq(other->account_id, work->claimed.account_id) &&
            !str_eq(other->id, work->claimed.id) && record_evidence(other).undecided_at == 0 &&
            succession_heir(work->change, policy, &work->claimed, other) != HEIR_NONE &&
            record_state(other, policy, work->params->began_at, false) != STATE_ENDED)
            return true;
    }
    return false;
}

static void apply_nothing(struct answer_work *work, bool was_empty)
{
    static const struct aws_entitlement_list no_rows;
    struct subscription before = work->claimed;
    struct subscription after = before;
    struct group *found = NULL;
    enum succession succession = seek_successor(work, was_empty, &found);

    apply_rows(work, &after, &no_rows, false);
    /* An answer without anything says nothing about who goes on in what, as long as one could. */
    if (work->count > 0 || !could_go_on(work))
        apply_undecided(&after, succession == SUCCESSION_UNDECIDED ? work->params->began_at : 0,
                        work->arena);
    ends_weigh(work->books, work->change, &before, &after, work->changed);
    ends_weigh_undecided(work->books, work->change, &before, &after);
    note_write(work, &after, records_update(work->change, &before, &after));
    if (succession == SUCCESSION_FOUND)
        link_successor(work, found);
}

/* Others of the account that the answer does not list are not emptied by it: they are asked about
 * themselves, once. */
static void mark_unlisted(struct answer_work *work)
{
    if (work->params->scope != SCOPE_ACCOUNT)
        return;
    struct subscription_list others = records_find(work->change->db, work->claimed.account_id,
                                                   work->claimed.product_code, work->arena);
    for (size_t i = 0; i < others.count; i++) {
        const struct subscription *other = &others.items[i];
        if (str_eq(other->account_id, work->claimed.account_id) &&
            !str_eq(other->id, work->claimed.id) && !group_of(work, other->id) &&
            other->entitlements.count > 0 && record_evidence(other).empty_at == 0 &&
            other->verified_at < work->params->began_at)
            marks_mark(work->change, work->books->due, other->id, DUE_EXPIRY,
                       STR("an answer for its account does not list it"));
    }
}

bool answers_apply(struct books *books, struct change *change, const struct subscription *claimed,
                   const struct apply_params *params, bool proven, struct ids *changed,
                   bool *ret_partial)
{
    struct answer_work work = {.books = books,
                               .change = change,
                               .arena = &change->arena,
                               .params = params,
                               .claimed = *claimed,
                               .proven = proven,
                               .changed = changed};
    bool was_empty = record_evidence(claimed).empty_at != 0;

    group_rows(&work);
    if (!fits(&work))
        return false;
    numbering_init(&work.by_record, work.arena);
    for (size_t i = 0; i < work.count; i++) {
        apply_group(&work, &work.groups[i]);
        numbering_add(&work.by_record, work.groups[i].record.id, i);
    }
    const struct group *own = group_of(&work, work.claimed.id);
    *ret_partial = work.obscure || (own && own->partial);
    if (work.obscure)
        return true; /* what it does not list is not known */
    if (!own) {
        go_on_in_licences(&work);
        apply_nothing(&work, was_empty);
    }
    mark_unlisted(&work);
    return true;
}
