#include "services/store/rules/events.h"

#include "services/store/rules/agreements.h"
#include "services/store/rules/apply.h"
#include "services/store/rules/identity.h"
#include "services/store/tables/record_writes.h"
#include "services/store/tables/records.h"
#include "services/store/tables/seller.h"
#include "services/store/work/marks.h"

struct event_work {
    struct books *books;
    struct change *change;
    struct arena *arena; /* the change's */
    struct notification *event;
    struct ids *subscriptions;
};

static void not_understood(struct event_work *work, const char *problem)
{
    work->event->outcome = OUTCOME_NOT_UNDERSTOOD;
    if (work->event->problem.len == 0)
        work->event->problem = str_of(problem);
}

/* Anybody who may send to the queue can write an event; AWS's own come from the seller's event bus.
 */
static bool is_sellers(struct event_work *work)
{
    struct error error;

    if (seller_takes(work->change->db, work->event->seller_account, &error))
        return true;
    not_understood(work, "it is of an account that is not the seller account");
    return false;
}

/* A seller's event bus and topics carry the events of all its listings (AWS Marketplace seller
 * guide, "Amazon EventBridge events"): those of the others are nothing to alarm anybody with. */
static bool is_ours(struct event_work *work)
{
    if (work->event->product_code.len == 0) {
        not_understood(work, "it names no product");
        return false;
    }
    if (books_is_our_product(work->books, work->event->product_code))
        return true;
    work->event->outcome = OUTCOME_NOT_OURS;
    work->event->problem = STR("its product is not in the settings");
    return false;
}

/* Whether it had ended so long before that what SNS announces then is about another purchase. */
static bool has_ended_before(const struct event_work *work, const struct subscription *record)
{
    int64_t at_s = work->event->event_time;

    return record_evidence(record).empty_again_at != 0 &&
           record_evidence(record).empty_at + APPLY_LAG_S < at_s &&
           record_state(record, &work->books->policy, at_s, false) == STATE_ENDED;
}

static bool is_customers(const struct event_work *work, const struct subscription *record)
{
    return str_eq(record->customer_identifier, work->event->customer_identifier);
}

/* Whether what SNS announces, be it of the customer, can be about this record. */
static bool may_be_meant(const struct event_work *work, const struct subscription *record)
{
    if (!is_customers(work, record) || record->successor.len > 0)
        return false;
    if (work->event->kind == EVENT_SUBSCRIBE_FAIL)
        return record->entitlements.count == 0;
    return !has_ended_before(work, record);
}

/* A purchase was announced while this one was known: an end may be that one's, though AWS has
 * listed no licence of it yet, or never will. */
static bool another_was_bought(const struct event_work *work, const struct subscription *record)
{
    return record->license_key.len > 0 &&
           record->subscribed_at > record->created_at + work->books->policy.confirm_delay_s;
}

struct customer {
    size_t records; /* that have the identifier */
    size_t meant;   /* those that the message can be about */
};

/* What SNS announced about one record of the customer. Of several that it can be about, it says of
 * none that it ended or failed: AWS is asked about each. */
static void apply_announcement(struct event_work *work, struct subscription *record,
                               const struct customer *customer)
{
    const struct notification *event = work->event;
    struct subscription before = *record;
    bool is_meant = customer->meant == 1 && may_be_meant(work, record);

    if (customer->records == 1 && event->offer_id.len > 0)
        record->offer_id = event->offer_id;
    if (customer->records == 1 && event->free_trial)
        record->free_trial = true;
    if (event->kind == EVENT_SUBSCRIBE_SUCCESS) {
        apply_payment_succeeded(record, event->event_time);
        apply_subscribed(record, event->event_time, change_now_s(work->change), work->arena);
    }
    if (event->kind == EVENT_SUBSCRIBE_FAIL && is_meant)
        apply_payment_failed(record, event->event_time);
    if (event->kind == EVENT_UNSUBSCRIBE_SUCCESS && is_meant && !another_was_bought(work, record))
        apply_notice(record, NOTICE_UNSUBSCRIBED, event->event_time, change_now_s(work->change),
                     work->arena);
    records_update(work->change, &before, record);
    ids_add(work->subscriptions, record->id);
}

/* SNS notifications name a customer by identifier, never a licence: AWS Marketplace Seller Guide,
 * "Amazon SNS notifications for SaaS products". */
static void on_customer_event(struct event_work *work)
{
    const struct notification *event = work->event;
    struct customer customer = {0};

    if (event->customer_identifier.len == 0) {
        not_understood(work, "it names no customer");
        return;
    }
    if (!is_ours(work))
        return;
    struct subscription_list found = records_find(work->change->db, event->customer_identifier,
                                                  event->product_code, work->arena);
    for (size_t i = 0; i < found.count; i++) {
        customer.records += is_customers(work, &found.items[i]);
        customer.meant += may_be_meant(work, &found.items[i]);
    }
    if (customer.records == 0) {
        struct subscription record =
            identity_new(&(struct keys){.product_code = event->product_code,
                                        .customer_identifier = event->customer_identifier});
        records_insert(work->change, &record);
        apply_announcement(work, &record, &(struct customer){1, 1});
    }
    for (size_t i = 0; i < found.count; i++) {
        if (is_customers(work, &found.items[i]))
            apply_announcement(work, &found.items[i], &customer);
    }
    work->event->outcome = OUTCOME_APPLIED;
}

static void learn(struct event_work *work, struct subscription *record, const struct keys *keys)
{
    struct subscription before = *record;

    identity_learn(record, keys);
    records_update(work->change, &before, record);
}

/* AWS's own answers say of which product a licence is. Of which it is now they are asked again. */
static bool is_of_other_product(struct event_work *work, const struct keys *keys)
{
    struct subscription record, other;

    if (identity_by_license(work->change->db, keys->product_code, keys->license_key, work->arena,
                            &record) &&
        record.license_arn.len > 0)
        return false;
    if (!identity_of_other_product(work->change->db, keys, work->arena, &other))
        return false;
    ids_add(work->subscriptions, other.id);
    not_understood(work, "its licence is of another product, by AWS's own answer");
    return true;
}

/* AWS's own answers say whose a licence is. Of it and its customer they are asked again. */
static bool is_of_other_account(struct event_work *work, const struct subscription *record)
{
    struct str account = work->event->account_id;

    if (account.len == 0 || record->license_arn.len == 0 || record->account_id.len == 0 ||
        str_eq(account, record->account_id))
        return false;
    ids_add(work->subscriptions, record->id);
    not_understood(work, "its licence is of another account");
    return true;
}

static void on_license_event(struct event_work *work)
{
    const struct notification *event = work->event;
    /* The event's spelling of the ARN may not be the API's: only the key is taken from it. */
    struct keys keys = {.product_code = event->product_code,
                        .license_key = license_key(event->license),
                        .account_id = event->account_id};
    struct subscription record, before;

    if (keys.license_key.len == 0) {
        not_understood(work, "it names no licence");
        return;
    }
    if (!is_ours(work) || is_of_other_product(work, &keys))
        return;
    if (identity_by_license(work->change->db, keys.product_code, keys.license_key, work->arena,
                            &record)) {
        if (is_of_other_account(work, &record))
            return;
        learn(work, &record, &keys);
    } else {
        record = identity_new(&keys);
        records_insert(work->change, &record);
    }
    ids_add(work->subscriptions, record.id);
    bool current = agreements_note_license(work->change, event, &record, work->subscriptions);
    before = record;
    if (event->kind == EVENT_LICENSE_DEPROVISIONED && current)
        apply_notice(&record, NOTICE_DEPROVISIONED, event->event_time, change_now_s(work->change),
                     work->arena);
    records_update(work->change, &before, &record);
    work->event->outcome = OUTCOME_APPLIED;
}

/* Nothing joins the agreement to a licence yet: whatever it is about, AWS's answers will tell. */
static void add_account(struct event_work *work)
{
    struct str account = work->event->account_id;
    struct subscription_list found = records_find(work->change->db, account, STR_NONE, work->arena);

    for (size_t i = 0; i < found.count; i++) {
        if (str_eq(found.items[i].account_id, account))
            ids_add(work->subscriptions, found.items[i].id);
    }
}

static void on_agreement_event(struct event_work *work)
{
    struct ids joined = {.arena = work->arena};

    if (work->event->agreement_id.len == 0) {
        not_understood(work, "it names no agreement");
        return;
    }
    agreements_note(work->change, work->event, &joined);
    for (size_t i = 0; i < joined.list.count; i++)
        ids_add(work->subscriptions, joined.list.items[i]);
    work->event->outcome = joined.list.count > 0 ? OUTCOME_APPLIED : OUTCOME_PARKED;
    if (joined.list.count == 0)
        add_account(work);
}

static void on_other_event(struct event_work *work)
{
    work->event->outcome = OUTCOME_RECORDED;
}

static void (*const handlers[event_kind_count])(struct event_work *work) = {
    [EVENT_ENTITLEMENT_UPDATED] = on_customer_event,
    [EVENT_SUBSCRIBE_SUCCESS] = on_customer_event,
    [EVENT_SUBSCRIBE_FAIL] = on_customer_event,
    [EVENT_UNSUBSCRIBE_PENDING] = on_customer_event,
    [EVENT_UNSUBSCRIBE_SUCCESS] = on_customer_event,
    [EVENT_LICENSE_UPDATED] = on_license_event,
    [EVENT_LICENSE_DEPROVISIONED] = on_license_event,
    [EVENT_AGREEMENT_CREATED] = on_agreement_event,
    [EVENT_AGREEMENT_AMENDED] = on_agreement_event,
    [EVENT_AGREEMENT_ENDED] = on_agreement_event,
    [EVENT_OTHER] = on_other_event,
};

void events_apply(struct books *books, struct change *change, struct notification *event,
                  struct ids *subscriptions)
{
    struct event_work work = {.books = books,
                              .change = change,
                              .arena = &change->arena,
                              .event = event,
                              .subscriptions = subscriptions};

    if (event->problem.len > 0 || !handlers[event->kind])
        not_understood(&work, "its kind is not known");
    else if (is_sellers(&work))
        handlers[event->kind](&work);
    struct str reason = event->type.len > 0
                            ? event->type
                            : str_of(choice_text(&enumeration_event_kind, event->kind));
    for (size_t i = 0; i < subscriptions->list.count; i++)
        marks_mark(change, books->due, subscriptions->list.items[i], DUE_NOTIFICATION, reason);
}
