/* Random histories of a product through the books: what AWS lists is what is granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/decide/decide.h"
#include "services/store/work/marks.h"
#include "services/store/work/settle.h"
#include "tests/support/played_world.h"

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
    settle_commit(books, &change);
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
        assert_int_equal(fixture_write(world->f, sweep_part_as_stated, &part, &part_result),
                         ERROR_NONE);
    assert_int_equal(fixture_write(world->f, sweep_finish_as_stated, &finish, &finish_result),
                     ERROR_NONE);
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
