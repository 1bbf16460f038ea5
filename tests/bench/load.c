/* bench_load: asks a checker, or the echo that stands for the cost of the transport, and compares
 * every answer with what it must be.
 *
 *   --endpoint E --customers N --clients C --inflight K --seconds S [--many M] [--latency 1]
 *   [--always I]  every answer is that of customer I: the echo's
 *
 * Each client is a DEALER with a context, and so an I/O thread, of its own: as separate programs
 * have. Prints one line of JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zmq.h>

#include "common/base/mem.h"
#include "tests/bench/answer.h"
#include "tests/bench/question.h"
#include "tests/bench/tool.h"
#include "tests/support/random.h"

enum { DRAIN_MAX = 64, PATIENCE_MS = 10000, SAMPLES_MAX = 4000000 };

struct load {
    const char *endpoint;
    uint64_t customers;
    int64_t clients, inflight, always;
    bool many, latency;
    uint64_t warm_up_ns, run_ns;
    struct question_form form;
};

struct client {
    const struct load *load;
    pthread_t thread;
    void *context, *socket;
    struct random random;
    uint64_t *asked;   /* customers by slot */
    uint64_t *sent_ns; /* by slot */
    uint64_t begin_ns, end_ns;
    uint64_t answers, reply_bytes, wrong;
    struct samples samples;
};

static void ask(struct client *client, uint32_t slot)
{
    const struct question_form *form = &client->load->form;
    uint64_t *customers = &client->asked[slot * form->count];
    zmq_msg_t message;

    for (size_t i = 0; i < form->count; i++)
        customers[i] = random_next(&client->random) % client->load->customers;
    if (zmq_msg_init_size(&message, form->bytes.len) < 0)
        tool_die("no memory for a message");
    question_write(form, slot, customers, zmq_msg_data(&message));
    if (client->load->latency)
        client->sent_ns[slot] = tool_now_ns();
    if (zmq_msg_send(&message, client->socket, 0) < 0)
        tool_die("cannot send: %s", zmq_strerror(errno));
}

static bool all_right(const struct client *client, uint32_t slot, const unsigned char *at,
                      const unsigned char *end)
{
    const struct load *load = client->load;
    uint32_t count = 1;

    if (load->many && !answer_open_many(&at, end, &count))
        return false;
    if (count != load->form.count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct answer_read answer;
        uint64_t customer = client->asked[slot * load->form.count + i];
        if (!answer_read_map(&at, end, &answer) ||
            !answer_is_right(&answer, load->always >= 0 ? (uint64_t)load->always : customer))
            return false;
    }
    return at == end;
}

/* The slot that has its answer and is free again. */
static uint32_t take_answer(struct client *client, zmq_msg_t *message, uint64_t now_ns)
{
    const unsigned char *at = zmq_msg_data(message);
    const unsigned char *end = at + zmq_msg_size(message);
    uint32_t msgid;

    if (!answer_open_response(&at, end, &msgid))
        tool_die("an answer is an error: %.*s", (int)zmq_msg_size(message),
                 (const char *)zmq_msg_data(message));
    uint32_t slot = question_slot(msgid);
    if (slot >= (uint32_t)client->load->inflight)
        tool_die("an answer to a question that was not asked");
    if (!all_right(client, slot, at, end))
        client->wrong++;
    if (now_ns >= client->begin_ns && now_ns < client->end_ns) {
        client->answers++;
        client->reply_bytes += zmq_msg_size(message);
        if (client->load->latency)
            samples_add(&client->samples, tool_now_ns() - client->sent_ns[slot]);
    }
    return slot;
}

/* Waits for one answer, then takes what else is there. */
static size_t receive(struct client *client, uint32_t slots[DRAIN_MAX])
{
    size_t count = 0;
    zmq_msg_t message;
    uint64_t now_ns = 0;

    zmq_msg_init(&message);
    while (count < DRAIN_MAX &&
           zmq_msg_recv(&message, client->socket, count == 0 ? 0 : ZMQ_DONTWAIT) >= 0) {
        if (count == 0)
            now_ns = tool_now_ns();
        slots[count++] = take_answer(client, &message, now_ns);
    }
    zmq_msg_close(&message);
    if (count == 0)
        tool_die("no answer within %d s: %s", PATIENCE_MS / 1000, zmq_strerror(errno));
    return count;
}

static void *run(void *arg)
{
    struct client *client = arg;
    uint32_t slots[DRAIN_MAX];
    int64_t open = client->load->inflight;

    client->begin_ns = tool_now_ns() + client->load->warm_up_ns;
    client->end_ns = client->begin_ns + client->load->run_ns;
    for (uint32_t slot = 0; slot < (uint32_t)client->load->inflight; slot++)
        ask(client, slot);
    while (open > 0) {
        size_t count = receive(client, slots);
        if (tool_now_ns() >= client->end_ns) {
            open -= (int64_t)count;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            ask(client, slots[i]);
    }
    return NULL;
}

static void open_client(struct client *client, const struct load *load, int number)
{
    const int no_limit = 0, patience_ms = PATIENCE_MS;
    size_t slots = (size_t)load->inflight;

    *client = (struct client){.load = load, .random = {(uint64_t)number + 1}};
    client->context = zmq_ctx_new();
    client->socket = zmq_socket(client->context, ZMQ_DEALER);
    zmq_setsockopt(client->socket, ZMQ_LINGER, &no_limit, sizeof(no_limit));
    zmq_setsockopt(client->socket, ZMQ_SNDHWM, &no_limit, sizeof(no_limit));
    zmq_setsockopt(client->socket, ZMQ_RCVHWM, &no_limit, sizeof(no_limit));
    zmq_setsockopt(client->socket, ZMQ_RCVTIMEO, &patience_ms, sizeof(patience_ms));
    if (zmq_connect(client->socket, load->endpoint) < 0)
        tool_die("cannot connect to '%s': %s", load->endpoint, zmq_strerror(errno));
    client->asked = mem_alloc_array(slots * load->form.count, sizeof(*client->asked));
    client->sent_ns = mem_alloc_array(slots, sizeof(*client->sent_ns));
    samples_init(&client->samples, load->latency ? SAMPLES_MAX : 1);
}

static void close_client(struct client *client)
{
    zmq_close(client->socket);
    zmq_ctx_term(client->context);
    mem_free(client->asked);
    mem_free(client->sent_ns);
    samples_done(&client->samples);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print(const struct load *load, struct client *clients)
{
    struct client sum = {0};

    samples_init(&sum.samples, load->latency ? SAMPLES_MAX : 1);
    for (int64_t i = 0; i < load->clients; i++) {
        sum.answers += clients[i].answers;
        sum.reply_bytes += clients[i].reply_bytes;
        sum.wrong += clients[i].wrong;
        samples_append(&sum.samples, &clients[i].samples);
    }
    samples_sort(&sum.samples);
    double rate = (double)sum.answers / ((double)load->run_ns / 1e9);
    printf("{\"rate\": %.1f, \"keys_per_s\": %.1f, \"wrong\": %" PRIu64 ", \"answers\": %" PRIu64
           ", \"reply_bytes\": %.2f, \"p50_us\": %.2f, "
           "\"p99_us\": %.2f, \"client_cpu_s\": %.3f}\n",
           rate, rate * (double)load->form.count, sum.wrong, sum.answers,
           sum.answers ? (double)sum.reply_bytes / (double)sum.answers : 0,
           samples_percentile_us(&sum.samples, 50), samples_percentile_us(&sum.samples, 99),
           cpu_seconds());
    samples_done(&sum.samples);
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    struct load load = {
        .endpoint = option_text(&options, "--endpoint", NULL),
        .customers = (uint64_t)option_int(&options, "--customers", NULL),
        .clients = option_int(&options, "--clients", "1"),
        .inflight = option_int(&options, "--inflight", "1"),
        .always = option_int(&options, "--always", "-1"),
        .many = option_is_given(&options, "--many"),
        .latency = option_int(&options, "--latency", "0") != 0,
        .run_ns = (uint64_t)(option_number(&options, "--seconds", "1") * 1e9),
        .warm_up_ns = (uint64_t)(option_number(&options, "--warm-up", "0.2") * 1e9),
    };

    if (load.many)
        question_form_check_many(&load.form, (size_t)option_int(&options, "--many", NULL));
    else
        question_form_check(&load.form);
    struct client *clients = mem_alloc_array((size_t)load.clients, sizeof(*clients));
    for (int i = 0; i < (int)load.clients; i++)
        open_client(&clients[i], &load, i);
    for (int64_t i = 0; i < load.clients; i++) {
        if (pthread_create(&clients[i].thread, NULL, run, &clients[i]) != 0)
            tool_die("cannot start a thread");
    }
    for (int64_t i = 0; i < load.clients; i++)
        pthread_join(clients[i].thread, NULL);
    print(&load, clients);
    for (int64_t i = 0; i < load.clients; i++)
        close_client(&clients[i]);
    mem_free(clients);
    question_form_done(&load.form);
    return 0;
}
