/* bench_write: durable writes through the store, each acknowledged after its sync.
 *
 *   --endpoint E --customers N --kind update|insert --from K --count C --inflight W
 *   [--until-lost 1]   goes on over the numbers until the store is gone, and says how far it came
 *   [--verify 1]       asks whether what was acknowledged, numbers K to K + C, is there
 *
 * Requests are encoded before the clock starts; replies are decoded and compared. Prints one line
 * of JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"
#include "tests/bench/writes.h"

enum { PATIENCE_MS = 20000, LOST_MS = 1000 };

enum kind { KIND_UPDATE, KIND_INSERT, KIND_VERIFY };

struct writer {
    enum kind kind;
    uint64_t customers, from, count, inflight;
    bool until_lost;
    void *socket;
    struct buf bytes;   /* all requests, one behind the other */
    size_t *request_at; /* count + 1 */
    uint64_t sent, acknowledged, wrong;
    struct samples samples;
    uint64_t *sent_ns;
};

static struct str handle_of(const struct writer *writer, uint64_t k, struct arena *arena)
{
    return data_license_key(write_target(k, writer->customers), arena);
}

static void encode_update(struct writer *writer, uint64_t k, uint32_t msgid, struct arena *arena)
{
    const struct link_params params = {.handle = handle_of(writer, k, arena),
                                       .tenant = write_tenant(k, writer->customers, arena)};

    codec_write_request(&writer->bytes, msgid, "link", &shape_link_params, &params, NULL);
}

static void encode_insert(struct writer *writer, uint64_t i, uint32_t msgid, struct arena *arena)
{
    const struct register_params params = {.product_code = STR(DATA_PRODUCT),
                                           .account_id = data_account(i, arena),
                                           .license_arn = data_license_arn(i, arena)};

    codec_write_request(&writer->bytes, msgid, "register", &shape_register_params, &params, NULL);
}

static void encode_find(struct writer *writer, uint64_t k, uint32_t msgid, struct arena *arena)
{
    const struct find_params params = {.handle = handle_of(writer, k, arena)};

    codec_write_request(&writer->bytes, msgid, "find", &shape_find_params, &params, NULL);
}

static void encode_all(struct writer *writer)
{
    writer->request_at = mem_alloc_array(writer->count + 1, sizeof(*writer->request_at));
    for (uint64_t n = 0; n < writer->count; n++) {
        struct arena arena = ARENA_INIT;
        uint64_t k = writer->from + n;
        writer->request_at[n] = writer->bytes.len;
        if (writer->kind == KIND_UPDATE)
            encode_update(writer, k, (uint32_t)n, &arena);
        else if (writer->kind == KIND_INSERT)
            encode_insert(writer, writer->customers + k, (uint32_t)n, &arena);
        else
            encode_find(writer, k, (uint32_t)n, &arena);
        arena_done(&arena);
    }
    writer->request_at[writer->count] = writer->bytes.len;
}

/* False: there is nobody to send to any more. */
static bool send_next(struct writer *writer)
{
    uint64_t n = writer->sent++;
    const char *request = writer->bytes.data + writer->request_at[n];

    writer->sent_ns[n] = tool_now_ns();
    if (zmq_send(writer->socket, request, writer->request_at[n + 1] - writer->request_at[n], 0) >=
        0)
        return true;
    if (errno != EAGAIN || !writer->until_lost)
        tool_die("cannot send: %s", zmq_strerror(errno));
    return false;
}

static bool is_right_record(const struct writer *writer, uint64_t k,
                            const struct subscription *record)
{
    struct arena arena = ARENA_INIT;
    bool right;

    if (!record)
        return false;
    if (writer->kind == KIND_INSERT)
        right = str_eq(record->license_arn, data_license_arn(writer->customers + k, &arena));
    else
        right = str_eq(record->tenant, write_tenant(k, writer->customers, &arena));
    arena_done(&arena);
    return right;
}

static bool is_right(const struct writer *writer, const struct frame *frame, struct arena *arena)
{
    uint64_t k = writer->from + frame->msgid;
    struct error error;

    if (frame->error_code.len > 0)
        tool_die("the store refused: " STR_FMT, STR_ARG(frame->error_message));
    if (writer->kind == KIND_INSERT) {
        struct register_result result;
        return codec_read_result(frame, &shape_register_result, arena, &result, &error) == 0 &&
               result.created && is_right_record(writer, k, result.subscription);
    }
    if (writer->kind == KIND_UPDATE) {
        struct subscription_result result;
        return codec_read_result(frame, &shape_subscription_result, arena, &result, &error) == 0 &&
               is_right_record(writer, k, result.subscription);
    }
    struct subscriptions_result result;
    return codec_read_result(frame, &shape_subscriptions_result, arena, &result, &error) == 0 &&
           result.subscriptions.count == 1 &&
           is_right_record(writer, k, &result.subscriptions.items[0]);
}

/* False: nothing came in time. */
static bool receive_one(struct writer *writer)
{
    struct arena arena = ARENA_INIT;
    struct frame frame;
    struct error error;
    zmq_msg_t message;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, writer->socket, 0) < 0)
        return false;
    struct str bytes = str_from(zmq_msg_data(&message), zmq_msg_size(&message));
    if (codec_open_frame(bytes, &frame, &error) < 0 || frame.msgid >= writer->sent)
        tool_die("not an answer to a request");
    samples_add(&writer->samples, tool_now_ns() - writer->sent_ns[frame.msgid]);
    writer->wrong += !is_right(writer, &frame, &arena);
    writer->acknowledged++;
    zmq_msg_close(&message);
    arena_done(&arena);
    return true;
}

static void run(struct writer *writer)
{
    while (writer->sent < writer->count && writer->sent < writer->inflight) {
        if (!send_next(writer))
            return;
    }
    while (writer->acknowledged < writer->count) {
        if (!receive_one(writer)) {
            if (writer->until_lost)
                return;
            tool_die("no answer within %d s", PATIENCE_MS / 1000);
        }
        if (writer->sent < writer->count && !send_next(writer))
            return;
    }
}

static void *open_socket(const struct options *options, void *context, bool until_lost)
{
    const int no_limit = 0, never = -1, patience_ms = until_lost ? LOST_MS : PATIENCE_MS;
    void *socket = zmq_socket(context, ZMQ_DEALER);

    zmq_setsockopt(socket, ZMQ_LINGER, &no_limit, sizeof(no_limit));
    zmq_setsockopt(socket, ZMQ_SNDHWM, &no_limit, sizeof(no_limit));
    zmq_setsockopt(socket, ZMQ_RCVHWM, &no_limit, sizeof(no_limit));
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof(patience_ms));
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &patience_ms, sizeof(patience_ms));
    if (until_lost)
        zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof(never));
    if (zmq_connect(socket, option_text(options, "--endpoint", NULL)) < 0)
        tool_die("cannot connect: %s", zmq_strerror(errno));
    return socket;
}

static enum kind kind_of(const struct options *options)
{
    const char *kind = option_text(options, "--kind", NULL);

    if (option_is_given(options, "--verify"))
        return KIND_VERIFY;
    if (strcmp(kind, "update") != 0 && strcmp(kind, "insert") != 0)
        tool_die("--kind is update or insert, not '%s'", kind);
    return strcmp(kind, "update") == 0 ? KIND_UPDATE : KIND_INSERT;
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    void *context = zmq_ctx_new();
    struct writer writer = {
        .kind = kind_of(&options),
        .customers = (uint64_t)option_int(&options, "--customers", NULL),
        .from = (uint64_t)option_int(&options, "--from", "0"),
        .count = (uint64_t)option_int(&options, "--count", NULL),
        .inflight = (uint64_t)option_int(&options, "--inflight", "1000"),
        .until_lost = option_is_given(&options, "--until-lost"),
    };

    writer.socket = open_socket(&options, context, writer.until_lost);
    writer.sent_ns = mem_alloc_array(writer.count, sizeof(*writer.sent_ns));
    samples_init(&writer.samples, writer.count);
    encode_all(&writer);
    uint64_t begin_ns = tool_now_ns();
    run(&writer);
    double seconds = (double)(tool_now_ns() - begin_ns) / 1e9;
    samples_sort(&writer.samples);
    printf("{\"rate\": %.1f, \"seconds\": %.4f, \"wrong\": %" PRIu64 ", \"acknowledged\": %" PRIu64
           ", \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           (double)writer.acknowledged / seconds, seconds, writer.wrong, writer.acknowledged,
           samples_percentile_us(&writer.samples, 50), samples_percentile_us(&writer.samples, 99));
    samples_done(&writer.samples);
    mem_free(writer.sent_ns);
    mem_free(writer.request_at);
    buf_done(&writer.bytes);
    zmq_close(writer.socket);
    zmq_ctx_term(context);
    return writer.wrong > 0;
}
