/* What foreign sockets send: envelopes of every shape, and what is no request at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zmq.h>

#include "proto/codec/codec.h"
#include "tests/support/endpoint_fixture.h"

enum { PATIENCE_MS = 30000, REPLY_MAX = 4096 };

struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    void *context; /* the foreign peer's own */
    void *socket;
    struct rpc_request **parked;
    size_t parked_count, parked_wanted;
    unsigned refused;
    int interval_ms; /* between two replies */
};

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static const struct rpc_route routes[] = {{METHOD_query_ping, on_ping}, {0, NULL}};

static void open_socket(struct stage *stage, int type)
{
    const int patience = PATIENCE_MS, linger = 0;

    if (stage->socket)
        zmq_close(stage->socket);
    stage->socket = zmq_socket(stage->context, type);
    zmq_setsockopt(stage->socket, ZMQ_RCVTIMEO, &patience, sizeof(patience));
    zmq_setsockopt(stage->socket, ZMQ_LINGER, &linger, sizeof(linger));
    assert_int_equal(zmq_connect(stage->socket, stage->fixture.rpc_address), 0);
}

static int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    stage->context = zmq_ctx_new();
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    if (stage->socket)
        zmq_close(stage->socket);
    zmq_ctx_term(stage->context);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage->parked);
    mem_free(stage);
    return 0;
}

static int set_up_serving(void **state)
{
    set_up(state);
    struct stage *stage = *state;
    stage->server = fixture_server(&stage->fixture, routes, stage, true);
    open_socket(stage, ZMQ_DEALER);
    return 0;
}

static void send_frame(struct stage *stage, struct str bytes, bool more)
{
    assert_int_equal(zmq_send(stage->socket, bytes.ptr, bytes.len, more ? ZMQ_SNDMORE : 0),
                     bytes.len);
}

static struct str request(struct buf *out, uint32_t msgid, enum method_id method)
{
    buf_clear(out);
    codec_write_request(out, msgid, methods[method].name, methods[method].params, NULL, NULL);
    return buf_str(out);
}

/* The next frame; *ret_more tells whether the message goes on. */
static struct str receive_frame(struct stage *stage, char bytes[REPLY_MAX], bool *ret_more)
{
    int more = 0;
    size_t size = sizeof(more);
    int len = zmq_recv(stage->socket, bytes, REPLY_MAX, 0);

    assert_in_range(len, 0, REPLY_MAX);
    assert_int_equal(zmq_getsockopt(stage->socket, ZMQ_RCVMORE, &more, &size), 0);
    *ret_more = more != 0;
    return str_from(bytes, (size_t)len);
}

static void expect_frame(struct stage *stage, const char *text)
{
    char bytes[REPLY_MAX];
    bool more;

    struct str frame = receive_frame(stage, bytes, &more);
    assert_true(str_eq_text(frame, text));
    assert_true(more);
}

/* The last frame is a response to msgid; "" as code: success. */
static void expect_response(struct stage *stage, uint32_t msgid, const char *code)
{
    char bytes[REPLY_MAX];
    struct frame frame;
    struct error error;
    bool more;

    struct str payload = receive_frame(stage, bytes, &more);
    assert_false(more);
    assert_int_equal(codec_open_frame(payload, &frame, &error), 0);
    assert_int_equal(frame.type, FRAME_RESPONSE);
    assert_int_equal(frame.msgid, msgid);
    assert_true(str_eq_text(frame.error_code, code));
    assert_true(str_is_utf8(frame.error_message));
}

static void expect_alive(struct stage *stage)
{
    cleanup(buf_done) struct buf out = BUF_INIT;

    open_socket(stage, ZMQ_REQ);
    send_frame(stage, request(&out, 99, METHOD_query_ping), false);
    expect_response(stage, 99, "");
}

static uint64_t malformed(const struct stage *stage)
{
    struct rpc_server_stats stats;

    rpc_server_stats(stage->server, &stats);
    return stats.malformed;
}

static void a_req_socket_is_answered(void **state)
{
    expect_alive(*state);
}

static void all_up_to_the_empty_frame_is_mirrored(void **state)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    struct stage *stage = *state;

    send_frame(stage, STR("proxy"), true);
    send_frame(stage, STR("caller"), true);
    send_frame(stage, STR(""), true);
    send_frame(stage, request(&out, 7, METHOD_query_ping), false);
    expect_frame(stage, "proxy");
    expect_frame(stage, "caller");
    expect_frame(stage, "");
    expect_response(stage, 7, "");
}

static void a_payload_alone_is_answered_alone(void **state)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    struct stage *stage = *state;

    send_frame(stage, request(&out, 8, METHOD_query_ping), false);
    expect_response(stage, 8, "");
}

static void wrong_frames_are_refused(void **state)
{
    cleanup(buf_done) struct buf out = BUF_INIT;
    struct stage *stage = *state;
    struct str payload = request(&out, 9, METHOD_query_ping);

    /* No payload at all. */
    send_frame(stage, STR(""), false);
    expect_frame(stage, "");
    expect_response(stage, 0, "bad_request");
    /* One too many. */
    send_frame(stage, STR(""), true);
    send_frame(stage, payload, true);
    send_frame(stage, payload, false);
    expect_frame(stage, "");
    expect_response(stage, 0, "bad_request");
    /* More than any chain of proxies. */
    for (int i = 0; i < 100; i++)
        send_frame(stage, STR("x"), true);
    send_frame(stage, STR(""), true);
    send_frame(stage, payload, false);
    expect_response(stage, 0, "bad_request");
    assert_int_equal(malformed(stage), 3);
    expect_alive(stage);
}

struct garbage {
    struct str bytes;
    uint32_t msgid;
    const char *code;
};

#define GARBAGE(text, id, error)                                                                   \
    {                                                                                              \
        STR_INIT(text), id, error                                                                  \
    }

static void garbage_is_answered_with_an_error(void **state)
{
    static const struct garbage cases[] = {
        GARBAGE("\xc1", 0, "bad_request"),
        GARBAGE("\x93\x00\x01", 0, "bad_request"),                        /* cut off */
        GARBAGE("\x80", 0, "bad_request"),                                /* a map */
        GARBAGE("\x94\x00\x05\xa4ping\xc0", 5, "bad_request"),            /* params: nil */
        GARBAGE("\x94\x00\xff\xa4ping\x90", 0, "bad_request"),            /* msgid: -1 */
        GARBAGE("\x94\x07\x05\xa4ping\x90", 0, "bad_request"),            /* type 7 */
        GARBAGE("\x94\x01\x05\xc0\x80", 0, "bad_request"),                /* a response */
        GARBAGE("\x93\x02\xa4ping\x90", 0, "bad_request"),                /* a notification */
        GARBAGE("\x94\x00\x06\xa3\xff\xfe\xfd\x90", 6, "unknown_method"), /* not UTF-8 */
        GARBAGE("\x94\x00\x06\xa5"
                "Check"
                "\x90",
                6, "unknown_method"),
        GARBAGE("\x94\x00\x06\xa4ping\x91\x81\xaatimeout_ms\xff", 6, "bad_request"),
        GARBAGE("\x94\x00\x06\xa4ping\x91\x81\xa5trace\x01", 6, "bad_request"),
        GARBAGE("\x94\x00\x06\xa4ping\x90trailing", 0, "bad_request"),
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        send_frame(stage, STR(""), true);
        send_frame(stage, cases[i].bytes, false);
        expect_frame(stage, "");
        expect_response(stage, cases[i].msgid, cases[i].code);
    }
    assert_in_range(malformed(stage), 8, sizeof(cases) / sizeof(cases[0]));
    expect_alive(stage);
}

static void random_bytes_do_no_harm(void **state)
{
    enum { ROUNDS = 3000, LENGTH_MAX = 200 };
    struct stage *stage = *state;
    uint8_t bytes[LENGTH_MAX];

    srand(20261123);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = (size_t)rand() % LENGTH_MAX;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)rand();
        /* Half of them begin like a request. */
        if (round % 2 && len > 3)
            memcpy(bytes, "\x94\x00\x01", 3);
        send_frame(stage, STR(""), true);
        send_frame(stage, str_from(bytes, len), false);
    }
    for (int round = 0; round < ROUNDS; round++) {
        char reply[REPLY_MAX];
        bool more;
        expect_frame(stage, "");
        receive_frame(stage, reply, &more);
        assert_false(more);
    }
    expect_alive(stage);
}

static void a_frame_over_the_limit_costs_the_connection_only(void **state)
{
    cleanup(mem_freep) char *huge = mem_alloc_zero(FRAME_LIMIT_BYTES + 1);
    struct stage *stage = *state;

    send_frame(stage, str_from(huge, FRAME_LIMIT_BYTES + 1), false);
    expect_alive(stage);
}

static void on_ping_park(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    stage->parked[stage->parked_count++] = request;
    rpc_park(request, NULL, NULL);
    if (stage->parked_count == stage->parked_wanted)
        loop_stop(stage->fixture.loop);
}

/* The server's end hears of the peer's by and by: replies go out, at ever longer intervals, until
 * one is refused. */
static void answer_one(void *arg)
{
    enum { INTERVAL_MAX_MS = 1000 };
    struct stage *stage = arg;
    struct rpc_request *request = stage->parked[--stage->parked_count];

    if (rpc_reply(request, &(struct ping_result){.time_ms = 1}) < 0)
        stage->refused++;
    if (stage->refused > 0 || stage->parked_count == 0)
        loop_stop(stage->fixture.loop);
    else
        loop_after(stage->fixture.loop, stage->interval_ms, answer_one, stage);
    if (stage->interval_ms < INTERVAL_MAX_MS)
        stage->interval_ms *= 2;
}

static void a_reply_to_a_peer_that_is_gone_is_counted(void **state)
{
    static const struct rpc_route parking[] = {{METHOD_query_ping, on_ping_park}, {0, NULL}};
    cleanup(buf_done) struct buf out = BUF_INIT;
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    /* So few that the queue to a loop that does not run yet holds them. */
    stage->parked_wanted = 100;
    stage->interval_ms = 1;
    stage->parked = mem_alloc_array(stage->parked_wanted, sizeof(struct rpc_request *));
    stage->server = fixture_server(&stage->fixture, parking, stage, false);
    open_socket(stage, ZMQ_DEALER);
    for (size_t i = 0; i < stage->parked_wanted; i++)
        send_frame(stage, request(&out, 1, METHOD_query_ping), false);
    loop_run(stage->fixture.loop);
    zmq_close(take(stage->socket));
    loop_soon(stage->fixture.loop, answer_one, stage);
    loop_run(stage->fixture.loop);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stage->refused, 1);
    assert_int_equal(stats.undeliverable, 1);
}

int main(void)
{
#define SERVING(name) cmocka_unit_test_setup_teardown(name, set_up_serving, tear_down)
    const struct CMUnitTest tests[] = {
        SERVING(a_req_socket_is_answered),
        SERVING(all_up_to_the_empty_frame_is_mirrored),
        SERVING(a_payload_alone_is_answered_alone),
        SERVING(wrong_frames_are_refused),
        SERVING(garbage_is_answered_with_an_error),
        SERVING(random_bytes_do_no_harm),
        SERVING(a_frame_over_the_limit_costs_the_connection_only),
        cmocka_unit_test_setup_teardown(a_reply_to_a_peer_that_is_gone_is_counted, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
