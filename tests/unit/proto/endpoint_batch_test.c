/* Requests that come together, and what one leaves for the next: memory, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint/burden.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/reply_slabs.h"
#include "tests/support/endpoint_fixture.h"
#include "tests/support/random.h"

enum { PATIENCE_MS = 30000, CALLS = 500, ROUNDS_MAX = 1000 };

struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    unsigned awaited;
    /* The server's thread's, until the server is closed. */
    bool within;
    size_t passed[RPC_STAGES + 1]; /* of this batch: by each stage, by the handler */
    size_t largest, batches, handled;
    unsigned violations;
};

static void expect(struct stage *stage, bool holds)
{
    stage->violations += !holds;
}

static void begin(void *arg)
{
    struct stage *stage = arg;

    expect(stage, !stage->within);
    stage->within = true;
    memset(stage->passed, 0, sizeof(stage->passed));
}

static void end(void *arg)
{
    struct stage *stage = arg;

    expect(stage, stage->within);
    stage->within = false;
    for (size_t i = 0; i < RPC_STAGES; i++)
        expect(stage, stage->passed[i] == stage->passed[RPC_STAGES]);
    stage->handled += stage->passed[RPC_STAGES];
    stage->batches++;
    if (stage->passed[RPC_STAGES] > stage->largest)
        stage->largest = stage->passed[RPC_STAGES];
}

static void first_stage(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    int64_t *kept = arena_alloc(rpc_request_arena(request), sizeof(*kept));

    expect(stage, stage->within && stage->passed[1] == 0);
    expect(stage, rpc_request_kept(request) == NULL && *kept == 0);
    *kept = (int64_t)stage->passed[0]++;
    rpc_request_keep(request, kept);
}

static void second_stage(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const int64_t *kept = rpc_request_kept(request);

    expect(stage, stage->passed[RPC_STAGES] == 0);
    expect(stage, *kept == (int64_t)stage->passed[1]++);
}

static void on_ping(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;
    const int64_t *kept = rpc_request_kept(request);

    expect(stage, stage->passed[1] == stage->passed[0]);
    expect(stage, *kept == (int64_t)stage->passed[RPC_STAGES]++);
    rpc_reply(request, &(struct ping_result){.time_ms = 1 + *kept});
}

/* As long as the handle's number says; what it is made of tells which it is. */
static struct str url_of(int64_t number, struct arena *arena)
{
    size_t len = (size_t)number * 7 % 2000;
    char *url = arena_alloc(arena, len + 1);

    memset(url, 'a' + (int)(number % 26), len);
    return str_from(url, len);
}

static void on_check(void *arg, struct rpc_request *request)
{
    const struct check_params *params = rpc_request_params(request);
    int64_t number = -1;
    (void)arg;

    str_to_i64(params->handle, &number);
    rpc_reply(request,
              &(struct answer){.reason = REASON_ENTITLED,
                               .verified_at = number,
                               .subscribe_url = url_of(number, rpc_request_arena(request))});
}

static const struct rpc_route routes[] = {
    {METHOD_query_ping, on_ping},
    {METHOD_query_check, on_check},
    {0, NULL},
};

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->client = fixture_client(&stage->fixture);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static void done(struct stage *stage)
{
    if (--stage->awaited == 0)
        loop_stop(stage->fixture.loop);
}

static void on_pong(void *arg, const struct rpc_response *response)
{
    assert_int_equal(response->code, ERROR_NONE);
    done(arg);
}

static void serve_batches(struct stage *stage, bool threaded)
{
    static const struct rpc_batching batching = {begin, {first_stage, second_stage}, end};
    const struct rpc_server_options options = {.context = stage->fixture.context,
                                               .binding = fixture_binding(&stage->fixture.rpc),
                                               .routes = routes,
                                               .arg = stage,
                                               .batching = &batching};
    struct error error;

    stage->handled = 0; /* before there is a thread that counts */
    int err = threaded ? rpc_server_open_threaded(&stage->server, &options, &error)
                       : rpc_server_open(&stage->server, stage->fixture.loop, &options, &error);

    assert_int_equal(err, 0);
}

static void ping_often(struct stage *stage)
{
    for (stage->awaited = 0; stage->awaited < CALLS; stage->awaited++)
        rpc_call(stage->client, METHOD_query_ping, NULL, PATIENCE_MS, STR_NONE, on_pong, stage);
    loop_run(stage->fixture.loop);
}

static void all_go_through_one_stage_before_the_next(void **state)
{
    struct stage *stage = *state;

    for (int round = 0; round < ROUNDS_MAX && stage->largest < 2; round++) {
        serve_batches(stage, true);
        ping_often(stage);
        rpc_server_close(take(stage->server));
        assert_int_equal(stage->handled, CALLS);
        assert_int_equal(stage->violations, 0);
    }
    assert_in_range(stage->largest, 2, CALLS);
}

static void a_server_on_a_loop_takes_one_at_a_time(void **state)
{
    struct stage *stage = *state;

    serve_batches(stage, false);
    ping_often(stage);
    assert_int_equal(stage->violations, 0);
    assert_int_equal(stage->handled, CALLS);
    assert_int_equal(stage->batches, CALLS);
}

struct expected {
    struct stage *stage;
    int64_t number;
};

static void on_answer(void *arg, const struct rpc_response *response)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct expected *expected = arg;
    const struct answer *answer = response->result;

    assert_int_equal(response->code, ERROR_NONE);
    assert_int_equal(answer->verified_at, expected->number);
    assert_true(str_eq(answer->subscribe_url, url_of(expected->number, &arena)));
    done(expected->stage);
}

/* More than a slab holds, and longer than it takes, all under way at once. */
static void replies_of_every_length_come_unchanged(void **state)
{
    static struct expected expected[CALLS];
    struct stage *stage = *state;

    stage->server = fixture_server(&stage->fixture, routes, stage, true);
    for (stage->awaited = 0; stage->awaited < CALLS; stage->awaited++) {
        char handle[20];
        snprintf(handle, sizeof(handle), "%u", stage->awaited);
        const struct check_params params = {
            .handle = str_of(handle), .dimension = STR("d"), .quantity = 1};
        expected[stage->awaited] = (struct expected){stage, stage->awaited};
        rpc_call(stage->client, METHOD_query_check, &params, PATIENCE_MS, STR_NONE, on_answer,
                 &expected[stage->awaited]);
    }
    loop_run(stage->fixture.loop);
}

struct held {
    zmq_msg_t message;
    bool open;
    size_t len;
    char fill;
};

static void close_held(struct held *held)
{
    if (!held->open)
        return;
    const char *bytes = zmq_msg_data(&held->message);
    held->open = false;
    assert_int_equal(zmq_msg_size(&held->message), held->len);
    for (size_t i = 0; i < held->len; i++)
        assert_int_equal(bytes[i], held->fill);
    zmq_msg_close(&held->message);
}

/* Some go at once, so that their memory is used again, and some much later, also than all others.
 */
static void a_message_keeps_its_bytes_until_it_is_closed(void **state)
{
    enum { MESSAGES = 100000, HELD = 2000, LENGTH_MAX = 700 };
    struct held *all = mem_alloc_array(HELD, sizeof(*all));
    struct random random = {1};
    struct reply_slabs slabs = {0};
    struct burdens *burdens = burdens_new((struct burden_limits){1, 1});
    char bytes[LENGTH_MAX];
    (void)state;

    for (size_t i = 0; i < MESSAGES; i++) {
        /* Times of few messages under way, and of many. */
        size_t window = i / 10000 % 2 ? HELD : 20;
        struct held *held = &all[random_next(&random) % window];
        close_held(held);
        *held = (struct held){
            .open = true, .len = random_next(&random) % LENGTH_MAX, .fill = (char)('a' + i % 26)};
        memset(bytes, held->fill, held->len);
        if (!reply_slabs_message(&slabs, str_from(bytes, held->len), &held->message))
            burden_message(burdens, STR("peer"), str_from(bytes, held->len), &held->message);
    }
    reply_slabs_done(&slabs);
    burdens_leave(burdens);
    for (size_t i = 0; i < HELD; i++)
        close_held(&all[i]);
    mem_free(all);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_go_through_one_stage_before_the_next),
        TEST(a_server_on_a_loop_takes_one_at_a_time),
        TEST(replies_of_every_length_come_unchanged),
        cmocka_unit_test(a_message_keeps_its_bytes_until_it_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
