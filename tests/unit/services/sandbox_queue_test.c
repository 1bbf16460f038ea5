/* The sandbox's queues: visibility, receipts, retention, redriving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "services/sandbox/queue.h"

struct fixture {
    struct loop *loop;
    struct queues queues;
    struct queue *queue, *dead;
};

static int set_up(void **state)
{
    static const char text[] =
        "[{\"name\":\"dead\",\"account\":\"1\"},"
        "{\"name\":\"q\",\"account\":\"1\",\"dead_letter\":\"dead\",\"max_receive_count\":2}]";
    struct fixture *f = mem_alloc_zero(sizeof(*f));
    struct json *list = NULL;

    f->loop = loop_new();
    queues_init(&f->queues, f->loop, STR("us-east-1"));
    assert_int_equal(json_parse(&list, STR(text), NULL), 0);
    assert_int_equal(queues_load(&f->queues, list, NULL), 0);
    json_free(list);
    f->queue = queues_find(&f->queues, STR("1"), STR("q"));
    f->dead = queues_find(&f->queues, STR("1"), STR("dead"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    queues_done(&f->queues);
    loop_free(f->loop);
    mem_free(f);
    return 0;
}

static struct message *receive_one(struct queue *queue, int64_t visibility_ms)
{
    struct message *messages[QUEUE_RECEIVE_MAX];
    size_t count = queue_receive(queue, 1, visibility_ms, messages);

    return count == 1 ? messages[0] : NULL;
}

static void a_received_message_is_hidden_until_it_is_given_back(void **state)
{
    struct fixture *f = *state;

    queue_send(f->queue, STR("a"), STR("me"), 0);
    struct message *message = receive_one(f->queue, 60000);
    assert_non_null(message);
    assert_true(message_in_flight(message));
    assert_null(receive_one(f->queue, 60000));
    assert_int_equal(queue_change_visibility(f->queue, message, 0), 0);
    assert_false(message_in_flight(message));
    assert_ptr_equal(receive_one(f->queue, 60000), message);
    assert_int_equal(message->receive_count, 2);
}

static void only_the_last_receipt_is_current(void **state)
{
    struct fixture *f = *state;
    struct message *found = NULL;

    queue_send(f->queue, STR("a"), STR("me"), 0);
    cleanup(mem_freep) char *old = mem_strdup(receive_one(f->queue, 0)->receipt);
    struct message *message = receive_one(f->queue, 0);
    cleanup(mem_freep) char *last = mem_strdup(message->receipt);

    assert_int_equal(queue_find_receipt(f->queue, str_of(old), &found), RECEIPT_STALE);
    assert_int_equal(queue_find_receipt(f->queue, str_of(last), &found), RECEIPT_CURRENT);
    assert_ptr_equal(found, message);
    assert_int_equal(queue_find_receipt(f->dead, str_of(last), &found), RECEIPT_INVALID);
    queue_delete(f->queue, message);
    assert_int_equal(queue_find_receipt(f->queue, str_of(last), &found), RECEIPT_STALE);
}

static void texts_that_are_no_receipts_are_told_apart(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"",         "AQEB",     "AQEB!!!",
                                        "nonsense", "AQEBcS8=", "AQEBcS94Lw=="};
    struct message *found;

    queue_send(f->queue, STR("a"), STR("me"), 0);
    receive_one(f->queue, 1000);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(queue_find_receipt(f->queue, str_of(texts[i]), &found), RECEIPT_INVALID);
}

static void a_message_received_too_often_is_redriven_and_comes_back(void **state)
{
    struct fixture *f = *state;

    queue_send(f->queue, STR("poison"), STR("me"), 0);
    assert_non_null(receive_one(f->queue, 0));
    assert_non_null(receive_one(f->queue, 0));
    assert_null(receive_one(f->queue, 0));
    assert_int_equal(f->queue->count, 0);
    assert_int_equal(f->dead->count, 1);

    const struct message *dead = TAILQ_FIRST(&f->dead->messages);
    assert_true(str_eq(dead->dead_letter_source, STR("arn:aws:sqs:us-east-1:1:q")));
    assert_int_equal(dead->receive_count, 0);
    assert_int_equal(queue_redrive(f->dead), 1);
    assert_int_equal(f->queue->count, 1);
    assert_int_equal(f->dead->count, 0);
}

static void visibility_lasts_at_most_twelve_hours_from_the_receive(void **state)
{
    struct fixture *f = *state;
    int64_t twelve_hours_ms = QUEUE_VISIBILITY_MAX_S * INT64_C(1000);

    queue_send(f->queue, STR("a"), STR("me"), 0);
    struct message *message = receive_one(f->queue, 1000);
    message->received_at_ms -= 1000;
    assert_int_equal(queue_change_visibility(f->queue, message, twelve_hours_ms - 2000), 0);
    assert_int_equal(queue_change_visibility(f->queue, message, twelve_hours_ms), -1);
}

static void a_message_is_not_kept_longer_than_the_retention(void **state)
{
    struct fixture *f = *state;

    struct message *message = queue_send(f->queue, STR("a"), STR("me"), 0);
    message->sent_wall_ms -= (f->queue->retention_s + 1) * 1000;
    assert_null(receive_one(f->queue, 0));
    assert_int_equal(f->queue->count, 0);
}

struct receiver {
    struct fixture *fixture;
    struct queue_waiter waiter;
    const struct message *got;
};

static void on_message(void *arg)
{
    struct receiver *receiver = arg;

    receiver->got = receive_one(receiver->fixture->queue, 60000);
    if (!receiver->got)
        return;
    queue_unwait(&receiver->waiter);
    loop_stop(receiver->fixture->loop);
}

static void waiting_receivers_are_served_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct receiver first = {f, {.fn = on_message, .arg = &first}, NULL};
    struct receiver second = {f, {.fn = on_message, .arg = &second}, NULL};

    queue_wait(f->queue, &first.waiter);
    queue_wait(f->queue, &second.waiter);
    const struct message *a = queue_send(f->queue, STR("a"), STR("me"), 0);
    assert_ptr_equal(first.got, a);
    assert_null(second.got);
    const struct message *b = queue_send(f->queue, STR("b"), STR("me"), 0);
    assert_ptr_equal(second.got, b);
}

static void a_waiting_receiver_gets_a_message_whose_time_has_come(void **state)
{
    struct fixture *f = *state;
    struct receiver receiver = {f, {.fn = on_message, .arg = &receiver}, NULL};

    queue_send(f->queue, STR("later"), STR("me"), 30);
    queue_wait(f->queue, &receiver.waiter);
    assert_null(receiver.got);
    loop_run(f->loop);
    assert_non_null(receiver.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_received_message_is_hidden_until_it_is_given_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_last_receipt_is_current, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_that_are_no_receipts_are_told_apart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_message_received_too_often_is_redriven_and_comes_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(visibility_lasts_at_most_twelve_hours_from_the_receive,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_is_not_kept_longer_than_the_retention, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(waiting_receivers_are_served_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_waiting_receiver_gets_a_message_whose_time_has_come,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
