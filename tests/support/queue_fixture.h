/* One queue of a poller between an AWS, a store and certificates that the test plays. */
#ifndef TESTS_SUPPORT_QUEUE_FIXTURE_H
#define TESTS_SUPPORT_QUEUE_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
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

static inline void aws_answers_json(struct aws_call *call, const struct json *body)
{
    played_aws_answers(call,
                       &(struct aws_response){.outcome = AWS_OK, .http_status = 200, .body = body});
}

static inline const struct json *vector(const char *path)
{
    const struct json *value = json_path(world.vectors, path);

    assert_non_null(value);
    return value;
}

static inline void store_answers(struct rpc_call *call, enum rpc_error code, enum outcome outcome)
{
    struct notify_result result = {.outcome = outcome};

    played_store_answers(call, code, &result);
}

static inline const struct notification *told(size_t index)
{
    const struct rpc_call *call = &played.rpc[index];
    const struct notify_params *params = call->params;

    assert_int_equal(call->method, METHOD_store_notify);
    assert_in_range(call->timeout_ms, 1, 30000);
    return params->notification;
}

/* The nth call of an operation since the start, or NULL. */
static inline struct aws_call *find_call(const char *operation, size_t n)
{
    for (size_t i = 0; i < played.aws_count; i++) {
        if (strcmp(played.aws[i].operation, operation) == 0 && n-- == 0)
            return &played.aws[i];
    }
    return NULL;
}

static inline size_t open_receives(void)
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

static inline void look(void *arg)
{
    struct waiting *waiting = arg;

    waiting->found = find_call(waiting->operation, waiting->n);
    if (waiting->found || clock_mono_ms() > waiting->until_ms)
        loop_stop(played.loop);
    else
        loop_after(played.loop, 2, look, waiting);
}

static inline struct aws_call *wait_for(const char *operation, size_t n)
{
    struct waiting waiting = {operation, n, clock_mono_ms() + 10000, NULL};

    loop_after(played.loop, 0, look, &waiting);
    loop_run(played.loop);
    if (!waiting.found)
        fail_msg("no %s number %zu", operation, n);
    return waiting.found;
}

static inline void on_drained(void *arg)
{
    (void)arg;
    world.drained = true;
}

static const struct message_owner anybody;

static inline struct queue *new_queue(struct certificates *certificates, bool local)
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

static inline int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    played_begin();
    world.vectors = vectors_load("aws-wire-examples.json");
    world.store_connected = true;
    world.queue = new_queue(NULL, false);
    return 0;
}

static inline int close_world(void **state)
{
    (void)state;
    queue_free(world.queue);
    json_free(world.vectors);
    played_end();
    return 0;
}

static inline void assert_entry(const struct aws_call *call, size_t index,
                                const char *receipt_handle, int64_t visibility_s)
{
    const struct json *entry = json_at(json_get(call->body, "Entries"), index);
    int64_t got = -1;

    assert_true(str_eq_text(json_get_str(entry, "ReceiptHandle"), receipt_handle));
    json_int(json_get(entry, "VisibilityTimeout"), &got);
    assert_int_equal(got, visibility_s);
}

/* Every entry is in Successful. */
static inline void answer_batch(struct aws_call *call)
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

/* One message, with the body of an example or another one, is received. */
static inline void receive_body(struct str body, int64_t receives)
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

static inline struct str sns_body(const char *id)
{
    const struct json *cases = vector("sns.cases");

    for (size_t i = 0; i < json_count(cases); i++) {
        if (str_eq_text(json_get_str(json_at(cases, i), "id"), id))
            return json_get_str(json_at(cases, i), "sqs_body_raw");
    }
    fail_msg("there is no case '%s'", id);
    return STR_NONE;
}

static inline const struct notification *last_told(void)
{
    assert_true(played.rpc_count > 0);
    return told(played.rpc_count - 1);
}

#endif
