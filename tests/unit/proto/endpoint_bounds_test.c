/* What waits for a peer is bounded in bytes: who does not read is refused, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>

#include <cmocka.h>
#include <zmq.h>

#include "proto/codec/codec.h"
#include "proto/endpoint/burden.h"
#include "proto/endpoint/reply_slabs.h"
#include "tests/support/endpoint_fixture.h"

enum {
    REPLY = 100 * 1000,
    PEER_BYTES = 1000 * 1000,
    ALL_BYTES = 3 * 1000 * 1000,
    KEPT_MAX = 1000,
    PATIENCE_MS = 60000,
};

struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_request *kept[KEPT_MAX];
    _Atomic size_t kept_count;
};

/* A large answer. */
static void on_describe(void *arg, struct rpc_request *request)
{
    char *text = arena_alloc(rpc_request_arena(request), REPLY);
    struct product_page *pages =
        arena_alloc_array(rpc_request_arena(request), REPLY / 1000, sizeof(*pages));
    (void)arg;

    memset(text, 'x', REPLY);
    for (size_t i = 0; i < REPLY / 1000; i++)
        pages[i] = (struct product_page){.code = STR("p"), .subscribe_url = str_from(text, 1000)};
    rpc_reply(request,
              &(struct describe_result){.daemon = STR("test"), .products = {pages, REPLY / 1000}});
}

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static void on_stats(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    rpc_park(request, NULL, NULL);
    stage->kept[stage->kept_count++] = request;
}

static const struct rpc_route routes[] = {
    {METHOD_query_describe, on_describe},
    {METHOD_query_ping, on_ping},
    {METHOD_query_stats, on_stats},
    {0, NULL},
};

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));
    struct error error;

    fixture_open(&stage->fixture);
    const struct rpc_server_options options = {.context = stage->fixture.context,
                                               .binding = fixture_binding(&stage->fixture.rpc),
                                               .routes = routes,
                                               .arg = stage,
                                               .peer_bytes = PEER_BYTES,
                                               .all_bytes = ALL_BYTES};
    assert_int_equal(rpc_server_open_threaded(&stage->server, &options, &error), 0);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

/* A peer: a DEALER with a context of its own, as another program has. */
struct asker {
    void *context, *socket;
    uint32_t last_msgid;
};

static void asker_open(struct asker *peer, const struct stage *stage)
{
    *peer = (struct asker){.context = zmq_ctx_new()};
    peer->socket = zmq_socket(peer->context, ZMQ_DEALER);
    zmq_setsockopt(peer->socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(peer->socket, ZMQ_RCVHWM, &(int){1}, sizeof(int));
    zmq_setsockopt(peer->socket, ZMQ_SNDHWM, &(int){0}, sizeof(int));
    zmq_setsockopt(peer->socket, ZMQ_RCVTIMEO, &(int){PATIENCE_MS}, sizeof(int));
    assert_int_equal(zmq_connect(peer->socket, stage->fixture.rpc_address), 0);
}

static void asker_close(struct asker *peer)
{
    zmq_close(peer->socket);
    zmq_ctx_term(peer->context);
}

static void ask(struct asker *peer, const char *method, size_t surplus)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    char *text = mem_alloc_zero(surplus + 1);

    memset(text, 'x', surplus);
    codec_write_request(&out, ++peer->last_msgid, method, &shape_nothing, NULL, NULL);
    if (surplus > 0) {
        buf_clear(&out);
        buf_append(&out, "\x94\x00\x01\xa5stats\x91\xc6", 11);
        const unsigned char len[] = {(unsigned char)(surplus >> 24), (unsigned char)(surplus >> 16),
                                     (unsigned char)(surplus >> 8), (unsigned char)surplus};
        buf_append(&out, len, sizeof(len));
        buf_append(&out, text, surplus);
    }
    mem_free(text);
    assert_true(zmq_send(peer->socket, out.data, out.len, 0) > 0);
}

/* "" for success. */
static void hear(struct asker *peer, char code[64])
{
    struct error error;
    struct frame frame;
    zmq_msg_t msg;

    zmq_msg_init(&msg);
    assert_true(zmq_msg_recv(&msg, peer->socket, 0) > 0);
    assert_int_equal(
        codec_open_frame(str_from(zmq_msg_data(&msg), zmq_msg_size(&msg)), &frame, &error), 0);
    snprintf(code, 64, STR_FMT, STR_ARG(frame.error_code));
    zmq_msg_close(&msg);
}

static struct rpc_server_stats stats_of(const struct stage *stage)
{
    struct rpc_server_stats stats;

    rpc_server_stats(stage->server, &stats);
    return stats;
}

static void wait_for_requests(const struct stage *stage, uint64_t count)
{
    while (stats_of(stage).requests < count)
        sched_yield();
}

static void test_who_does_not_read_is_refused_and_nobody_else(void **state)
{
    enum { ASKED = 200 };
    struct stage *stage = *state;
    struct asker stuck, other;
    size_t refused = 0;
    char code[64];

    asker_open(&stuck, stage);
    asker_open(&other, stage);
    for (int i = 0; i < ASKED; i++)
        ask(&stuck, "describe", 0);
    wait_for_requests(stage, ASKED);
    /* They are counted before they are answered. */
    while (stats_of(stage).refused <= ASKED / 2)
        sched_yield();
    struct rpc_server_stats stats = stats_of(stage);
    assert_true(stats.waiting_bytes <= PEER_BYTES + 2 * REPLY);
    assert_int_equal(stats.undeliverable, 0);

    ask(&other, "describe", 0);
    hear(&other, code);
    assert_string_equal(code, "");

    for (int i = 0; i < ASKED; i++) {
        hear(&stuck, code);
        assert_true(code[0] == '\0' || strcmp(code, "throttled") == 0);
        refused += code[0] != '\0';
    }
    assert_int_equal(refused, stats_of(stage).refused);
    while (stats_of(stage).waiting_bytes > 0)
        sched_yield();
    ask(&stuck, "describe", 0);
    hear(&stuck, code);
    assert_string_equal(code, "");
    asker_close(&stuck);
    asker_close(&other);
}

static void test_many_who_do_not_read_are_bounded_together(void **state)
{
    enum { PEERS = 16, ASKED = 30 };
    struct stage *stage = *state;
    struct asker stuck[PEERS], other;
    char code[64];

    for (int peer = 0; peer < PEERS; peer++) {
        asker_open(&stuck[peer], stage);
        for (int i = 0; i < ASKED; i++)
            ask(&stuck[peer], "describe", 0);
    }
    wait_for_requests(stage, PEERS * ASKED);
    assert_true(stats_of(stage).waiting_bytes <= ALL_BYTES + (PEERS + 1) * REPLY);
    assert_true(stats_of(stage).refused > 0);

    asker_open(&other, stage);
    ask(&other, "ping", 0);
    hear(&other, code);
    assert_string_equal(code, "");
    asker_close(&other);
    for (int peer = 0; peer < PEERS; peer++)
        asker_close(&stuck[peer]);
    /* What was kept for them goes with them. */
    while (stats_of(stage).waiting_bytes > 0)
        sched_yield();
}

static void test_requests_that_wait_are_bounded_and_answered_from_another_thread(void **state)
{
    enum { ASKED = 100, TOGETHER = 32 }; /* those that come together are looked at together */
    struct stage *stage = *state;
    struct asker peer;
    size_t succeeded = 0;
    char code[64];

    asker_open(&peer, stage);
    for (int i = 0; i < ASKED; i++)
        ask(&peer, "stats", REPLY);
    wait_for_requests(stage, ASKED);
    while (stage->kept_count + stats_of(stage).refused < ASKED)
        sched_yield();
    assert_in_range(stage->kept_count, 5, PEER_BYTES / REPLY + TOGETHER);
    for (size_t i = 0; i < stage->kept_count; i++)
        rpc_reply(stage->kept[i], &(struct stats_result){0});
    for (int i = 0; i < ASKED; i++) {
        hear(&peer, code);
        succeeded += code[0] == '\0';
    }
    assert_int_equal(succeeded, stage->kept_count);
    assert_int_equal(stats_of(stage).waiting_bytes, 0);
    asker_close(&peer);
}

static void test_small_replies_share_a_bounded_number_of_pieces(void **state)
{
    enum { MESSAGES = 100000, SIZE = 400 };
    struct reply_slabs slabs = {.filling = 0};
    zmq_msg_t *messages = mem_alloc_array(MESSAGES, sizeof(messages[0]));
    const char payload[SIZE] = "";
    size_t count = 0;
    (void)state;

    while (count < MESSAGES &&
           reply_slabs_message(&slabs, str_from(payload, SIZE), &messages[count]))
        count++;
    assert_in_range(count * SIZE, REPLY_SLABS_AWAY_MAX * REPLY_SLAB_BYTES / 2,
                    (REPLY_SLABS_AWAY_MAX + REPLY_SLABS_KEPT) * REPLY_SLAB_BYTES);
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(&messages[i]);
    assert_true(reply_slabs_message(&slabs, str_from(payload, SIZE), &messages[0]));
    zmq_msg_close(&messages[0]);
    reply_slabs_done(&slabs);
    mem_free(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_does_not_read_is_refused_and_nobody_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_many_who_do_not_read_are_bounded_together, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_requests_that_wait_are_bounded_and_answered_from_another_thread, set_up,
            tear_down),
        cmocka_unit_test(test_small_replies_share_a_bounded_number_of_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
