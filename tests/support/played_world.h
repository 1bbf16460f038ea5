/* A small market, played at random: purchases, renewals, ends, and what AWS says of them, late,
 * twice or never. */
#ifndef TESTS_SUPPORT_PLAYED_WORLD_H
#define TESTS_SUPPORT_PLAYED_WORLD_H

#include "proto/record/record.h"
#include "services/store/rules/apply.h"
#include "services/store/work/scope.h"
#include "tests/support/random.h"
#include "tests/support/store_fixture.h"

enum {
    WORLDS = 15,
    ACCOUNTS = 2,
    LICENCES = 8,
    LATE_MOST = 200,
    LEGACY_SEATS = 3,
    STEPS_LEAST = 10,
    STEPS_MOST = 50,
    CALL_S = 70, /* between two calls: more than end_confirm_delay */
    DAY_S = 86400,
};

/* The wall clock, of the store too. */
static int64_t wall_s;

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_s(void);

int64_t __wrap_clock_wall_ms(void)
{
    return wall_s * 1000;
}

int64_t __wrap_clock_wall_s(void)
{
    return wall_s;
}

struct world {
    struct fixture *f;
    struct random random;
    struct licence {
        bool listed;
        bool names_customer;
        bool was_bought, was_renewed;
        bool is_known;        /* a licence event of it was sent */
        bool is_cancelled;    /* as the last that was said of its agreement */
        unsigned tenant;      /* of the vendor, whose it is */
        unsigned renews_told; /* 1 + the licence that its Created event names */
    } licences[LICENCES];
    struct notification late[LATE_MOST];
    unsigned late_count;
    struct {
        bool listed;
        bool names_account;
    } legacy[ACCOUNTS];
    unsigned events;
};

static inline unsigned below(struct world *world, int64_t limit)
{
    return (unsigned)random_between(&world->random, 0, limit - 1);
}

static inline struct str arn_of(struct world *world, unsigned licence)
{
    return arena_printf(&world->f->arena, ARN("l-%032u"), licence);
}

static inline struct str account_of(struct world *world, unsigned account)
{
    return arena_printf(&world->f->arena, "%012u", account + 1);
}

static inline struct str customer_of(struct world *world, unsigned account)
{
    return arena_printf(&world->f->arena, "cust-%u", account);
}

/* What AWS lists. */

static inline int64_t seats_of(unsigned licence)
{
    return 10 * ((int64_t)licence + 1);
}

static inline struct aws_entitlement licence_row(struct world *world, unsigned licence)
{
    struct aws_entitlement row = SEATS(seats_of(licence), .license_arn = arn_of(world, licence),
                                       .account_id = account_of(world, licence % ACCOUNTS));

    if (world->licences[licence].names_customer)
        row.customer_identifier = customer_of(world, licence % ACCOUNTS);
    return row;
}

static inline struct aws_entitlement legacy_row(struct world *world, unsigned account)
{
    struct aws_entitlement row =
        SEATS(LEGACY_SEATS, .customer_identifier = customer_of(world, account));

    if (world->legacy[account].names_account)
        row.account_id = account_of(world, account);
    return row;
}

static inline struct aws_entitlement_list all_rows(struct world *world)
{
    struct aws_entitlement_list rows = {
        .items = arena_alloc_array(&world->f->arena, LICENCES + ACCOUNTS, sizeof(*rows.items))};

    for (unsigned i = 0; i < LICENCES; i++) {
        if (world->licences[i].listed)
            rows.items[rows.count++] = licence_row(world, i);
    }
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        if (world->legacy[i].listed)
            rows.items[rows.count++] = legacy_row(world, i);
    }
    return rows;
}

/* An account finds also what its rows do not name it in. */
static inline bool is_in_scope(struct world *world, const struct aws_entitlement *row,
                               const struct subscription *record, enum scope scope)
{
    struct str account = row->account_id;

    for (unsigned i = 0; account.len == 0 && i < ACCOUNTS; i++) {
        if (str_eq(row->customer_identifier, customer_of(world, i)))
            account = account_of(world, i);
    }
    switch (scope) {
    case SCOPE_LICENSE:
        return row->license_arn.len > 0 && str_eq(row->license_arn, record->license_arn);
    case SCOPE_CUSTOMER_IDENTIFIER:
        return str_eq(row->customer_identifier, record->customer_identifier);
    case SCOPE_ACCOUNT:
        return str_eq(account, record->account_id);
    case scope_none:
    case scope_count:
        break;
    }
    return false;
}

static inline struct aws_entitlement_list
rows_for(struct world *world, const struct subscription *record, enum scope scope)
{
    struct aws_entitlement_list rows = all_rows(world);
    size_t kept = 0;

    for (size_t i = 0; i < rows.count; i++) {
        if (is_in_scope(world, &rows.items[i], record, scope))
            rows.items[kept++] = rows.items[i];
    }
    rows.count = kept;
    return rows;
}

/* What happens. */

/* Now, or later than others. */
static inline void announce(struct world *world, struct notification event)
{
    event.event_id = arena_printf(&world->f->arena, "e-%u", world->events++);
    event.event_time = wall_s;
    event.seller_account = STR(SELLER);
    if (random_chance(&world->random, 30) && world->late_count < LATE_MOST)
        world->late[world->late_count++] = event;
    else
        fixture_notify(world->f, event);
}

static inline void deliver_late(struct world *world)
{
    if (world->late_count == 0)
        return;
    struct notification *event = &world->late[below(world, world->late_count)];
    fixture_notify(world->f, *event);
    *event = world->late[--world->late_count];
}

static inline void announce_licence(struct world *world, unsigned licence, enum event_kind kind)
{
    announce(world, (struct notification){.source = SOURCE_EVENTBRIDGE,
                                          .kind = kind,
                                          .product_code = STR(PRODUCT),
                                          .account_id = account_of(world, licence % ACCOUNTS),
                                          .license = arn_of(world, licence),
                                          .agreement_id =
                                              arena_printf(&world->f->arena, "agmt-%u", licence)});
}

static inline void announce_end(struct world *world, unsigned licence, const char *status)
{
    announce(world, (struct notification){.source = SOURCE_EVENTBRIDGE,
                                          .kind = EVENT_AGREEMENT_ENDED,
                                          .account_id = account_of(world, licence % ACCOUNTS),
                                          .agreement_id =
                                              arena_printf(&world->f->arena, "agmt-%u", licence),
                                          .status = str_of(status)});
}

/* Some events about a reseller's renewals do not name the agreement before them. */
static inline void announce_renewal(struct world *world, unsigned old, unsigned new)
{
    bool names = random_chance(&world->random, 70);

    announce(world, (struct notification){
                        .source = SOURCE_EVENTBRIDGE,
                        .kind = EVENT_AGREEMENT_CREATED,
                        .account_id = account_of(world, new % ACCOUNTS),
                        .agreement_id = arena_printf(&world->f->arena, "agmt-%u", new),
                        .previous_agreement_id =
                            names ? arena_printf(&world->f->arena, "agmt-%u", old) : STR_NONE,
                        .intent = STR("RENEW")});
    if (names)
        world->licences[new].renews_told = 1 + old;
}

static inline void announce_legacy(struct world *world, unsigned account, enum event_kind kind)
{
    announce(world, (struct notification){.source = SOURCE_SNS,
                                          .kind = kind,
                                          .product_code = STR(PRODUCT),
                                          .customer_identifier = customer_of(world, account)});
}

static inline void announce_licence_event(struct world *world, unsigned licence,
                                          enum event_kind kind)
{
    announce_licence(world, licence, kind);
    world->licences[licence].is_known = true;
}

static inline void change_licence(struct world *world)
{
    unsigned number = below(world, LICENCES);
    struct licence *licence = &world->licences[number];

    if (licence->was_renewed)
        return;
    licence->listed = !licence->listed;
    licence->was_bought = true;
    licence->is_cancelled = false;
    if (random_chance(&world->random, 50))
        announce_licence_event(
            world, number, licence->listed ? EVENT_LICENSE_UPDATED : EVENT_LICENSE_DEPROVISIONED);
    if (!licence->listed && random_chance(&world->random, 50)) {
        announce_end(world, number, "CANCELLED");
        licence->is_cancelled = true;
    }
}

static inline void renew(struct world *world, unsigned old, unsigned new)
{
    world->licences[old].was_renewed = true;
    world->licences[new].tenant = world->licences[old].tenant;
    if (random_chance(&world->random, 67))
        announce_end(world, old, "RENEWED");
    if (random_chance(&world->random, 67))
        announce_renewal(world, old, new);
}

/* Looks like a renewal as long as its events are late. */
static inline void buy_another(struct world *world, unsigned old)
{
    world->licences[old].is_cancelled = random_chance(&world->random, 67);
    if (world->licences[old].is_cancelled)
        announce_end(world, old, "CANCELLED");
}

/* A listed licence of the account goes, and a new one comes; some of the events are lost. */
static inline void follow_licence(struct world *world)
{
    unsigned old = below(world, LICENCES), new = (old + ACCOUNTS) % LICENCES;
    struct licence *licences = world->licences;

    if (!licences[old].listed || licences[new].was_bought)
        return;
    licences[old].listed = false;
    licences[new].listed = licences[new].was_bought = true;
    if (random_chance(&world->random, 50))
        renew(world, old, new);
    else
        buy_another(world, old);
    if (random_chance(&world->random, 67))
        announce_licence_event(world, new, EVENT_LICENSE_UPDATED);
}

static inline void change_legacy(struct world *world)
{
    unsigned account = below(world, ACCOUNTS);
    bool listed = world->legacy[account].listed = !world->legacy[account].listed;

    if (random_chance(&world->random, 50))
        announce_legacy(world, account,
                        listed ? EVENT_SUBSCRIBE_SUCCESS : EVENT_UNSUBSCRIBE_SUCCESS);
}

static inline void register_buyer(struct world *world, const struct register_params *params)
{
    struct register_result result = {0};

    assert_int_equal(fixture_write(world->f, on_register, params, &result), ERROR_NONE);
}

static inline void enter(struct world *world, unsigned licence)
{
    unsigned account = licence % ACCOUNTS;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = account_of(world, account),
                                     .license_arn = arn_of(world, licence)};

    if (world->licences[licence].names_customer)
        params.customer_identifier = customer_of(world, account);
    register_buyer(world, &params);
}

static inline void register_licence(struct world *world)
{
    unsigned licence = below(world, LICENCES);

    if (world->licences[licence].listed)
        enter(world, licence);
}

static inline struct str tenant_of(struct world *world, unsigned tenant)
{
    return arena_printf(&world->f->arena, "tenant-%u", tenant);
}

/* The vendor's sign-up, after the registration. */
static inline void link_tenant(struct world *world)
{
    unsigned licence = below(world, LICENCES);
    struct link_params params = {.handle = license_key(arn_of(world, licence)),
                                 .tenant = tenant_of(world, world->licences[licence].tenant)};
    struct subscription_result result = {0};

    if (!world->licences[licence].listed)
        return;
    enter(world, licence);
    assert_int_equal(fixture_write(world->f, on_link, &params, &result), ERROR_NONE);
}

static inline void register_legacy(struct world *world)
{
    unsigned account = below(world, ACCOUNTS);
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = account_of(world, account)};

    if (random_chance(&world->random, 67))
        params.customer_identifier = customer_of(world, account);
    if (world->legacy[account].listed)
        register_buyer(world, &params);
}

/* What AWS is asked. */

/* Others are given back once ours is found. */
static inline int64_t claim(struct world *world, struct str id)
{
    enum { CLAIMS_MOST = 64 };
    struct due *due = world->f->books.due;
    struct due_claim claims[CLAIMS_MOST];
    size_t count = 0;
    int64_t fence = 0;

    due_advance(due, moment_now());
    for (int class = 1; fence == 0 && class < due_class_count; class ++) {
        while (fence == 0 && count < CLAIMS_MOST &&
               due_take(due, (enum due_class) class, STR("test"), moment_now(), &claims[count])) {
            if (str_eq(claims[count].id, id))
                fence = claims[count].fence;
            else
                count++;
        }
    }
    for (size_t i = 0; i < count; i++)
        due_end(due, claims[i].id, claims[i].fence);
    assert_int_not_equal(fence, 0);
    return fence;
}

static inline void answer(struct world *world, struct str id)
{
    struct subscription record = fixture_get(world->f, id);
    struct mark_params mark = {.handle = record.id, .class = DUE_MAX_AGE};
    struct mark_result marked;
    struct apply_result result = {0};
    bool probe;
    enum scope scope = scope_of(&record, &probe);

    if (scope == scope_none)
        return;
    assert_int_equal(fixture_write(world->f, on_mark, &mark, &marked), ERROR_NONE);
    wall_s += CALL_S;
    struct apply_params params = {.subscription = record.id,
                                  .fence = claim(world, record.id),
                                  .began_at = wall_s,
                                  .scope = scope,
                                  .rows = rows_for(world, &record, scope),
                                  .checker = STR("test"),
                                  .signed_by = STR(SELLER)};
    params.product_alive = probe && params.rows.count == 0 && all_rows(world).count > 0;
    assert_int_equal(fixture_write(world->f, apply_as_stated, &params, &result), ERROR_NONE);
}

static inline const struct subscription *
record_of(struct world *world, const struct subscription_list *all, unsigned licence)
{
    struct str key = license_key(arn_of(world, licence));

    for (size_t i = 0; i < all->count; i++) {
        if (str_eq(all->items[i].license_key, key))
            return &all->items[i];
    }
    return NULL;
}

/* Nothing is listed of it, and AWS said of all that it had that they were cancelled. */
static inline bool is_cancelled(struct world *world, const struct subscription_list *all,
                                unsigned tenant)
{
    bool any = false;

    for (unsigned i = 0; i < LICENCES; i++) {
        const struct licence *licence = &world->licences[i];
        const struct subscription *record = record_of(world, all, i);
        if (!record || !str_eq(record->tenant, tenant_of(world, tenant)))
            continue;
        if (licence->listed || !licence->is_cancelled || !licence->is_known)
            return false;
        any = true;
    }
    return any;
}

#endif
