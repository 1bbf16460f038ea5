/* Random histories of a product: licences and legacy subscriptions of some accounts come and go,
 * some announced and some not; buyers register, AWS is asked, the product is swept. Once AWS has
 * been asked about all that is due, what each account may use is what AWS lists for it. */
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
    LICENCES = 5,
    LEGACY_SEATS = 3,
    STEPS_LEAST = 10,
    STEPS_MOST = 50,
    CALL_S = 70, /* between two calls: more than end_confirm_delay */
    DAY_S = 86400,
};

struct world {
    struct fixture *f;
    struct random random;
    int64_t now_s;
    struct {
        bool listed;
        bool names_customer;
    } licences[LICENCES];
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

static void announce(struct world *world, struct notification event)
{
    event.event_id = arena_printf(&world->f->arena, "e-%u", world->events++);
    event.event_time = world->now_s;
    event.seller_account = STR(SELLER);
    fixture_notify(world->f, event);
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

static void announce_cancellation(struct world *world, unsigned licence)
{
    announce(world, (struct notification){.source = SOURCE_EVENTBRIDGE,
                                          .kind = EVENT_AGREEMENT_ENDED,
                                          .account_id = account_of(world, licence % ACCOUNTS),
                                          .agreement_id =
                                              arena_printf(&world->f->arena, "agmt-%u", licence),
                                          .status = STR("CANCELLED")});
}

static void announce_legacy(struct world *world, unsigned account, enum event_kind kind)
{
    announce(world, (struct notification){.source = SOURCE_SNS,
                                          .kind = kind,
                                          .product_code = STR(PRODUCT),
                                          .customer_identifier = customer_of(world, account)});
}

static void change_licence(struct world *world)
{
    unsigned licence = below(world, LICENCES);
    bool listed = world->licences[licence].listed = !world->licences[licence].listed;

    if (random_chance(&world->random, 50))
        announce_licence(world, licence,
                         listed ? EVENT_LICENSE_UPDATED : EVENT_LICENSE_DEPROVISIONED);
    if (!listed && random_chance(&world->random, 50))
        announce_cancellation(world, licence);
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

static void register_licence(struct world *world)
{
    unsigned licence = below(world, LICENCES), account = licence % ACCOUNTS;
    struct register_params params = {.product_code = STR(PRODUCT),
                                     .account_id = account_of(world, account),
                                     .license_arn = arn_of(world, licence)};

    if (world->licences[licence].names_customer)
        params.customer_identifier = customer_of(world, account);
    if (world->licences[licence].listed)
        register_buyer(world, &params);
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
    world->now_s += CALL_S;
    struct apply_params params = {.subscription = record.id,
                                  .fence = claim(world, record.id),
                                  .began_at = world->now_s,
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
    world->now_s += CALL_S;
    struct sweep_part_result part_result = {0};
    struct sweep_finish_result finish_result = {0};
    struct sweep_part_params part = {.subscription = id,
                                     .fence = claim(world, id),
                                     .began_at = world->now_s,
                                     .rows = all_rows(world),
                                     .signed_by = STR(SELLER)};
    struct sweep_finish_params finish = {.subscription = id,
                                         .fence = part.fence,
                                         .began_at = world->now_s,
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
    int64_t at_s = record_next_due_s(record, &world->f->books.policy, world->now_s, &class);
    return at_s != 0 && at_s <= world->now_s + CALL_S && class != DUE_PENDING &&
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
        change_licence, change_legacy,   register_licence, register_legacy,
        sweep,          answer_somebody, answer_somebody,  answer_all_due,
    };
    enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
    unsigned which = below(world, STEPS + 1);

    world->now_s += below(world, 200);
    if (which < STEPS)
        steps[which](world);
    else
        announce_licence(world, below(world, LICENCES), EVENT_LICENSE_UPDATED);
}

/* What must hold. */

static bool leads_to(struct world *world, const struct subscription *record, unsigned account)
{
    return record_has_handle(record, account_of(world, account)) ||
           record_has_handle(record, customer_of(world, account));
}

static int64_t granted(struct world *world, const struct subscription_list *all, unsigned account)
{
    const struct subscription **subscriptions =
        arena_alloc_array(&world->f->arena, all->count + 1, sizeof(*subscriptions));
    struct decide_facts facts = {.subscriptions = subscriptions};
    const struct decide_question question = {.handle = account_of(world, account),
                                             .dimension = STR("seats")};
    struct answer answer;
    struct error error;

    for (size_t i = 0; i < all->count; i++) {
        if (leads_to(world, &all->items[i], account))
            subscriptions[facts.subscription_count++] = &all->items[i];
    }
    decide(&question, &facts, &world->f->books.policy, world->now_s + 1, &world->f->arena, &answer,
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
        assert_int_equal(granted(world, all, i), bought(world, i));
}

static void live(struct world *world)
{
    unsigned steps = STEPS_LEAST + below(world, STEPS_MOST - STEPS_LEAST);

    world->now_s = clock_wall_s() - 30 * DAY_S;
    for (unsigned i = 0; i < LICENCES; i++)
        world->licences[i].names_customer = random_chance(&world->random, 33);
    for (unsigned i = 0; i < ACCOUNTS; i++)
        world->legacy[i].names_account = random_chance(&world->random, 67);
    for (unsigned i = 0; i < steps; i++)
        step(world);
    for (unsigned i = 0; i < 4; i++) { /* longer than anything is left undecided */
        world->now_s += 4 * DAY_S;
        sweep(world);
        answer_all_due(world);
        world->now_s += DAY_S / 12;
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
        fixture_set_up(&fixture);
        struct world world = {.f = fixture, .random = {random_next(&random)}};
        world.f->books.settings = &settings;
        live(&world);
        struct subscription_list all = fixture_all(world.f);
        assert_granted_is_bought(&world, &all);
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
