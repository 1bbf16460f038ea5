/* Random histories of a product: licences and legacy subscriptions of some accounts come and go,
 * some renewed as others, some announced and some not or late; buyers register and are linked to
 * tenants, AWS is asked, the product is swept. Once AWS has been asked about all that is due, what
 * each account may use is what AWS lists for it, and no tenant is refused its own or given what is
 * another's. */
#include "proto/decide/decide.h"
#include "proto/record/record.h"
#include "services/store/apply.h"
#include "services/store/indexes.h"
#include "services/store/marks.h"
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

static unsigned below(struct world *world, int64_t limit)
{
    return (unsigned)random_between(&world->random, 0, limit - 1);
}

static struct str arn_of(struct world *world, unsigned licence)
{
    return arena_printf(&world->f->arena, ARN("l-%032u"), licence);
}

static struct str account_of(struct world *world, unsigned account)
{
    return arena_printf(&world->f->arena, "%012u", account + 1);
}

static struct str customer_of(struct world *world, unsigned account)
{
    return arena_printf(&world->f->arena, "cust-%u", account);
}

/* What AWS lists. */

static int64_t seats_of(unsigned licence)
{
    return 10 * ((int64_t)licence + 1);
}

static struct aws_entitlement licence_row(struct world *world, unsigned licence)
{
    struct aws_entitlement row = SEATS(seats_of(licence), .license_arn = arn_of(world, licence),
                                       .account_id = account_of(world, licence % ACCOUNTS));

    if (world->licences[licence].names_customer)
        row.customer_identifier = customer_of(world, licence % ACCOUNTS);
    return row;
}

static struct aws_entitlement legacy_row(struct world *world, unsigned account)
{
    struct aws_entitlement row =
        SEATS(LEGACY_SEATS, .customer_identifier = customer_of(world, account));

    if (world->legacy[account].names_account)
        row.account_id = account_of(world, account);
    return row;
}

static struct aws_entitlement_list all_rows(struct world *world)
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
static bool is_in_scope(struct world *world, const struct aws_entitlement *row,
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

static struct aws_entitlement_list rows_for(struct world *world, const struct subscription *record,
                                            enum scope scope)
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
static void announce(struct world *world, struct notification event)
{
    event.event_id = arena_printf(&world->f->arena, "e-%u", world->events++);
    event.event_time = wall_s;
    event.seller_account = STR(SELLER);
    if (random_chance(&world->random, 30) && world->late_count < LATE_MOST)
        world->late[world->late_count++] = event;
    else
        fixture_notify(world->f, event);
}

static void deliver_late(struct world *world)
{
    if (world->late_count == 0)
        return;
    struct notification *event = &world->late[below(world, world->late_count)];
    fixture_notify(world->f, *event);
    *event = world->late[--world->late_count];
}

static void announce_licence(struct world *world, unsigned licence, enum event_kind kind)
{
    announce(world, (struct notification){.source = SOURCE_EVENTBRIDGE,
                                          .kind = kind,
                                          .product_code = STR(PRODUCT),
                                          .account_id = account_of(world, licence % ACCOUNTS),
                                          .license = arn_of(world, licence),
                                          .agreement_id =
                                              arena_printf(&world->f->arena, "agmt-%u", licence)});
}

static void announce_end(struct world *world, unsigned licence, const char *status)
{
    announce(world, (struct notification){.source = SOURCE_EVENTBRIDGE,
                                          .kind = EVENT_AGREEMENT_ENDED,
                                          .account_id = account_of(world, licence % ACCOUNTS),
                                          .agreement_id =
                                              arena_printf(&world->f->arena, "agmt-%u", licence),
                                          .status = str_of(status)});
}

/* Some events about a reseller's renewals do not name the agreement before them. */
static void announce_renewal(struct world *world, unsigned old, unsigned new)
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

static void announce_legacy(struct world *world, unsigned account, enum event_kind kind)
{
    announce(world, (struct notification){.source = SOURCE_SNS,
                                          .kind = kind,
                                          .product_code = STR(PRODUCT),
                                          .customer_identifier = customer_of(world, account)});
}

static void announce_licence_event(struct world *world, unsigned licence, enum event_kind kind)
{
    announce_licence(world, licence, kind);
    world->licences[licence].is_known = true;
}

static void change_licence(struct world *world)
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

static void renew(struct world *world, unsigned old, unsigned new)
{
    world->licences[old].was_renewed = true;
    world->licences[new].tenant = world->licences[old].tenant;
    if (random_chance(&world->random, 67))
        announce_end(world, old, "RENEWED");
    if (random_chance(&world->random, 67))
        announce_renewal(world, old, new);
}

/* Looks like a renewal as long as its events are late. */
static void buy_another(struct world *world, unsigned old)
{
    world->licences[old].is_cancelled = random_chance(&world->random, 67);
    if (world->licences[old].is_cancelled)
        announce_end(world, old, "CANCELLED");
}

/* A listed licence of the account goes, and a new one comes; some of the events are lost. */
static void follow_licence(struct world *world)
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

static void change_legacy(struct world *world)
{
    unsigned account = below(world, ACCOUNTS);
    bool listed = world->legacy[account].listed = !world->legacy[account].listed;

    if (random_chance(&world->random, 50))
        announce_legacy(world, account,
                        listed ? EVENT_SUBSCRIBE_SUCCESS : EVENT_UNSUBSCRIBE_SUCCESS);
}

static void register_buyer(struct world *world, const struct register_params *params)
{
    struct register_result result = {0};

    assert_int_equal(fixture_write(world->f, on_register, params, &result), ERROR_NONE);
}

static void enter(struct world *world, unsigned licence)
{
    unsigned account = licence % ACCOUNTS;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = account_of(world, account),
                                     .license_arn = arn_of(world, licence)};

    if (world->licences[licence].names_customer)
        params.customer_identifier = customer_of(world, account);
    register_buyer(world, &params);
}

static void register_licence(struct world *world)
{
    unsigned licence = below(world, LICENCES);

    if (world->licences[licence].listed)
        enter(world, licence);
}

static struct str tenant_of(struct world *world, unsigned tenant)
{
    return arena_printf(&world->f->arena, "tenant-%u", tenant);
}

/* The vendor's sign-up, after the registration. */
static void link_tenant(struct world *world)
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

static void register_legacy(struct world *world)
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
static int64_t claim(struct world *world, struct str id)
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

static void answer(struct world *world, struct str id)
{
    struct subscription record = fixture_get(world->f, id);
    struct mark_params mark = {.handle = record.id, .class = DUE_MAX_AGE};
    struct mark_result marked;
    struct apply_result result = {0};
    bool probe;
    enum scope scope = apply_scope(&record, &probe);

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
    assert_int_equal(fixture_write(world->f, on_apply, &params, &result), ERROR_NONE);
}

static void answer_somebody(struct world *world)
{
    struct subscription_list all = fixture_all(world->f);

    if (all.count > 0)
        answer(world, all.items[below(world, (int64_t)all.count)].id);
}

static void mark_product(struct world *world, struct str id)
{
    struct books *books = &world->f->books;
    struct change change;

    change_begin(&change, books->db, books->seq, clock_wall_ms());
    marks_mark(&change, books->due, id, DUE_MAX_AGE, STR("test"));
    assert_int_equal(change_commit(&change, &world->f->error), 0);
    books_settle(books, &change);
    change_done(&change);
}

static void sweep(struct world *world)
{
    struct str id = STR("p-" PRODUCT);

    mark_product(world, id);
    wall_s += CALL_S;
    struct sweep_part_result part_result = {0};
    struct sweep_finish_result finish_result = {0};
    struct sweep_part_params part = {.subscription = id,
                                     .fence = claim(world, id),
                                     .began_at = wall_s,
                                     .rows = all_rows(world),
                                     .signed_by = STR(SELLER)};
    struct sweep_finish_params finish = {.subscription = id,
                                         .fence = part.fence,
                                         .began_at = wall_s,
                                         .rows = (int64_t)part.rows.count,
                                         .signed_by = STR(SELLER)};

    if (part.rows.count > 0)
        assert_int_equal(fixture_write(world->f, on_sweep_part, &part, &part_result), ERROR_NONE);
    assert_int_equal(fixture_write(world->f, on_sweep_finish, &finish, &finish_result), ERROR_NONE);
}

/* Marked, or its date has come; what is pending or was confirmed as ended only if it is marked. */
static bool is_due(struct world *world, const struct subscription *record)
{
    struct evidence evidence = record_evidence(record);
    struct stored_due stored;
    enum due_class class;

    marks_get(world->f->books.db, record->id, &world->f->arena, &stored);
    if (stored.class != due_class_none)
        return true;
    int64_t at_s = record_next_due_s(record, &world->f->books.policy, wall_s, &class);
    return at_s != 0 && at_s <= wall_s + CALL_S && class != DUE_PENDING &&
           evidence.empty_again_at == 0;
}

static void answer_all_due(struct world *world)
{
    enum { ROUNDS_MOST = 60 };
    bool again = true;

    for (int round = 0; again && round < ROUNDS_MOST; round++) {
        struct subscription_list all = fixture_all(world->f);
        again = false;
        for (size_t i = 0; i < all.count; i++) {
            struct subscription record;
            if (!records_get(world->f->books.db, all.items[i].id, &world->f->arena, &record) ||
                !is_due(world, &record))
                continue;
            answer(world, record.id);
            again = true;
        }
    }
}

static void step(struct world *world)
{
    static void (*const steps[])(struct world *) = {
        change_licence,  change_legacy,   register_licence, register_legacy,  sweep,
        answer_somebody, answer_somebody, answer_all_due,   deliver_late,     follow_licence,
        follow_licence,  link_tenant,     link_tenant,      register_licence,
    };
    enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
    unsigned which = below(world, STEPS + 1);

    wall_s += below(world, 200);
    if (which < STEPS)
        steps[which](world);
    else
        announce_licence_event(world, below(world, LICENCES), EVENT_LICENSE_UPDATED);
}

/* What must hold. */

struct found {
    const struct subscription **items;
    size_t count;
};

static void take(const struct subscription *record, struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->items[i] == record)
            return;
    }
    found->items[found->count++] = record;
}

/* What the handle leads to, with all their successors. */
static void find(const struct subscription_list *all, struct str handle, struct found *found)
{
    for (size_t i = 0; i < all->count; i++) {
        if (record_has_handle(&all->items[i], handle))
            take(&all->items[i], found);
    }
    for (size_t n = 0; n < found->count; n++) {
        for (size_t i = 0; i < all->count; i++) {
            if (str_eq(all->items[i].id, found->items[n]->successor))
                take(&all->items[i], found);
        }
    }
}

static int64_t granted(struct world *world, const struct subscription_list *all, struct str handle,
                       struct str other_handle)
{
    struct found found = {
        .items = arena_alloc_array(&world->f->arena, all->count + 1, sizeof(found.items[0]))};
    const struct decide_question question = {.handle = handle, .dimension = STR("seats")};
    struct answer answer;
    struct error error;

    find(all, handle, &found);
    if (other_handle.len > 0)
        find(all, other_handle, &found);
    const struct decide_facts facts = {.subscriptions = found.items,
                                       .subscription_count = found.count};
    decide(&question, &facts, &world->f->books.policy, wall_s + 1, &world->f->arena, &answer,
           &error);
    return answer.allow && answer.granted.kind == VALUE_INTEGER ? answer.granted.integer : 0;
}

static int64_t bought(const struct world *world, unsigned account)
{
    int64_t seats = world->legacy[account].listed ? LEGACY_SEATS : 0;

    for (unsigned i = account; i < LICENCES; i += ACCOUNTS)
        seats += world->licences[i].listed ? seats_of(i) : 0;
    return seats;
}

static void assert_no_two_are_one(const struct subscription_list *all)
{
    for (size_t i = 0; i < all->count; i++) {
        for (size_t j = i + 1; j < all->count; j++) {
            const struct subscription *one = &all->items[i], *other = &all->items[j];
            bool legacy = one->license_key.len + other->license_key.len == 0;
            if (one->license_key.len > 0)
                assert_false(str_eq(one->license_key, other->license_key));
            if (legacy && one->customer_identifier.len > 0)
                assert_false(str_eq(one->customer_identifier, other->customer_identifier));
        }
    }
}

static void assert_links_are_mutual(struct world *world, const struct subscription_list *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct subscription *record = &all->items[i];
        if (record->successor.len > 0)
            assert_true(str_eq(fixture_get(world->f, record->successor).predecessor, record->id));
        if (record->predecessor.len > 0)
            assert_true(str_eq(fixture_get(world->f, record->predecessor).successor, record->id));
    }
}

static void assert_indexes_are_whole(struct world *world)
{
    struct check_indexes_params params = {.report_only = true};
    struct check_indexes_result result;

    do {
        result = (struct check_indexes_result){0};
        assert_int_equal(fixture_write(world->f, on_check_indexes, &params, &result), ERROR_NONE);
        assert_int_equal(result.missing + result.surplus, 0);
        params.position = result.next;
    } while (result.next.len > 0);
}

/* While AWS lists nothing at all for the product, ends are held: nothing can be said of grants. */
static void assert_granted_is_bought(struct world *world, const struct subscription_list *all)
{
    for (unsigned i = 0; i < ACCOUNTS && all_rows(world).count > 0; i++)
        assert_int_equal(granted(world, all, account_of(world, i), customer_of(world, i)),
                         bought(world, i));
}

static const struct subscription *record_of(struct world *world,
                                            const struct subscription_list *all, unsigned licence)
{
    struct str key = license_key(arn_of(world, licence));

    for (size_t i = 0; i < all->count; i++) {
        if (str_eq(all->items[i].license_key, key))
            return &all->items[i];
    }
    return NULL;
}

/* Its own listed licences, and those that AWS's events say its licences were renewed as. */
static int64_t least_of(struct world *world, const struct subscription_list *all, unsigned tenant)
{
    int64_t seats = 0;

    for (unsigned i = 0; i < LICENCES; i++) {
        const struct licence *licence = &world->licences[i];
        const struct subscription *record = record_of(world, all, i);
        if (!licence->listed || licence->tenant != tenant || !record)
            continue;
        bool is_its = str_eq(record->tenant, tenant_of(world, tenant));
        if (!is_its && licence->renews_told > 0 && licence->is_known &&
            world->licences[licence->renews_told - 1].is_known) {
            const struct subscription *old = record_of(world, all, licence->renews_told - 1);
            is_its = old && str_eq(old->tenant, tenant_of(world, tenant));
        }
        seats += is_its ? seats_of(i) : 0;
    }
    return seats;
}

/* What is its, and what nobody has said anything of. */
static int64_t most_of(struct world *world, const struct subscription_list *all, unsigned tenant)
{
    int64_t seats = 0;

    for (unsigned i = 0; i < LICENCES; i++) {
        const struct subscription *record = record_of(world, all, i);
        if (!world->licences[i].listed || !record)
            continue;
        if (world->licences[i].tenant == tenant ||
            (record->tenant.len == 0 && record->registered_at == 0))
            seats += seats_of(i);
    }
    return seats;
}

/* Nothing is listed of it, and AWS said of all that it had that they were cancelled. */
static bool is_cancelled(struct world *world, const struct subscription_list *all, unsigned tenant)
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

static void assert_each_tenant_has_its_own(struct world *world, const struct subscription_list *all)
{
    for (unsigned i = 0; i < LICENCES && all_rows(world).count > 0; i++) {
        int64_t seats = granted(world, all, tenant_of(world, i), STR_NONE);
        assert_true(seats >= least_of(world, all, i));
        assert_true(seats <= most_of(world, all, i));
        if (is_cancelled(world, all, i))
            assert_int_equal(seats, 0);
    }
}

static void live(struct world *world)
{
    unsigned steps = STEPS_LEAST + below(world, STEPS_MOST - STEPS_LEAST);

    for (unsigned i = 0; i < LICENCES; i++) {
        world->licences[i].names_customer = random_chance(&world->random, 33);
        world->licences[i].tenant = i;
    }
    for (unsigned i = 0; i < ACCOUNTS; i++)
        world->legacy[i].names_account = random_chance(&world->random, 67);
    for (unsigned i = 0; i < steps; i++)
        step(world);
    while (world->late_count > 0)
        deliver_late(world);
    for (unsigned i = 0; i < 4; i++) { /* longer than anything is left undecided */
        wall_s += 4 * DAY_S;
        sweep(world);
        answer_all_due(world);
        wall_s += DAY_S / 12;
        answer_all_due(world);
    }
}

static void what_aws_lists_is_what_is_granted(void **state)
{
    static struct settings settings = {.store.many_ends = INT32_MAX,
                                       .store.many_ends_within_ms = 1000};
    struct random random = random_seeded("what_aws_lists_is_what_is_granted");

    (void)state;
    for (int i = 0; i < WORLDS; i++) {
        void *fixture;
        wall_s = 1700000000;
        fixture_set_up(&fixture);
        struct world world = {.f = fixture, .random = {random_next(&random)}};
        world.f->books.settings = &settings;
        live(&world);
        struct subscription_list all = fixture_all(world.f);
        assert_granted_is_bought(&world, &all);
        assert_each_tenant_has_its_own(&world, &all);
        assert_no_two_are_one(&all);
        assert_links_are_mutual(&world, &all);
        assert_indexes_are_whole(&world);
        fixture_tear_down(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_aws_lists_is_what_is_granted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
