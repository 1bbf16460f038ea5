/* A socket in the loop: its descriptor tells of a message once, and any call on the socket may use
 * that up (zmq_getsockopt(3), ZMQ_FD). Where a message is forgotten, the test waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint/socket.h"
#include "tests/support/endpoint_fixture.h"

struct stage {
    struct endpoint_fixture fixture;
    void *ours, *peer;
    unsigned received, writable;
};

static void open_stage(struct stage *stage)
{
    struct error error;

    *stage = (struct stage){.received = 0};
    fixture_open(&stage->fixture);
    stage->ours = socket_open(stage->fixture.context, ZMQ_PAIR, 0);
    stage->peer = socket_open(stage->fixture.context, ZMQ_PAIR, 0);
    assert_int_equal(zmq_bind(stage->peer, "inproc://watched"), 0);
    assert_int_equal(
        socket_connect(stage->fixture.context, stage->ours, "inproc://watched", &error), 0);
}

static void close_stage(struct stage *stage)
{
    socket_unwatch(stage->fixture.loop, stage->ours);
    socket_close(stage->ours);
    socket_close(stage->peer);
    fixture_close(&stage->fixture);
}

/* One, although more may wait. */
static void receive_one(void *arg, void *socket)
{
    struct stage *stage = arg;
    zmq_msg_t msg;
    size_t frames;

    assert_ptr_equal(socket, stage->ours);
    assert_true(socket_receive(socket, &msg, &frames));
    zmq_msg_close(&msg);
    stage->received++;
}

static void send_to_us(const struct stage *stage)
{
    assert_int_equal(zmq_send(stage->peer, "x", 1, 0), 1);
}

/* Waits until libzmq has the message for us, which uses up what the descriptor has to tell. */
static void use_up(const struct stage *stage)
{
    zmq_pollitem_t item = {.socket = stage->ours, .events = ZMQ_POLLIN};

    assert_int_equal(zmq_poll(&item, 1, -1), 1);
}

static void run_until_received(struct stage *stage, unsigned count)
{
    while (stage->received < count)
        loop_turn(stage->fixture.loop, -1);
    loop_turn(stage->fixture.loop, 0);
    assert_int_equal(stage->received, count);
}

static void a_message_that_came_before_is_received(void **state)
{
    struct stage stage;
    (void)state;

    open_stage(&stage);
    send_to_us(&stage);
    use_up(&stage);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ, receive_one, &stage);
    run_until_received(&stage, 1);
    close_stage(&stage);
}

static void messages_that_came_together_are_all_received(void **state)
{
    enum { COUNT = 5 };
    struct stage stage;
    (void)state;

    open_stage(&stage);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ, receive_one, &stage);
    for (int i = 0; i < COUNT; i++)
        send_to_us(&stage);
    run_until_received(&stage, COUNT);
    close_stage(&stage);
}

static void use_in_a_timer(void *arg)
{
    struct stage *stage = arg;

    send_to_us(stage);
    use_up(stage);
}

static void what_a_timer_overlooked_is_received(void **state)
{
    struct stage stage;
    (void)state;

    open_stage(&stage);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ, receive_one, &stage);
    loop_turn(stage.fixture.loop, 0);
    loop_soon(stage.fixture.loop, use_in_a_timer, &stage);
    run_until_received(&stage, 1);
    close_stage(&stage);
}

/* A send takes libzmq's news of what came, too. */
static void send_in_a_timer(void *arg)
{
    struct stage *stage = arg;

    send_to_us(stage);
    assert_int_equal(zmq_send(stage->ours, "y", 1, 0), 1);
}

static void what_a_send_overlooked_is_received(void **state)
{
    struct stage stage;
    (void)state;

    open_stage(&stage);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ, receive_one, &stage);
    loop_turn(stage.fixture.loop, 0);
    loop_soon(stage.fixture.loop, send_in_a_timer, &stage);
    run_until_received(&stage, 1);
    close_stage(&stage);
}

static void note_writable(void *arg, void *socket)
{
    struct stage *stage = arg;

    stage->writable++;
    socket_watch(stage->fixture.loop, socket, LOOP_READ, receive_one, stage);
}

static void room_to_write_is_told_to_those_who_want_it(void **state)
{
    struct stage stage;
    (void)state;

    open_stage(&stage);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ, note_writable, &stage);
    loop_turn(stage.fixture.loop, 0);
    assert_int_equal(stage.writable, 0);
    socket_watch(stage.fixture.loop, stage.ours, LOOP_READ | LOOP_WRITE, note_writable, &stage);
    loop_turn(stage.fixture.loop, -1);
    loop_turn(stage.fixture.loop, 0);
    assert_int_equal(stage.writable, 1);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_came_before_is_received),
        cmocka_unit_test(messages_that_came_together_are_all_received),
        cmocka_unit_test(what_a_timer_overlooked_is_received),
        cmocka_unit_test(what_a_send_overlooked_is_received),
        cmocka_unit_test(room_to_write_is_told_to_those_who_want_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
