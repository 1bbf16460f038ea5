/* Questions about a great many records are answered by and by, and others meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint/client.h"
#include "services/checker/broad.h"
#include "tests/support/endpoint_fixture.h"

enum { LICENCES = 2500, QUESTIONS = 20, TIMEOUT_MS = 60000 };

struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    struct replica *replica;
    struct replica_reader *reader;
    struct broad *broad;
    uint64_t copy;
    bool is_store_replaced;
    unsigned answers, awaited;
    unsigned ping_at, many_at[2]; /* which answer it was; 0: none yet */
    enum rpc_error code;
    size_t right;
    struct arena arena;
    struct str next;
    size_t holdings, pages, overrides;
    struct str last_id;
};

static uint64_t copy_of(void *arg)
{
    const struct stage *stage = arg;

    return stage->copy;
}

static void describe(void *arg, struct arena *arena, struct entitlements_result *result)
{
    (void)arg;
    (void)arena;
    result->seq = 7;
}

static void on_broad(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    rpc_park(request, NULL, NULL);
    broad_answer(stage->broad, request);
    stage->copy += stage->is_store_replaced;
}

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 1});
}

static const struct rpc_route routes[] = {
    {METHOD_query_check_many, on_broad},
    {METHOD_query_entitlements, on_broad},
    {METHOD_query_check, on_broad},
    {METHOD_query_ping, on_ping},
    {0, NULL},
};

static void put_records(struct stage *stage)
{
    struct entitlement seats = {.dimension = STR("seats"),
                                .value = {.kind = VALUE_INTEGER, .integer = 2}};
    struct override word = {.id = STR("o-1"), .handle = STR("somebody"), .action = OVERRIDE_ALLOW};

    for (size_t i = 0; i < LICENCES; i++) {
        struct subscription record = {.id = arena_printf(&stage->arena, "s-%05zu", i),
                                      .version = 1,
                                      .product_code = STR("product"),
                                      .account_id = STR("123456789012"),
                                      .entitlements = {&seats, 1}};
        replica_put(stage->replica, &record);
    }
    replica_put_override(stage->replica, &word);
}

static int set_up(void **state)
{
    static const struct replica_guidance guidance;
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->server = fixture_server(&stage->fixture, routes, stage, false);
    stage->client = fixture_client(&stage->fixture);
    stage->replica = replica_new();
    stage->reader = replica_reader_new(stage->replica);
    stage->copy = 1;
    stage->broad = broad_new(&(struct broad_options){.loop = stage->fixture.loop,
                                                     .guidance = &guidance,
                                                     .reader = stage->reader,
                                                     .copy = copy_of,
                                                     .describe = describe,
                                                     .arg = stage});
    put_records(stage);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_server_close(stage->server);
    broad_free(stage->broad);
    rpc_client_close(stage->client);
    replica_reader_free(stage->reader);
    replica_free(stage->replica);
    arena_done(&stage->arena);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void answered(struct stage *stage)
{
    if (++stage->answers == stage->awaited)
        loop_stop(stage->fixture.loop);
}

static void on_pong(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    assert_int_equal(response->code, ERROR_NONE);
    stage->ping_at = stage->answers + 1;
    answered(stage);
}

static void on_many(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;
    const struct check_many_result *result = response->result;

    stage->code = response->code;
    stage->many_at[stage->many_at[0] != 0] = stage->answers + 1;
    for (size_t i = 0; result && i < result->answers.count; i++) {
        const struct answer *answer = &result->answers.items[i];
        stage->right += i == 3 ? str_eq_text(answer->error, "bad_request")
                               : answer->allow && answer->combined == LICENCES &&
                                     answer->granted.integer == 2 * LICENCES;
    }
    answered(stage);
}

static void ask_many(struct stage *stage)
{
    struct question questions[QUESTIONS];

    for (size_t i = 0; i < QUESTIONS; i++)
        questions[i] = (struct question){.handle = STR("123456789012"),
                                         .dimension = STR("seats"),
                                         .quantity = i == 3 ? -1 : 2 * LICENCES};
    const struct check_many_params params = {.questions = {questions, QUESTIONS}};
    rpc_call(stage->client, METHOD_query_check_many, &params, TIMEOUT_MS, STR_NONE, on_many, stage);
}

static void what_is_small_is_answered_before_what_is_broad(void **state)
{
    struct stage *stage = *state;

    ask_many(stage);
    ask_many(stage);
    rpc_call(stage->client, METHOD_query_ping, NULL, TIMEOUT_MS, STR_NONE, on_pong, stage);
    stage->awaited = 3;
    loop_run(stage->fixture.loop);
    assert_int_equal(stage->ping_at, 1);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_int_equal(stage->right, 2 * QUESTIONS);
}

/* The store becomes another one while it is being answered. */
static void another_copy_is_not_answered_from(void **state)
{
    struct stage *stage = *state;

    stage->is_store_replaced = true;
    ask_many(stage);
    stage->awaited = 1;
    loop_run(stage->fixture.loop);
    assert_int_equal(stage->code, ERROR_NOT_READY);
}

static void on_page(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;
    const struct entitlements_result *result = response->result;

    assert_int_equal(response->code, ERROR_NONE);
    assert_int_equal(result->seq, 7);
    stage->pages++;
    stage->holdings += result->holdings.count;
    stage->overrides += result->overrides.count;
    for (size_t i = 0; i < result->holdings.count; i++) {
        struct str id = result->holdings.items[i].subscription->id;
        assert_true(str_compare(id, stage->last_id) > 0);
        stage->last_id = arena_str(&stage->arena, id);
    }
    stage->next = arena_str(&stage->arena, result->next);
    answered(stage);
}

static void all_of_a_handle_comes_in_pages(void **state)
{
    struct stage *stage = *state;

    do {
        const struct entitlements_params params = {.handle = STR("123456789012"),
                                                   .after = stage->next};
        rpc_call(stage->client, METHOD_query_entitlements, &params, TIMEOUT_MS, STR_NONE, on_page,
                 stage);
        stage->awaited++;
        loop_run(stage->fixture.loop);
    } while (stage->next.len > 0);
    assert_int_equal(stage->holdings, LICENCES);
    assert_true(stage->pages >= 3);
    assert_int_equal(stage->overrides, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_small_is_answered_before_what_is_broad),
        TEST(another_copy_is_not_answered_from),
        TEST(all_of_a_handle_comes_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
