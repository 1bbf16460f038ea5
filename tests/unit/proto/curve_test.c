/* Who is let in over TCP, who is refused, and how that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zmq.h>

#include "proto/endpoint/feed.h"
#include "tests/support/curve_fixture.h"

/* The code of a ping over TCP by who, to somebody who must have the server's certificate. */
static enum rpc_error ask_as(struct stage *stage, int who, int server, int64_t timeout_ms)
{
    struct endpoint_context *context = endpoint_context_new();
    struct error error;

    assert_int_equal(prepare(stage, context, who, server, stage->tcp_address, &error), 0);
    struct rpc_client *client = connect_to(stage, context, stage->tcp_address);
    enum rpc_error code = ping(stage, client, timeout_ms);
    rpc_client_close(client);
    endpoint_context_free(context);
    return code;
}

/* Whether the server turned one away before it answered. */
static bool is_refused_as(struct stage *stage, int who, int server)
{
    stage->refusals = refusals(stage);
    look(stage);
    stage->code = ERROR_UNAVAILABLE;
    enum rpc_error code = ask_as(stage, who, server, PATIENCE_MS);
    loop_cancel(stage->look);
    stage->look = NULL;
    return code == ERROR_UNAVAILABLE && refusals(stage) > stage->refusals;
}

static void a_key_of_the_list_is_let_in(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(admission_stats(stage->admission).admitted, 1);
    assert_int_equal(admission_stats(stage->admission).keys_refused, 0);
    assert_int_equal(stage->tellings, 0);
}

static void a_thread_of_its_own_lets_in_the_same(void **state)
{
    struct stage *stage = *state;

    serve(stage, true);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_true(is_refused_as(stage, STRANGER, SERVER));
}

static void a_strange_key_is_refused_counted_and_told_once(void **state)
{
    struct stage *stage = *state;
    struct curve_keys keys;

    serve(stage, false);
    assert_true(is_refused_as(stage, STRANGER, SERVER));
    assert_true(is_refused_as(stage, STRANGER, SERVER));
    assert_true(admission_stats(stage->admission).keys_refused >= 2);
    assert_int_equal(admission_stats(stage->admission).admitted, 0);
    assert_int_equal(stage->tellings, 1);
    assert_int_equal(certificate_load(stage->path[STRANGER], &keys, NULL, NULL), 0);
    assert_non_null(strstr(stage->told, keys.public_key));
    assert_non_null(strstr(stage->told, "from 127.0.0.1"));
}

static void who_is_refused_is_told_why(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_int_equal(ask_as(stage, STRANGER, SERVER, 2000), ERROR_UNAVAILABLE);
    assert_non_null(strstr(stage->message, "does not allow our key"));
}

static void a_withdrawn_key_makes_no_new_connection(void **state)
{
    struct stage *stage = *state;
    cleanup(mem_freep) char *file = mem_printf("%s/friend.cert", stage->path[ALLOWED]);

    serve(stage, false);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(unlink(file), 0);
    assert_true(is_refused_as(stage, FRIEND, SERVER));
    assert_true(admission_stats(stage->admission).keys_refused >= 1);
    allow(stage, FRIEND);
    allow(stage, STRANGER);
    assert_int_equal(ask_as(stage, FRIEND, SERVER, PATIENCE_MS), ERROR_NONE);
    assert_int_equal(ask_as(stage, STRANGER, SERVER, PATIENCE_MS), ERROR_NONE);
}

/* A peer with libzmq and nothing of ours. */
static void ask_plainly(struct stage *stage, const char *address)
{
    void *context = zmq_ctx_new();
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    const int linger_ms = 0;

    assert_int_equal(zmq_setsockopt(dealer, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)), 0);
    assert_int_equal(zmq_connect(dealer, address), 0);
    assert_int_equal(zmq_send(dealer, "\x94\x00\x01\xa4ping\x90", 9, 0), 9);
    for (int i = 0; i < PATIENCE_MS / 100; i++) {
        if (admission_stats(stage->admission).not_handshaken > 0)
            break;
        loop_after(stage->fixture.loop, 100, (loop_timer_fn *)loop_stop, stage->fixture.loop);
        loop_run(stage->fixture.loop);
    }
    char answer[64];
    assert_int_equal(zmq_recv(dealer, answer, sizeof(answer), ZMQ_DONTWAIT), -1);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

static void who_speaks_no_curve_is_refused_and_counted(void **state)
{
    struct stage *stage = *state;
    struct rpc_server_stats stats;

    serve(stage, false);
    ask_plainly(stage, stage->tcp_address);
    assert_true(admission_stats(stage->admission).not_handshaken > 0);
    rpc_server_stats(stage->server, &stats);
    assert_int_equal(stats.requests, 0);
}

static void a_server_with_another_key_is_not_believed(void **state)
{
    struct stage *stage = *state;

    serve(stage, false);
    assert_true(is_refused_as(stage, FRIEND, STRANGER));
    assert_int_equal(admission_stats(stage->admission).admitted, 0);
    assert_true(admission_stats(stage->admission).not_handshaken > 0);
}

static void ipc_beside_tcp_needs_no_key(void **state)
{
    struct stage *stage = *state;
    struct rpc_client *client;

    serve(stage, false);
    client = connect_to(stage, stage->asking, stage->fixture.rpc_address);
    assert_int_equal(ping(stage, client, PATIENCE_MS), ERROR_NONE);
    rpc_client_close(client);
}

static void on_event(void *arg, enum event_id event, const void *params)
{
    struct stage *stage = arg;

    (void)params;
    stage->heard = event == EVENT_feed_heartbeat;
    loop_stop(stage->fixture.loop);
}

struct beat {
    struct stage *stage;
    struct feed_publisher *publisher;
    struct loop_timer *timer;
    int left;
};

static void publish(void *arg)
{
    struct beat *beat = arg;

    feed_publish(beat->publisher, EVENT_feed_heartbeat,
                 &(struct heartbeat_event){.incarnation = STR("one")});
    beat->timer = NULL;
    if (beat->left-- > 0 && refusals(beat->stage) == 0)
        beat->timer = loop_after(beat->stage->fixture.loop, 20, publish, beat);
    else
        loop_stop(beat->stage->fixture.loop);
}

/* Whether who hears a feed that is bound over TCP. */
static bool hears(struct stage *stage, int who, int beats)
{
    const char *address = stage->feed_address;
    const struct config_list list = {&address, 1};
    const struct endpoint_binding binding = fixture_binding(&list);
    struct endpoint_context *context = endpoint_context_new();
    struct beat beat = {.stage = stage, .left = beats};
    struct feed_subscriber *subscriber;
    struct error error;

    stage->heard = false;
    assert_int_equal(guard(stage, address, &error), 0);
    assert_int_equal(feed_publisher_open(&beat.publisher, stage->fixture.loop,
                                         stage->fixture.context, &binding, &error),
                     0);
    assert_int_equal(prepare(stage, context, who, SERVER, address, &error), 0);
    assert_int_equal(feed_subscriber_open(&subscriber, stage->fixture.loop, context, &list,
                                          on_event, stage, &error),
                     0);
    publish(&beat);
    loop_run(stage->fixture.loop);
    loop_cancel(beat.timer);
    feed_subscriber_close(subscriber);
    feed_publisher_close(beat.publisher);
    endpoint_context_free(context);
    return stage->heard;
}

static void a_feed_is_heard_with_a_key_of_the_list_only(void **state)
{
    struct stage *stage = *state;

    assert_true(hears(stage, FRIEND, PATIENCE_MS / 20));
    snprintf(stage->feed_address, sizeof(stage->feed_address), "tcp://127.0.0.1:%d", free_port());
    assert_false(hears(stage, STRANGER, PATIENCE_MS / 20));
    assert_true(admission_stats(stage->admission).keys_refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_of_the_list_is_let_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thread_of_its_own_lets_in_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_strange_key_is_refused_counted_and_told_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_refused_is_told_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawn_key_makes_no_new_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_speaks_no_curve_is_refused_and_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_server_with_another_key_is_not_believed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ipc_beside_tcp_needs_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_feed_is_heard_with_a_key_of_the_list_only, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
