/* A queue: received, told to the store, deleted, or handed back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/queue_fixture.h"

static void asks_as_sqs_documents_it(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf got = BUF_INIT;
    cleanup(buf_done) struct buf want = BUF_INIT;

    queue_wake(world.queue);
    assert_int_equal(open_receives(), 2);
    cleanup(json_freep) struct json *request = json_clone(vector("sqs.receive_request.body"));
    struct json *attributes = json_clone(json_get(request, "MessageSystemAttributeNames"));
    json_add(attributes, json_new_str(STR("DeadLetterQueueSourceArn")));
    json_set(request, "MessageSystemAttributeNames", attributes);
    for (size_t i = 0; i < 2; i++) {
        const char *members[] = {"QueueUrl", "MaxNumberOfMessages", "WaitTimeSeconds",
                                 "VisibilityTimeout", "MessageSystemAttributeNames"};
        assert_int_equal(json_count(played.aws[i].body), json_count(request));
        for (size_t j = 0; j < sizeof(members) / sizeof(members[0]); j++) {
            buf_clear(&got);
            buf_clear(&want);
            json_write(json_get(played.aws[i].body, members[j]), &got);
            json_write(json_get(request, members[j]), &want);
            assert_string_equal(got.data, want.data);
        }
    }
}

static void deletes_what_the_store_has_recorded(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    assert_int_equal(played.rpc_count, 3);
    assert_int_equal(told(0)->source, SOURCE_SNS);
    assert_int_equal(told(1)->source, SOURCE_EVENTBRIDGE);
    assert_int_equal(told(2)->source, SOURCE_SNS_RAW);
    assert_true(str_eq_text(told(2)->event_id, "5d5d5d5d-0000-4000-8000-000000000003"));
    assert_int_equal(told(2)->event_time, 1795435201);
    assert_true(str_eq(played.rpc[0].trace, told(0)->message_id));
    assert_int_equal(open_receives(), 1);

    store_answers(&played.rpc[1], ERROR_NONE, OUTCOME_APPLIED);
    store_answers(&played.rpc[0], ERROR_NONE, OUTCOME_DUPLICATE);
    store_answers(&played.rpc[2], ERROR_NONE, OUTCOME_NOT_UNDERSTOOD);
    assert_int_equal(open_receives(), 2);

    struct aws_call *deletes = wait_for("DeleteMessageBatch", 0);
    assert_int_equal(json_count(json_get(deletes->body, "Entries")), 3);
    assert_entry(deletes, 0, "AQEBfixtureReceiptHandle0002+/==", -1);
    assert_entry(deletes, 1, "AQEBfixtureReceiptHandle0001+/==", -1);
    assert_entry(deletes, 2, "AQEBfixtureReceiptHandle0003+/==", -1);
    answer_batch(deletes);

    struct queue_figures figures = queue_figures(world.queue);
    assert_int_equal(figures.counts.received, 3);
    assert_int_equal(figures.counts.recorded, 3);
    assert_int_equal(figures.counts.duplicates, 1);
    assert_int_equal(figures.counts.not_understood, 1);
    assert_int_equal(figures.counts.deleted, 3);
    assert_int_equal(figures.counts.failed, 0);
    assert_true(clock_wall_s() - figures.last_receive_wall_s < 60);
}

static void a_damaged_message_is_handed_back_and_not_recorded(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_bad_md5.body"));
    assert_int_equal(played.rpc_count, 0);
    assert_int_equal(open_receives(), 2);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_entry(change, 0, "AQEBfixtureReceiptHandle0004+/==", 10);
    answer_batch(change);
    assert_null(find_call("DeleteMessageBatch", 0));
    assert_int_equal(queue_figures(world.queue).counts.handed_back, 1);
    assert_int_equal(queue_figures(world.queue).counts.failed, 1);
}

static void an_empty_answer_is_followed_by_another_receive(void **state)
{
    (void)state;
    static const char *answers[] = {"sqs.receive_response_empty_object.body",
                                    "sqs.receive_response_empty_list.body"};

    for (size_t i = 0; i < 2; i++) {
        if (i == 0)
            queue_wake(world.queue);
        struct aws_call *receive = find_call("ReceiveMessage", i);
        aws_answers_json(receive, vector(answers[i]));
        /* Nothing at once: an answer that did not wait must not make us spin. */
        assert_int_equal(open_receives(), 1 - i);
    }
    wait_for("ReceiveMessage", 3);
    assert_int_equal(open_receives(), 2);
}

static void what_the_store_cannot_take_comes_back_later(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    for (size_t i = 0; i < 3; i++)
        store_answers(&played.rpc[i], ERROR_UNAVAILABLE, 0);
    assert_int_equal(open_receives(), 1);
    assert_true(queue_figures(world.queue).paused);

    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_entry(change, 0, "AQEBfixtureReceiptHandle0001+/==", 10);
    assert_entry(change, 1, "AQEBfixtureReceiptHandle0002+/==", 40);
    answer_batch(change);
    assert_null(find_call("DeleteMessageBatch", 0));

    /* The other lane fails as well; then one receive of one message tries again. */
    played_aws_answers(&played.aws[1], &(struct aws_response){.outcome = AWS_UNREACHABLE});
    assert_int_equal(open_receives(), 0);
    struct aws_call *trial = wait_for("ReceiveMessage", 2);
    assert_int_equal(open_receives(), 1);
    int64_t most = 0;
    assert_true(json_int(json_get(trial->body, "MaxNumberOfMessages"), &most));
    assert_int_equal(queue_figures(world.queue).counts.failed, 3);
    assert_int_equal(most, 1);
}

static void what_the_store_refuses_is_kept_without_its_meaning(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    assert_true(told(1)->license.len > 0);
    store_answers(&played.rpc[1], ERROR_BAD_REQUEST, 0);
    assert_int_equal(played.rpc_count, 4);
    assert_int_equal(told(3)->license.len, 0);
    assert_true(str_ends_with(told(3)->problem, STR("as the test has it")));
    assert_true(str_eq(told(3)->message_id, told(1)->message_id));
    store_answers(&played.rpc[3], ERROR_NONE, OUTCOME_NOT_UNDERSTOOD);
    assert_entry(wait_for("DeleteMessageBatch", 0), 0, "AQEBfixtureReceiptHandle0002+/==", -1);
}

static void a_message_refused_twice_does_not_stop_the_others(void **state)
{
    (void)state;
    queue_wake(world.queue);
    aws_answers_json(&played.aws[0], vector("sqs.receive_response_three_kinds.body"));
    store_answers(&played.rpc[1], ERROR_BAD_REQUEST, 0);
    store_answers(&played.rpc[3], ERROR_BAD_REQUEST, 0);
    assert_entry(wait_for("ChangeMessageVisibilityBatch", 0), 0,
                 "AQEBfixtureReceiptHandle0002+/==", 40);
    assert_false(queue_figures(world.queue).paused);
}

static void what_comes_from_a_dead_letter_queue_is_an_ordinary_message(void **state)
{
    (void)state;
    receive_body(sns_body("entitlement-updated-sigv1"), 7);
    assert_int_equal(last_told()->kind, EVENT_ENTITLEMENT_UPDATED);
    assert_int_equal(queue_figures(world.queue).counts.redriven, 1);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(asks_as_sqs_documents_it),
        IN_WORLD(deletes_what_the_store_has_recorded),
        IN_WORLD(a_damaged_message_is_handed_back_and_not_recorded),
        IN_WORLD(an_empty_answer_is_followed_by_another_receive),
        IN_WORLD(what_the_store_cannot_take_comes_back_later),
        IN_WORLD(what_the_store_refuses_is_kept_without_its_meaning),
        IN_WORLD(a_message_refused_twice_does_not_stop_the_others),
        IN_WORLD(what_comes_from_a_dead_letter_queue_is_an_ordinary_message),
    };

    log_set_level("error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
