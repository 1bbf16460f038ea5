/* The copy of those asked for takes memory for those alone, and gives it up with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>

#include "common/base/clock.h"
#include "proto/clients/c/copy/subset.h"
#include "tests/support/endpoint_fixture.h"

enum { ASKED = 500, OTHERS = 20000, NOTES_AT_ONCE = 1000, HANDLES_KEPT = 100000, ROUNDS = 50 };
/* For what the allocator rounds up, and for what is freed some hundred changes later. Whatever is
 * kept by mistake is more, since it is done that often. */
enum { SLACK_BYTES = 256 << 10 };

struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server; /* a checker that knows a subscription of every tenant */
    struct rpc_client *client;
    struct replica *records;
    struct subset *subset;
    struct arena arena;
    int64_t version;
    unsigned fetched;
};

/* The follower's part: it has all that there is. */
static bool complete;

void replica_follow_state(const struct replica_follow *follow,
                          struct replica_follow_state *ret_state)
{
    (void)follow;
    *ret_state =
        (struct replica_follow_state){.complete = complete, .incarnation = STR("i"), .seq = 1};
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc has no header for it */
#endif

static size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#endif
}

static size_t bytes(const struct stage *stage)
{
    return heap_bytes() + replica_bytes(stage->records);
}

static struct str tenant(struct stage *stage, int number)
{
    return arena_printf(&stage->arena, "tenant-%d", number);
}

static struct subscription record_of(struct stage *stage, struct str tenant)
{
    return (struct subscription){.id = arena_printf(&stage->arena, "of-" STR_FMT, STR_ARG(tenant)),
                                 .version = ++stage->version,
                                 .product_code = STR("product"),
                                 .tenant = tenant};
}

static void on_entitlements(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const struct entitlements_params *params = rpc_request_params(request);
    struct subscription record = record_of(stage, params->handle);
    struct holding holding = {.subscription = &record, .state = STATE_ACTIVE};
    const struct entitlements_result result = {
        .holdings = {&holding, 1}, .incarnation = STR("i"), .seq = 1};

    stage->fetched++;
    rpc_reply(request, &result);
}

static const struct rpc_route routes[] = {
    {METHOD_query_entitlements, on_entitlements},
    {.handler = NULL},
};

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->server = fixture_server(&stage->fixture, routes, stage, false);
    stage->client = fixture_client(&stage->fixture);
    stage->records = replica_new();
    stage->subset = subset_new(stage->records);
    complete = true;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    subset_leave(stage->subset);
    subset_free(stage->subset);
    replica_free(stage->records);
    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    arena_done(&stage->arena);
    mem_free(stage);
    return 0;
}

/* One turn of the worker after another, until all that was asked for is known. */
struct waiting {
    struct stage *stage;
    int count;
};

static void look(void *arg)
{
    struct waiting *waiting = arg;
    struct stage *stage = waiting->stage;
    int known = 0;

    subset_fetch(stage->subset, stage->client, NULL);
    for (int i = 0; i < waiting->count; i++)
        known += subset_knows(stage->subset, tenant(stage, i));
    arena_clear(&stage->arena);
    if (known == waiting->count)
        loop_stop(stage->fixture.loop);
    else
        loop_after(stage->fixture.loop, 1, look, waiting);
}

static void ask_for(struct stage *stage, int count)
{
    struct waiting waiting = {stage, count};

    for (int i = 0; i < count; i++)
        assert_true(subset_note(stage->subset, tenant(stage, i)));
    loop_soon(stage->fixture.loop, look, &waiting);
    loop_run(stage->fixture.loop);
}

/* A commit about a tenant's subscription, as the follower brings it. */
static bool hear_of(struct stage *stage, int number)
{
    struct subscription record = record_of(stage, tenant(stage, number));
    bool wanted = subset_wants(stage->subset, &record);

    if (wanted)
        replica_put(stage->records, &record);
    arena_clear(&stage->arena);
    return wanted;
}

static void hear_of_removal(struct stage *stage, int number)
{
    struct str id = arena_printf(&stage->arena, "of-tenant-%d", number);
    const struct commit_event event = {.removed = {(struct str[]){id}, 1}};

    replica_remove(stage->records, id);
    subset_on_change(stage->subset, &event);
    arena_clear(&stage->arena);
}

static void memory_is_for_what_was_asked_for(void **state)
{
    struct stage *stage = *state;

    ask_for(stage, ASKED);
    assert_int_equal(stage->fetched, ASKED);
    assert_int_equal(replica_count(stage->records), ASKED);
    size_t before = bytes(stage);

    /* Of others, however many, nothing is kept. */
    for (int i = ASKED; i < OTHERS; i++)
        assert_false(hear_of(stage, i));
    assert_in_range(bytes(stage), 0, before + SLACK_BYTES);

    /* What is known already is not fetched or held a second time. */
    for (int round = 0; round < ROUNDS; round++)
        ask_for(stage, ASKED);
    assert_int_equal(stage->fetched, ASKED);
    assert_in_range(bytes(stage), 0, before + SLACK_BYTES);

    /* A new version takes the place of the old one. */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ASKED; i++)
            assert_true(hear_of(stage, i));
    }
    assert_int_equal(replica_count(stage->records), ASKED);
    assert_in_range(bytes(stage), 0, before + SLACK_BYTES);
}

static void what_is_removed_is_let_go(void **state)
{
    struct stage *stage = *state;

    ask_for(stage, ASKED);
    hear_of_removal(stage, 0);
    size_t held = bytes(stage);
    for (int i = 1; i < ASKED; i++)
        hear_of_removal(stage, i);
    assert_int_equal(replica_count(stage->records), 0);
    assert_true(bytes(stage) <= held);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ASKED; i++)
            assert_true(hear_of(stage, i));
        for (int i = 0; i < ASKED; i++)
            hear_of_removal(stage, i);
    }
    assert_int_equal(replica_count(stage->records), 0);
    assert_in_range(bytes(stage), 0, held + SLACK_BYTES);
}

/* One commit makes a record another's successor, and may tell of the successor first. */
static void a_successor_is_wanted_with_what_it_succeeds(void **state)
{
    struct stage *stage = *state;
    struct subscription next = {.id = STR("next"), .version = 1, .predecessor = STR("of-tenant-0")};
    struct subscription last = {.id = STR("last"), .version = 1, .predecessor = STR("next")};
    struct subscription other = {
        .id = STR("other"), .version = 1, .predecessor = STR("of-tenant-1")};

    ask_for(stage, 1);
    assert_false(subset_wants(stage->subset, &last));
    assert_true(subset_wants(stage->subset, &next));
    assert_true(subset_wants(stage->subset, &last));
    assert_false(subset_wants(stage->subset, &other));
}

/* Handles that nobody has fetched yet. */
static void note_many(struct stage *stage, int count)
{
    complete = false;
    for (int i = 0; i < count; i++) {
        assert_true(subset_note(stage->subset, tenant(stage, ASKED + i)));
        arena_clear(&stage->arena);
        if (i % NOTES_AT_ONCE == NOTES_AT_ONCE - 1)
            subset_fetch(stage->subset, stage->client, NULL);
    }
    complete = true;
}

static void too_many_handles_are_let_go_together(void **state)
{
    struct stage *stage = *state;
    size_t after[3];

    for (int round = 0; round < 3; round++) {
        ask_for(stage, ASKED);
        size_t few = bytes(stage);
        note_many(stage, HANDLES_KEPT);
        size_t many = bytes(stage);
        assert_true(many > few + (size_t)HANDLES_KEPT * sizeof(struct str));
        assert_true(subset_knows(stage->subset, STR("tenant-0")));

        complete = false;
        subset_fetch(stage->subset, stage->client, NULL);
        complete = true;
        assert_false(subset_knows(stage->subset, STR("tenant-0")));
        assert_int_equal(replica_count(stage->records), 0);
        after[round] = bytes(stage);
        assert_in_range(after[round], 0, few + SLACK_BYTES);
    }
    /* The second time takes no more than the first. */
    assert_in_range(after[2], 0, after[1] + SLACK_BYTES);
}

static void notes_are_bounded(void **state)
{
    struct stage *stage = *state;

    for (int i = 0; i < NOTES_AT_ONCE; i++)
        assert_true(subset_note(stage->subset, tenant(stage, i)));
    size_t before = bytes(stage);
    for (int i = 0; i < OTHERS; i++)
        assert_false(subset_note(stage->subset, STR("one-more")));
    assert_in_range(bytes(stage), 0, before + SLACK_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_is_for_what_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_removed_is_let_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_successor_is_wanted_with_what_it_succeeds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(too_many_handles_are_let_go_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_are_bounded, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
