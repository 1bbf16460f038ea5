/* When a queue pauses, tries again, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/queue_fixture.h"

static void a_refusal_of_aws_pauses_and_tries_with_one(void **state)
{
    (void)state;
    static const enum aws_outcome outcomes[] = {AWS_CREDENTIALS, AWS_ERROR};

    queue_wake(world.queue);
    for (size_t i = 0; i < 2; i++)
        played_aws_answers(&played.aws[i], &(struct aws_response){.outcome = outcomes[i],
                                                                  .code = STR("AccessDenied"),
                                                                  .message = STR("no")});
    assert_int_equal(open_receives(), 0);
    assert_true(queue_figures(world.queue).paused);
    assert_int_equal(queue_figures(world.queue).receives_failed, 2);

    struct aws_call *trial = wait_for("ReceiveMessage", 2);
    assert_int_equal(open_receives(), 1);
    aws_answers_json(trial, vector("sqs.receive_response_three_kinds.body"));
    for (size_t i = 0; i < 3; i++)
        store_answers(&played.rpc[i], ERROR_NONE, OUTCOME_RECORDED);
    assert_int_equal(open_receives(), 2);
}

static void an_unreachable_aws_pauses_too(void **state)
{
    (void)state;
    queue_wake(world.queue);
    played_aws_answers(&played.aws[0], &(struct aws_response){.outcome = AWS_UNREACHABLE,
                                                              .message = STR("refused")});
    assert_true(queue_figures(world.queue).paused);
    assert_int_equal(open_receives(), 1);
}

static void nothing_is_received_while_the_store_is_away(void **state)
{
    (void)state;
    world.store_connected = false;
    queue_wake(world.queue);
    assert_int_equal(played.aws_count, 0);
    world.store_connected = true;
    queue_wake(world.queue);
    assert_int_equal(open_receives(), 2);
    queue_wake(world.queue);
    assert_int_equal(open_receives(), 2);
}

static void deletes_that_failed_are_sent_again(void **state)
{
    (void)state;
    cleanup(json_freep) struct json *partial = NULL;

    assert_int_equal(
        json_parse(&partial,
                   STR("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"Code\":"
                       "\"ReceiptHandleIsInvalid\",\"SenderFault\":true},{\"Id\":\"2\","
                       "\"Code\":\"InternalError\",\"SenderFault\":false},{\"Id\":\"77\"}]}"),
                   NULL),
        0);
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    for (size_t i = 0; i < 3; i++)
        store_answers(&played.rpc[i], ERROR_NONE, OUTCOME_APPLIED);
    aws_answers_json(wait_for("DeleteMessageBatch", 0), partial);

    struct aws_call *again = wait_for("DeleteMessageBatch", 1);
    assert_int_equal(json_count(json_get(again->body, "Entries")), 1);
    assert_entry(again, 0, "AQEBfixtureReceiptHandle0003+/==", -1);
    played_aws_answers(again,
                       &(struct aws_response){.outcome = AWS_ERROR, .code = STR("OverLimit")});
    assert_int_equal(queue_figures(world.queue).counts.deleted, 1);
    assert_int_equal(queue_figures(world.queue).counts.not_deleted, 2);
}

static void a_stop_finishes_what_is_under_way(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    queue_drain(world.queue);
    assert_true(played.aws[1].cancelled);
    assert_false(world.drained);
    for (size_t i = 0; i < 3; i++)
        store_answers(&played.rpc[i], ERROR_NONE, OUTCOME_APPLIED);
    assert_int_equal(open_receives(), 0);
    struct aws_call *deletes = wait_for("DeleteMessageBatch", 0);
    assert_int_equal(json_count(json_get(deletes->body, "Entries")), 3);
    answer_batch(deletes);
    assert_true(world.drained);
    assert_int_equal(queue_figures(world.queue).counts.deleted, 3);
}

static void a_stop_hands_back_what_the_store_does_not_take(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    queue_drain(world.queue);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_int_equal(json_count(json_get(change->body, "Entries")), 3);
    for (size_t i = 0; i < 3; i++)
        assert_false(played.rpc[i].open);
    assert_false(world.drained);
    /* One attempt only: a stop does not wait for an AWS that is away. */
    played_aws_answers(change, &(struct aws_response){.outcome = AWS_UNREACHABLE});
    assert_true(world.drained);
    assert_true(queue_is_drained(world.queue));
}

static void an_idle_queue_drains_at_once(void **state)
{
    (void)state;
    queue_wake(world.queue);
    queue_drain(world.queue);
    assert_true(world.drained);
    assert_int_equal(open_receives(), 0);
}

static void the_back_off_widens(void **state)
{
    (void)state;
    assert_int_equal(delivery_back_off_s(0), 10);
    assert_int_equal(delivery_back_off_s(1), 10);
    assert_int_equal(delivery_back_off_s(3), 40);
    assert_int_equal(delivery_back_off_s(8), 900);
    assert_int_equal(delivery_back_off_s(INT64_MAX), 900);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_refusal_of_aws_pauses_and_tries_with_one),
        IN_WORLD(an_unreachable_aws_pauses_too),
        IN_WORLD(nothing_is_received_while_the_store_is_away),
        IN_WORLD(deletes_that_failed_are_sent_again),
        IN_WORLD(a_stop_finishes_what_is_under_way),
        IN_WORLD(a_stop_hands_back_what_the_store_does_not_take),
        IN_WORLD(an_idle_queue_drains_at_once),
        cmocka_unit_test(the_back_off_widens),
    };

    log_set_level("error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
