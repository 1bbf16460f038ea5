/* bench_notice: from a change at AWS to the answer that shows it, one at a time.
 *
 *   bare    --sandbox URL --agreement A --count C --seats S
 *           the AWS calls alone: a long poll that returns, then GetEntitlements
 *   suite   --sandbox URL --agreement A --count C --seats S --license L --checkers E,E
 *           until every checker answers with it
 *
 * The clock starts before the change is posted to the sandbox. S seats are the first change, then
 * one more each. Credentials are AWS's variables. Prints one line of JSON. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "common/base/mem.h"
#include "common/json/json.h"
#include "proto/codec/codec.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"

enum { CHECKERS_MAX = 8, PATIENCE_MS = 20000, LOOK_AGAIN_NS = 50000 };

static const char receive_body[] = "{\"QueueUrl\":\"%s/444455556666/mp-events\","
                                   "\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20}";
static const char delete_body[] = "{\"QueueUrl\":\"%s/444455556666/mp-events\","
                                  "\"ReceiptHandle\":\"" STR_FMT "\"}";
static const char entitlements_body[] =
    "{\"ProductCode\":\"" DATA_PRODUCT "\",\"Filter\":{\"LICENSE_ARN\":[\"" STR_FMT "\"]}}";

struct trial {
    const char *sandbox, *agreement;
    int64_t count, seats;
    struct samples samples;
    /* bare */
    pthread_t receiver;
    sem_t received;
    uint64_t received_ns;
    int64_t received_seats;
    /* suite */
    const char *license;
    void *checkers[CHECKERS_MAX];
    size_t checker_count;
};

/* HTTP: one handle keeps one connection. */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    buf_append(arg, data, size * count);
    return size * count;
}

static CURL *new_handle(struct buf *answer)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    return curl;
}

/* The parsed answer; the caller frees it. */
static struct json *post(CURL *curl, const char *url, const char *body, struct buf *answer)
{
    struct json *json;
    struct error error;
    long status = 0;

    buf_clear(answer);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200)
        tool_die("%s: %s, status %ld: %s", url, curl_easy_strerror(code), status,
                 answer->data ? answer->data : "");
    if (answer->len == 0)
        return json_new_object();
    if (json_parse(&json, buf_str(answer), &error) < 0)
        tool_die("%s: %s", url, error.text);
    return json;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value ? value : (tool_die("%s is not set", name), NULL);
}

/* Prepares the handle for calls of one operation of one service. */
static struct curl_slist *sign_as(CURL *curl, const char *service, const char *version,
                                  const char *target)
{
    struct curl_slist *headers = NULL;
    char text[256];

    snprintf(text, sizeof(text), "Content-Type: application/x-amz-json-%s", version);
    headers = curl_slist_append(headers, text);
    snprintf(text, sizeof(text), "X-Amz-Target: %s", target);
    headers = curl_slist_append(headers, text);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    snprintf(text, sizeof(text), "aws:amz:us-east-1:%s", service);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, text);
    snprintf(text, sizeof(text), "%s:%s", variable("AWS_ACCESS_KEY_ID"),
             variable("AWS_SECRET_ACCESS_KEY"));
    curl_easy_setopt(curl, CURLOPT_USERPWD, text);
    return headers;
}

/* The bare receiver: what the suite's poller and checker ask of AWS, and nothing else. */

struct caller {
    CURL *curl;
    struct curl_slist *headers;
    struct buf answer;
};

static void caller_open(struct caller *caller, const char *service, const char *version,
                        const char *target)
{
    caller->answer = BUF_INIT;
    caller->curl = new_handle(&caller->answer);
    caller->headers = sign_as(caller->curl, service, version, target);
}

static void caller_close(struct caller *caller)
{
    curl_easy_cleanup(caller->curl);
    curl_slist_free_all(caller->headers);
    buf_done(&caller->answer);
}

static struct json *call(struct caller *caller, const char *url, struct str body)
{
    return post(caller->curl, url, body.ptr, &caller->answer);
}

static int64_t seats_of(const struct json *answer)
{
    int64_t seats = -1;

    json_int(json_path(json_at(json_get(answer, "Entitlements"), 0), "Value.IntegerValue"), &seats);
    return seats;
}

/* One message: asks about its licence, then tells the asker, then deletes the message. */
static void handle(struct trial *trial, const struct json *message, struct caller *entitlements,
                   struct caller *delete)
{
    struct arena arena = ARENA_INIT;
    struct json *event;
    struct error error;

    if (json_parse(&event, json_get_str(message, "Body"), &error) < 0)
        tool_die("a message's body: %s", error.text);
    struct str license = json_str(json_path(event, "detail.license.arn"));
    struct json *answer = call(entitlements, trial->sandbox,
                               arena_printf(&arena, entitlements_body, STR_ARG(license)));
    trial->received_ns = tool_now_ns();
    trial->received_seats = seats_of(answer);
    sem_post(&trial->received);
    json_free(call(delete, trial->sandbox,
                   arena_printf(&arena, delete_body, trial->sandbox,
                                STR_ARG(json_get_str(message, "ReceiptHandle")))));
    json_free(answer);
    json_free(event);
    arena_done(&arena);
}

static void *run_receiver(void *arg)
{
    struct trial *trial = arg;
    struct caller receive, entitlements, delete;
    struct arena arena = ARENA_INIT;
    struct str body = arena_printf(&arena, receive_body, trial->sandbox);

    caller_open(&receive, "sqs", "1.0", "AmazonSQS.ReceiveMessage");
    caller_open(&delete, "sqs", "1.0", "AmazonSQS.DeleteMessage");
    caller_open(&entitlements, "aws-marketplace", "1.1", "AWSMPEntitlementService.GetEntitlements");
    for (int64_t done = 0; done < trial->count;) {
        struct json *answer = call(&receive, trial->sandbox, body);
        const struct json *messages = json_get(answer, "Messages");
        for (size_t i = 0; i < json_count(messages); i++, done++)
            handle(trial, json_at(messages, i), &entitlements, &delete);
        json_free(answer);
    }
    caller_close(&receive);
    caller_close(&delete);
    caller_close(&entitlements);
    arena_done(&arena);
    return NULL;
}

static uint64_t wait_for_receiver(struct trial *trial, int64_t seats)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_MS / 1000;
    if (sem_timedwait(&trial->received, &deadline) < 0)
        tool_die("the notice did not arrive");
    if (trial->received_seats != seats)
        tool_die("GetEntitlements said %" PRId64 " seats, not %" PRId64, trial->received_seats,
                 seats);
    return trial->received_ns;
}

/* The suite: checkers are asked until they know. */

static void open_checkers(struct trial *trial, void *context, const char *endpoints)
{
    const int no_limit = 0, patience_ms = PATIENCE_MS;
    struct str rest = str_of(endpoints);

    while (rest.len > 0 && trial->checker_count < CHECKERS_MAX) {
        char *endpoint = str_dup(str_split(&rest, ','));
        void *socket = zmq_socket(context, ZMQ_REQ);
        zmq_setsockopt(socket, ZMQ_LINGER, &no_limit, sizeof(no_limit));
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof(patience_ms));
        if (zmq_connect(socket, endpoint) < 0)
            tool_die("cannot connect to '%s': %s", endpoint, zmq_strerror(errno));
        trial->checkers[trial->checker_count++] = socket;
        mem_free(endpoint);
    }
}

static int64_t ask_checker(const struct trial *trial, void *socket)
{
    const struct check_params params = {
        .handle = str_of(trial->license), .dimension = STR(DATA_DIMENSION), .quantity = 1};
    struct arena arena = ARENA_INIT;
    struct buf request = BUF_INIT;
    struct answer answer = {0};
    struct frame frame;
    struct error error;
    zmq_msg_t reply;

    codec_write_request(&request, 1, "check", &shape_check_params, &params, NULL);
    zmq_msg_init(&reply);
    if (zmq_send(socket, request.data, request.len, 0) < 0 || zmq_msg_recv(&reply, socket, 0) < 0)
        tool_die("a checker does not answer: %s", zmq_strerror(errno));
    struct str bytes = str_from(zmq_msg_data(&reply), zmq_msg_size(&reply));
    if (codec_open_frame(bytes, &frame, &error) < 0 || frame.error_code.len > 0 ||
        codec_read_result(&frame, &shape_answer, &arena, &answer, &error) < 0)
        tool_die("a checker refuses: " STR_FMT, STR_ARG(frame.error_message));
    zmq_msg_close(&reply);
    buf_done(&request);
    arena_done(&arena);
    return answer.granted.kind == VALUE_INTEGER ? answer.granted.integer : -1;
}

static uint64_t wait_for_checkers(struct trial *trial, int64_t seats)
{
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    uint64_t deadline_ns = tool_now_ns() + PATIENCE_MS * 1000000ull;

    for (size_t i = 0; i < trial->checker_count; i++) {
        while (ask_checker(trial, trial->checkers[i]) != seats) {
            if (tool_now_ns() > deadline_ns)
                tool_die("checker %zu never answered %" PRId64 " seats", i + 1, seats);
            nanosleep(&pause, NULL);
        }
    }
    return tool_now_ns();
}

static void run(struct trial *trial,
                uint64_t (*wait_until_seen)(struct trial *trial, int64_t seats))
{
    struct buf answer = BUF_INIT;
    struct arena arena = ARENA_INIT;
    CURL *curl = new_handle(&answer);
    struct str url = arena_printf(&arena, "%s/_sandbox/change", trial->sandbox);

    for (int64_t i = 0; i < trial->count; i++) {
        struct str body = arena_printf(&arena,
                                       "{\"agreement\":\"%s\",\"lose\":[\"amended\"],"
                                       "\"dimensions\":{\"seats\":%" PRId64 "}}",
                                       trial->agreement, trial->seats + i);
        uint64_t begin_ns = tool_now_ns();
        json_free(post(curl, url.ptr, body.ptr, &answer));
        samples_add(&trial->samples, wait_until_seen(trial, trial->seats + i) - begin_ns);
    }
    curl_easy_cleanup(curl);
    arena_done(&arena);
    buf_done(&answer);
}

static void run_bare(struct trial *trial)
{
    sem_init(&trial->received, 0, 0);
    if (pthread_create(&trial->receiver, NULL, run_receiver, trial) != 0)
        tool_die("cannot start a thread");
    run(trial, wait_for_receiver);
    pthread_join(trial->receiver, NULL);
    sem_destroy(&trial->received);
}

static void run_suite(struct trial *trial, const struct options *options)
{
    void *context = zmq_ctx_new();

    trial->license = option_text(options, "--license", NULL);
    open_checkers(trial, context, option_text(options, "--checkers", NULL));
    run(trial, wait_for_checkers);
    for (size_t i = 0; i < trial->checker_count; i++)
        zmq_close(trial->checkers[i]);
    zmq_ctx_term(context);
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    struct trial trial = {
        .sandbox = option_text(&options, "--sandbox", NULL),
        .agreement = option_text(&options, "--agreement", NULL),
        .count = option_int(&options, "--count", NULL),
        .seats = option_int(&options, "--seats", NULL),
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    samples_init(&trial.samples, (size_t)trial.count);
    if (argc > 1 && strcmp(argv[1], "bare") == 0)
        run_bare(&trial);
    else if (argc > 1 && strcmp(argv[1], "suite") == 0)
        run_suite(&trial, &options);
    else
        tool_die("bench_notice bare|suite");
    samples_sort(&trial.samples);
    printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"count\": %zu}\n",
           samples_percentile_us(&trial.samples, 50) / 1000,
           samples_percentile_us(&trial.samples, 99) / 1000, trial.samples.count);
    samples_done(&trial.samples);
    curl_global_cleanup();
    return 0;
}
