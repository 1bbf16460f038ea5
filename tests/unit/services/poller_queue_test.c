/* One queue between an AWS and a store that the tests play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "services/poller/queue.h"
#include "tests/support/played_calls.h"
#include "tests/support/vectors.h"

enum { WAITS = 64 };

struct certificate_wait {
    certificate_fn *fn;
    void *arg;
    bool open;
};

static struct {
    struct queue *queue;
    struct json *vectors;
    int64_t aws_clock_offset_s, asked_at_s;
    bool store_connected;
    bool drained;
    struct certificate_answer certificate; /* what is known of every certificate */
    struct certificate_wait waits[WAITS];
    size_t wait_count, looks;
} world;

/* The seams: what the program links from common/aws and proto/endpoint. */

int64_t aws_clock_offset_s(const struct aws *aws)
{
    (void)aws;
    return world.aws_clock_offset_s;
}

bool rpc_client_connected(const struct rpc_client *client)
{
    (void)client;
    return world.store_connected;
}

struct certificate_answer certificates_look(struct certificates *certificates, struct str url,
                                            int64_t now_s)
{
    (void)certificates;
    assert_true(url.len > 0);
    world.asked_at_s = now_s;
    world.looks++;
    return world.certificate;
}

struct certificate_wait *certificates_ask(struct certificates *certificates, struct str url,
                                          int64_t now_s, certificate_fn *fn, void *arg)
{
    struct certificate_wait *wait = &world.waits[world.wait_count++];
    (void)certificates;

    assert_true(url.len > 0);
    assert_int_equal(now_s, world.asked_at_s);
    assert_true(world.wait_count <= WAITS);
    *wait = (struct certificate_wait){fn, arg, true};
    return wait;
}

void certificate_wait_cancel(struct certificate_wait *wait)
{
    if (!wait)
        return;
    assert_true(wait->open);
    wait->open = false;
}

/* Playing AWS and the store. */

static void aws_answers_json(struct aws_call *call, const struct json *body)
{
    played_aws_answers(call,
                       &(struct aws_response){.outcome = AWS_OK, .http_status = 200, .body = body});
}

static const struct json *vector(const char *path)
{
    const struct json *value = json_path(world.vectors, path);

    assert_non_null(value);
    return value;
}

static void store_answers(struct rpc_call *call, enum rpc_error code, enum outcome outcome)
{
    struct notify_result result = {.outcome = outcome};

    played_store_answers(call, code, &result);
}

static const struct notification *told(size_t index)
{
    const struct rpc_call *call = &played.rpc[index];
    const struct notify_params *params = call->params;

    assert_int_equal(call->method, METHOD_store_notify);
    assert_in_range(call->timeout_ms, 1, 30000);
    return params->notification;
}

/* The nth call of an operation since the start, or NULL. */
static struct aws_call *find_call(const char *operation, size_t n)
{
    for (size_t i = 0; i < played.aws_count; i++) {
        if (strcmp(played.aws[i].operation, operation) == 0 && n-- == 0)
            return &played.aws[i];
    }
    return NULL;
}

static size_t open_receives(void)
{
    size_t count = 0;

    for (size_t i = 0; i < played.aws_count; i++)
        count += played.aws[i].open && strcmp(played.aws[i].operation, "ReceiveMessage") == 0;
    return count;
}

struct waiting {
    const char *operation;
    size_t n;
    int64_t until_ms;
    struct aws_call *found;
};

static void look(void *arg)
{
    struct waiting *waiting = arg;

    waiting->found = find_call(waiting->operation, waiting->n);
    if (waiting->found || clock_mono_ms() > waiting->until_ms)
        loop_stop(played.loop);
    else
        loop_after(played.loop, 2, look, waiting);
}

static struct aws_call *wait_for(const char *operation, size_t n)
{
    struct waiting waiting = {operation, n, clock_mono_ms() + 10000, NULL};

    loop_after(played.loop, 0, look, &waiting);
    loop_run(played.loop);
    if (!waiting.found)
        fail_msg("no %s number %zu", operation, n);
    return waiting.found;
}

static void on_drained(void *arg)
{
    (void)arg;
    world.drained = true;
}

static const struct message_owner anybody;

static struct queue *new_queue(struct certificates *certificates, bool local)
{
    return queue_new(&(struct queue_options){
        .loop = played.loop,
        .owner = &anybody,
        .certificates = certificates,
        .local_certificates = local,
        .label = "main",
        .url = "https://sqs.us-east-1.amazonaws.com/444455556666/mp-events",
        .receives_in_flight = 2,
        .batch = 10,
        .wait_ms = 20000,
        .visibility_ms = 120000,
        .refused_pause_ms = 50,
        .drain_limit_ms = 50,
        .on_drained = on_drained,
    });
}

static int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    played_begin();
    world.vectors = vectors_load("aws-wire-examples.json");
    world.store_connected = true;
    world.queue = new_queue(NULL, false);
    return 0;
}

/* From now on the queue asks for signatures. */
static void check_signatures(bool local)
{
    static char anything;

    queue_free(world.queue);
    world.queue = new_queue((struct certificates *)&anything, local);
}

static int close_world(void **state)
{
    (void)state;
    queue_free(world.queue);
    json_free(world.vectors);
    played_end();
    return 0;
}

static void assert_entry(const struct aws_call *call, size_t index, const char *receipt_handle,
                         int64_t visibility_s)
{
    const struct json *entry = json_at(json_get(call->body, "Entries"), index);
    int64_t got = -1;

    assert_true(str_eq_text(json_get_str(entry, "ReceiptHandle"), receipt_handle));
    json_int(json_get(entry, "VisibilityTimeout"), &got);
    assert_int_equal(got, visibility_s);
}

/* Every entry is in Successful. */
static void answer_batch(struct aws_call *call)
{
    cleanup(json_freep) struct json *body = json_new_object();
    const struct json *entries = json_get(call->body, "Entries");
    struct json *successful = json_new_array();

    for (size_t i = 0; i < json_count(entries); i++) {
        struct json *item = json_new_object();
        json_set_str(item, "Id", json_get_str(json_at(entries, i), "Id"));
        json_add(successful, item);
    }
    json_set(body, "Successful", successful);
    aws_answers_json(call, body);
}

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

/* One message, with the body of an example or another one, is received. */
static void receive_body(struct str body, int64_t receives)
{
    cleanup(json_freep) struct json *response = json_new_object();
    cleanup(buf_done) struct buf md5 = BUF_INIT;
    unsigned char digest[CRYPTO_MD5_SIZE];
    struct json *messages = json_new_array(), *message = json_new_object();
    struct json *attributes = json_new_object();
    char count[24];

    crypto_md5(body, digest);
    crypto_hex(&md5, digest, sizeof(digest));
    snprintf(count, sizeof(count), "%lld", (long long)receives);
    json_set_str(attributes, "ApproximateReceiveCount", str_of(count));
    json_set_str(attributes, "DeadLetterQueueSourceArn", STR("arn:aws:sqs:us-east-1:1:q"));
    json_set_str(message, "MessageId", STR("sqs-id"));
    json_set_str(message, "ReceiptHandle", STR("handle"));
    json_set_str(message, "Body", body);
    json_set_str(message, "MD5OfBody", buf_str(&md5));
    json_set(message, "Attributes", attributes);
    json_add(messages, message);
    json_set(response, "Messages", messages);
    queue_wake(world.queue);
    for (size_t i = 0; i < played.aws_count; i++) {
        if (played.aws[i].open && strcmp(played.aws[i].operation, "ReceiveMessage") == 0) {
            aws_answers_json(&played.aws[i], response);
            return;
        }
    }
    fail_msg("nothing is received");
}

static struct str sns_body(const char *id)
{
    const struct json *cases = vector("sns.cases");

    for (size_t i = 0; i < json_count(cases); i++) {
        if (str_eq_text(json_get_str(json_at(cases, i), "id"), id))
            return json_get_str(json_at(cases, i), "sqs_body_raw");
    }
    fail_msg("there is no case '%s'", id);
    return STR_NONE;
}

static void know_the_examples_certificate(struct crypto_certificate **ret)
{
    assert_int_equal(crypto_certificate_parse(ret, json_str(vector("sns.signing_cert_pem")), NULL),
                     0);
    world.certificate = (struct certificate_answer){.state = CERTIFICATE_GOOD, .certificate = *ret};
}

static const struct notification *last_told(void)
{
    assert_true(played.rpc_count > 0);
    return told(played.rpc_count - 1);
}

static void assert_refused(const char *why)
{
    cleanup(mem_freep) char *problem = str_dup(last_told()->problem);

    if (!strstr(problem, why))
        fail_msg("'%s' does not say '%s'", problem, why);
    assert_int_equal(last_told()->kind, EVENT_OTHER);
    assert_int_equal(last_told()->customer_identifier.len, 0);
    assert_true(str_eq_text(last_told()->event_id, "sqs-id"));
}

static void every_example_is_acted_on_only_if_sns_signed_it(void **state)
{
    (void)state;
    const struct json *cases = vector("sns.cases");
    struct crypto_certificate *certificate;
    int64_t refused = 0;

    check_signatures(false);
    know_the_examples_certificate(&certificate);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *given = json_at(cases, i);
        bool want;
        print_message(STR_FMT "\n", STR_ARG(json_get_str(given, "id")));
        assert_true(json_bool(json_get(given, "expect_valid"), &want));
        receive_body(json_get_str(given, "sqs_body_raw"), 1);
        assert_int_equal(played.rpc_count, i + 1);
        if (str_eq_text(json_get_str(given, "id"), "unknown-signature-version"))
            assert_refused("SignatureVersion");
        else if (!want)
            assert_refused("Signature does not fit");
        else if (!str_eq_text(json_get_str(given, "id"), "documented-trailing-comma"))
            assert_int_equal(last_told()->problem.len, 0);
        refused += !want;
        store_answers(&played.rpc[i], ERROR_NONE, OUTCOME_APPLIED);
    }
    assert_int_equal(refused, 3);
    assert_int_equal(queue_figures(world.queue).counts.refused, refused);
    crypto_certificate_free(certificate);
}

static void a_certificate_is_waited_for(void **state)
{
    (void)state;
    struct crypto_certificate *certificate;

    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv2"), 1);
    assert_int_equal(played.rpc_count, 0);
    assert_int_equal(world.wait_count, 1);
    know_the_examples_certificate(&certificate);
    world.waits[0].open = false;
    world.waits[0].fn(world.waits[0].arg, &world.certificate);
    assert_int_equal(last_told()->problem.len, 0);
    assert_int_equal(last_told()->kind, EVENT_ENTITLEMENT_UPDATED);
    store_answers(&played.rpc[0], ERROR_NONE, OUTCOME_APPLIED);
    answer_batch(wait_for("DeleteMessageBatch", 0));
    crypto_certificate_free(certificate);
}

static void without_its_certificate_a_message_comes_back_later(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv1"), 3);
    world.waits[0].open = false;
    world.waits[0].fn(world.waits[0].arg, &(struct certificate_answer){.state = CERTIFICATE_AWAY,
                                                                       .why = STR("no route")});
    assert_int_equal(played.rpc_count, 0);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_entry(change, 0, "handle", 40);
    answer_batch(change);
    assert_null(find_call("DeleteMessageBatch", 0));
    assert_int_equal(queue_figures(world.queue).counts.unchecked, 1);
    assert_int_equal(queue_figures(world.queue).counts.handed_back, 1);
    /* What needs no certificate goes on meanwhile. */
    assert_false(queue_figures(world.queue).paused);
    assert_int_equal(open_receives(), 2);
}

static void a_bad_certificate_is_the_reason(void **state)
{
    (void)state;
    check_signatures(false);
    world.certificate = (struct certificate_answer){.state = CERTIFICATE_BAD,
                                                    .why = STR("it was not issued to SNS")};
    receive_body(sns_body("entitlement-updated-sigv1"), 1);
    assert_refused("it was not issued to SNS");
}

static void what_carries_no_signature_is_refused_if_it_should(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(json_str(vector("sns.raw_delivery_body_example")), 1);
    assert_refused("raw");
    receive_body(json_str(json_path(json_at(vector("eventbridge.cases"), 0), "sqs_body_raw")), 1);
    assert_int_equal(last_told()->source, SOURCE_EVENTBRIDGE);
    assert_int_equal(last_told()->problem.len, 0);
    assert_int_equal(world.looks, 0);
}

static void certificates_of_this_machine_only_where_they_may(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:8080/a.pem", "https://evil.example/a.pem"};

    for (size_t i = 0; i < 4; i++) {
        cleanup(json_freep) struct json *envelope = NULL;
        cleanup(buf_done) struct buf body = BUF_INIT;
        bool local = i >= 2;
        assert_int_equal(json_parse(&envelope, sns_body("entitlement-updated-sigv1"), NULL), 0);
        json_set_str(envelope, "SigningCertURL", str_of(urls[i % 2]));
        json_write(envelope, &body);
        check_signatures(local);
        receive_body(buf_str(&body), 1);
        assert_int_equal(world.looks, i >= 2 ? 1 : 0);
        if (i != 2)
            assert_refused("SigningCertURL");
    }
    assert_int_equal(world.wait_count, 1);
}

static void a_stop_does_not_wait_for_a_certificate(void **state)
{
    (void)state;
    check_signatures(false);
    receive_body(sns_body("entitlement-updated-sigv1"), 1);
    assert_true(world.waits[0].open);
    queue_drain(world.queue);
    struct aws_call *change = wait_for("ChangeMessageVisibilityBatch", 0);
    assert_false(world.waits[0].open);
    assert_entry(change, 0, "handle", 0);
    answer_batch(change);
    assert_true(world.drained);
}

static void what_comes_from_a_dead_letter_queue_is_an_ordinary_message(void **state)
{
    (void)state;
    receive_body(sns_body("entitlement-updated-sigv1"), 7);
    assert_int_equal(last_told()->kind, EVENT_ENTITLEMENT_UPDATED);
    assert_int_equal(queue_figures(world.queue).counts.redriven, 1);
}

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
        IN_WORLD(asks_as_sqs_documents_it),
        IN_WORLD(deletes_what_the_store_has_recorded),
        IN_WORLD(a_damaged_message_is_handed_back_and_not_recorded),
        IN_WORLD(an_empty_answer_is_followed_by_another_receive),
        IN_WORLD(what_the_store_cannot_take_comes_back_later),
        IN_WORLD(what_the_store_refuses_is_kept_without_its_meaning),
        IN_WORLD(a_message_refused_twice_does_not_stop_the_others),
        IN_WORLD(every_example_is_acted_on_only_if_sns_signed_it),
        IN_WORLD(a_certificate_is_waited_for),
        IN_WORLD(without_its_certificate_a_message_comes_back_later),
        IN_WORLD(a_bad_certificate_is_the_reason),
        IN_WORLD(what_carries_no_signature_is_refused_if_it_should),
        IN_WORLD(certificates_of_this_machine_only_where_they_may),
        IN_WORLD(a_stop_does_not_wait_for_a_certificate),
        IN_WORLD(what_comes_from_a_dead_letter_queue_is_an_ordinary_message),
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
