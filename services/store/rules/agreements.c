#include "services/store/rules/agreements.h"

#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"

/* An agreement is one account's: what an event of another account says of its id is kept apart, so
 * that nothing follows from it. */
static struct str facts_key(struct change *change, struct str id, struct str account)
{
    if (account.len == 0)
        return id;
    return arena_printf(&change->arena, STR_FMT " " STR_FMT, STR_ARG(id), STR_ARG(account));
}

static bool read_facts(struct change *change, struct str key, struct stored_agreement *ret)
{
    struct error error;
    struct str bytes;

    if (!db_get(change->db, TABLE_AGREEMENTS, key, &change->arena, &bytes))
        return false;
    if (codec_decode(&shape_stored_agreement, bytes, &change->arena, ret, &error) == 0)
        return true;
    log_error("what the events said of an agreement cannot be read", LOG_TEXT("why", error.text));
    return false;
}

/* Kept by the id alone are those of which no account is known yet, or none was when they were kept.
 */
static void load(struct change *change, struct str id, struct str account,
                 struct stored_agreement *ret)
{
    if (!read_facts(change, facts_key(change, id, account), ret) &&
        (!read_facts(change, id, ret) ||
         (ret->account_id.len > 0 && !str_eq(ret->account_id, account))))
        *ret = (struct stored_agreement){.account_id = account};
    ret->id = id;
    if (ret->account_id.len == 0)
        ret->account_id = account;
}

static void save(struct change *change, const struct stored_agreement *facts)
{
    change_put(change, TABLE_AGREEMENTS, facts_key(change, facts->id, facts->account_id),
               &shape_stored_agreement, facts);
}

static void fill(struct str *field, struct str value)
{
    if (field->len == 0)
        *field = value;
}

/* Of two events of one kind the later counts; of the same second the greater text, so that their
 * order of arrival does not. */
static bool supersedes(int64_t new_at, struct str new, int64_t old_at, struct str old)
{
    return new.len > 0 && (new_at > old_at || (new_at == old_at && str_compare(new, old) > 0));
}

static void note_offer(struct stored_agreement *facts, const struct notification *event)
{
    if (!supersedes(event->event_time, event->offer_id, facts->offer_at, facts->offer_id))
        return;
    facts->offer_id = event->offer_id;
    facts->offer_at = event->event_time;
}

static void note_event(struct stored_agreement *facts, const struct notification *event)
{
    note_offer(facts, event);
    if (event->kind == EVENT_AGREEMENT_CREATED) {
        fill(&facts->intent, event->intent);
        fill(&facts->previous, event->previous_agreement_id);
        facts->created_at = event->event_time;
    }
    if (event->kind == EVENT_AGREEMENT_ENDED &&
        supersedes(event->event_time, event->status, facts->ended_at, facts->ended_status)) {
        facts->ended_status = event->status;
        facts->ended_at = event->event_time;
    }
}

static bool is_renewal(struct str word)
{
    return str_eq(word, STR("RENEW")) || str_eq(word, STR("REPLACE"));
}

static bool is_renewed(struct str status)
{
    return str_eq(status, STR("RENEWED")) || str_eq(status, STR("REPLACED"));
}

/* An agreement ends as RENEWED where its renewal begins, as REPLACED where its replacement does. */
static bool is_counterpart(struct str status, struct str intent)
{
    return str_eq(status, STR("RENEWED")) ? str_eq(intent, STR("RENEW"))
                                          : is_renewed(status) && str_eq(intent, STR("REPLACE"));
}

static enum notice notice_of(struct str status)
{
    int notice = choice_of(&enumeration_notice, status);

    return notice == NOTICE_CANCELLED || notice == NOTICE_EXPIRED ? (enum notice)notice
                                                                  : NOTICE_TERMINATED;
}

static void write(struct change *change, const struct subscription *before,
                  struct subscription *after, struct ids *subscriptions)
{
    records_update(change, before, after);
    ids_add(subscriptions, after->id);
}

/* What the agreement's own events say about the record that has it now. */
static void apply_facts(struct change *change, const struct stored_agreement *facts,
                        struct subscription *record, struct ids *subscriptions)
{
    struct subscription before = *record;

    if (facts->offer_id.len > 0)
        record->offer_id = facts->offer_id;
    if (is_renewed(facts->ended_status))
        apply_succeeded(record, facts->ended_at, &change->arena);
    else if (facts->ended_status.len > 0)
        apply_notice(record, notice_of(facts->ended_status), facts->ended_at, change_now_s(change),
                     &change->arena);
    write(change, &before, record, subscriptions);
}

/* The account's record whose agreement it is now. */
static bool record_of(struct change *change, struct str agreement, struct str account,
                      struct subscription *ret)
{
    struct subscription_list found = records_find(change->db, agreement, STR_NONE, &change->arena);

    for (size_t i = 0; i < found.count; i++) {
        if (agreement.len > 0 && str_eq(found.items[i].agreement_id, agreement) &&
            str_eq(found.items[i].account_id, account)) {
            *ret = found.items[i];
            return true;
        }
    }
    return false;
}

/* The Created event of a renewal names the agreement before it. */
static void join_previous(struct change *change, const struct stored_agreement *facts,
                          struct subscription *record, struct ids *subscriptions)
{
    struct subscription previous, before;

    if (!is_renewal(facts->intent) ||
        !record_of(change, facts->previous, facts->account_id, &previous) ||
        (record && !str_eq(record->product_code, previous.product_code)))
        return;
    before = previous;
    apply_succeeded(&previous, facts->created_at, &change->arena);
    write(change, &before, &previous, subscriptions);
    if (record)
        identity_succeed_as_announced(change, &previous, record, subscriptions);
}

/* The event of the agreement that renews this one may have come first. */
static void join_next(struct change *change, const struct stored_agreement *facts,
                      struct ids *subscriptions)
{
    struct stored_agreement next;
    struct subscription successor;

    if (facts->next.len == 0)
        return;
    load(change, facts->next, facts->account_id, &next);
    bool known = record_of(change, next.id, facts->account_id, &successor);
    join_previous(change, &next, known ? &successor : NULL, subscriptions);
}

/* A renewal may keep its licence: which one the licence goes on for, its first agreement says. Of
 * an agreement before it no event may have told the licence: it counts as one of this licence's. */
static void load_first(struct change *change, const struct subscription *record,
                       struct stored_agreement *ret)
{
    enum { RENEWALS_MAX = 100 };
    struct stored_agreement previous;

    load(change, record->agreement_id, record->account_id, ret);
    if (ret->first.len > 0)
        load(change, ret->first, record->account_id, ret);
    for (int i = 0; i < RENEWALS_MAX && ret->previous.len > 0; i++) {
        load(change, ret->previous, record->account_id, &previous);
        if (previous.license_key.len > 0 || previous.previous.len == 0)
            return;
        *ret = previous;
    }
}

enum told agreements_tell(struct change *change, const struct subscription *predecessor,
                          const struct subscription *successor)
{
    struct stored_agreement before, after;

    if (successor->agreement_id.len == 0)
        return TOLD_NOTHING;
    load_first(change, successor, &after);
    load(change, predecessor->agreement_id, predecessor->account_id, &before);
    bool renewed = is_renewed(before.ended_status);
    /* A new agreement may go on for one that just ended, but not for one that was renewed. */
    if (!is_renewal(after.intent))
        return renewed && after.intent.len > 0 ? TOLD_OTHERWISE : TOLD_NOTHING;
    if (after.previous.len == 0)
        return is_counterpart(before.ended_status, after.intent) ? TOLD_ENDS : TOLD_NOTHING;
    if (predecessor->agreement_id.len == 0)
        return TOLD_NOTHING;
    return str_eq(after.previous, predecessor->agreement_id) ? TOLD_BOTH : TOLD_OTHERWISE;
}

enum side { PREDECESSORS, SUCCESSORS };

/* Whether AWS announced what became of it, a renewal or a replacement, but not whom it belongs to.
 */
static bool is_left_open(struct change *change, const struct subscription *record, enum side side,
                         struct str intent)
{
    struct subscription other = {0};
    struct stored_agreement facts;
    bool linked =
        records_get(change->db, side == PREDECESSORS ? record->successor : record->predecessor,
                    &change->arena, &other);

    if (side == PREDECESSORS) {
        load(change, record->agreement_id, record->account_id, &facts);
        return is_counterpart(facts.ended_status, intent) &&
               (!linked || agreements_tell(change, record, &other) < TOLD_ENDS);
    }
    load_first(change, record, &facts);
    return str_eq(facts.intent, intent) && facts.previous.len == 0 &&
           (!linked || agreements_tell(change, &other, record) < TOLD_ENDS);
}

static size_t count_left_open(struct change *change, const struct subscription_list *records,
                              const struct subscription *of, enum side side, struct str intent,
                              struct subscription *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < records->count; i++) {
        const struct subscription *record = &records->items[i];
        if (record->agreement_id.len > 0 && str_eq(record->account_id, of->account_id) &&
            is_left_open(change, record, side, intent)) {
            *ret = *record;
            count++;
        }
    }
    return count;
}

/* A renewal whose Created event names no agreement before it: if an account has exactly one that
 * ended so and one that began so, they are the two ends of it. */
static void join_open_ends(struct change *change, const struct subscription *record,
                           struct str intent, struct ids *subscriptions)
{
    struct subscription predecessor, successor;
    struct subscription_list all =
        records_find(change->db, record->account_id, record->product_code, &change->arena);

    if (count_left_open(change, &all, record, PREDECESSORS, intent, &predecessor) == 1 &&
        count_left_open(change, &all, record, SUCCESSORS, intent, &successor) == 1 &&
        !identity_tenants_differ(&predecessor, &successor))
        identity_succeed_as_announced(change, &predecessor, &successor, subscriptions);
}

static void join_by_account(struct change *change, const struct subscription *record,
                            struct ids *subscriptions)
{
    if (record->account_id.len == 0)
        return;
    join_open_ends(change, record, STR("RENEW"), subscriptions);
    join_open_ends(change, record, STR("REPLACE"), subscriptions);
}

static void settle(struct change *change, const struct stored_agreement *facts,
                   struct ids *subscriptions)
{
    struct subscription record;

    if (!record_of(change, facts->id, facts->account_id, &record)) {
        join_previous(change, facts, NULL, subscriptions);
        return;
    }
    apply_facts(change, facts, &record, subscriptions);
    join_previous(change, facts, &record, subscriptions);
    join_next(change, facts, subscriptions);
    join_by_account(change, &record, subscriptions);
}

static void note_next(struct change *change, const struct stored_agreement *facts)
{
    struct stored_agreement previous;

    if (facts->previous.len == 0 || str_eq(facts->previous, facts->id))
        return;
    load(change, facts->previous, facts->account_id, &previous);
    if (str_compare(facts->id, previous.next) <= 0)
        return;
    previous.next = facts->id;
    save(change, &previous);
}

/* An event that names no account is about the one that has the agreement. */
static struct str account_of(struct change *change, const struct notification *event)
{
    struct subscription_list found =
        records_find(change->db, event->agreement_id, STR_NONE, &change->arena);

    for (size_t i = 0; i < found.count && event->account_id.len == 0; i++) {
        if (str_eq(found.items[i].agreement_id, event->agreement_id))
            return found.items[i].account_id;
    }
    return event->account_id;
}

void agreements_note(struct change *change, const struct notification *event,
                     struct ids *subscriptions)
{
    struct stored_agreement facts;

    load(change, event->agreement_id, account_of(change, event), &facts);
    note_event(&facts, event);
    save(change, &facts);
    note_next(change, &facts);
    settle(change, &facts, subscriptions);
}

/* What an earlier agreement's events announced is not about the later one. */
static void forget_announcements(struct change *change, struct subscription *record, int64_t at)
{
    struct evidence *evidence = arena_alloc(&change->arena, sizeof(*evidence));

    *evidence = record_evidence(record);
    if (evidence->succeeded_at <= at)
        evidence->succeeded_at = 0;
    if (evidence->notice_at <= at) {
        evidence->notice = notice_none;
        evidence->notice_at = 0;
    }
    if (record->evidence)
        record->evidence = evidence;
}

static void load_earliest(struct change *change, const struct stored_agreement *facts,
                          struct stored_agreement *ret)
{
    load(change, facts->first.len > 0 ? facts->first : facts->id, facts->account_id, ret);
}

/* Both have had one licence: the earliest that had it is kept with each, whichever came first. */
static void note_first(struct change *change, struct stored_agreement *a,
                       struct stored_agreement *b)
{
    struct stored_agreement first_of_a, first_of_b;

    load_earliest(change, a, &first_of_a);
    load_earliest(change, b, &first_of_b);
    a->first = b->first =
        supersedes(first_of_a.license_at, first_of_a.id, first_of_b.license_at, first_of_b.id)
            ? first_of_b.id
            : first_of_a.id;
    save(change, a);
    save(change, b);
}

static void join_license(struct change *change, struct stored_agreement *facts,
                         struct subscription *record, struct ids *subscriptions)
{
    struct subscription before = *record;
    struct stored_agreement current;

    if (record->agreement_id.len > 0 && !str_eq(record->agreement_id, facts->id)) {
        load(change, record->agreement_id, record->account_id, &current);
        note_first(change, facts, &current);
        if (!supersedes(facts->license_at, facts->id, current.license_at, current.id))
            return;
        forget_announcements(change, record, facts->license_at);
    }
    record->agreement_id = facts->id;
    write(change, &before, record, subscriptions);
}

bool agreements_note_license(struct change *change, const struct notification *event,
                             struct subscription *record, struct ids *subscriptions)
{
    struct stored_agreement facts;

    if (event->agreement_id.len == 0)
        return true;
    load(change, event->agreement_id, record->account_id, &facts);
    fill(&facts.product_code, event->product_code);
    fill(&facts.license_key, record->license_key);
    note_offer(&facts, event);
    if (event->event_time > facts.license_at)
        facts.license_at = event->event_time;
    save(change, &facts);

    join_license(change, &facts, record, subscriptions);
    settle(change, &facts, subscriptions);
    struct str id = record->id;
    records_get(change->db, id, &change->arena, record);
    return str_eq(record->agreement_id, facts.id);
}
