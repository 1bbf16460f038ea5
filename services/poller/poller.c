#include "services/poller/poller.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "proto/figures/figures.h"
#include "proto/settings/settings_aws.h"
#include "proto/suite/suite.h"
#include "services/poller/queue.h"

enum { REPORT_MS = 60000, SILENT_AFTER_S = 300, REFUSED_PAUSE_MS = 30000, STORE_LIMIT_MS = 5000 };

/* Each queue signs for its own region. */
struct reader {
    struct aws *aws;
    struct queue *queue;
    struct message_owner owner;
    const char *label;
};

struct poller {
    const struct daemon_context *context;
    const struct settings *settings;
    struct arena arena;
    struct message_owner owner;
    struct certificates *certificates; /* NULL: no queue asks for signatures */
    struct suite suite;
    struct reader *readers;
    size_t reader_count;
    struct loop_timer *report_timer;
    int64_t started_wall_s;
};

const size_t poller_state_size = sizeof(struct poller);

int poller_check(const void *settings, struct error *error)
{
    const struct settings *all = settings;

    if (all->queues.count == 0)
        return error_set(error, "there is no [queue LABEL] section with the url of an SQS queue");
    if (all->poller.wait_time_ms % 1000 != 0 || all->poller.visibility_timeout_ms % 1000 != 0)
        return error_set(error, "wait_time and visibility_timeout of [poller] must be whole "
                                "seconds");
    return 0;
}

/* What messages must name: the seller account of the settings, if it is set. */
static void set_owner(struct poller *poller)
{
    const struct settings *settings = poller->settings;
    struct config_list *accounts = &poller->owner.seller_accounts;

    accounts->items = arena_alloc_array(&poller->arena, 1, sizeof(*accounts->items));
    if (*settings->aws.seller_account)
        accounts->items[accounts->count++] = settings->aws.seller_account;
}

static int open_aws(struct poller *poller, const struct settings_queue *queue, struct aws **ret,
                    struct error *error)
{
    struct aws_options options = settings_aws_queue(poller->settings, queue, &poller->arena);

    options.on_credentials = aws_log_credentials;
    options.on_clock = aws_log_clock;
    options.on_warning = aws_log_warning;
    if (aws_new(ret, poller->context->loop, &options, error) < 0)
        return error_prefix(error, "queue '%s'", queue->label);
    return 0;
}

static int open_certificates(struct poller *poller, struct error *error)
{
    const char *set = poller->settings->aws.ca_bundle;
    const char *ca_bundle = *set ? set : getenv("AWS_CA_BUNDLE");
    bool wanted = false;

    for (size_t i = 0; i < poller->settings->queues.count; i++)
        wanted = wanted || settings_queue_at(poller->settings, i)->check_signatures;
    if (!wanted)
        return 0;
    return certificates_new(&poller->certificates, poller->context->loop,
                            ca_bundle && *ca_bundle ? ca_bundle : NULL, error);
}

static void on_drained(void *arg)
{
    struct poller *poller = arg;

    for (size_t i = 0; i < poller->reader_count; i++) {
        if (!queue_is_drained(poller->readers[i].queue))
            return;
    }
    daemon_drained(poller->context);
}

static void on_refused(void *arg)
{
    struct poller *poller = arg;

    suite_refused(&poller->suite,
                  "a message without a valid signature of SNS, or of another topic");
}

static int open_reader(struct poller *poller, const struct settings_queue *queue,
                       struct error *error)
{
    const struct settings_poller *settings = &poller->settings->poller;
    struct reader *reader = &poller->readers[poller->reader_count];

    if (open_aws(poller, queue, &reader->aws, error) < 0)
        return -1;
    reader->label = queue->label;
    reader->owner = poller->owner;
    reader->owner.topic_arns = queue->topic_arns;
    reader->queue = queue_new(&(struct queue_options){
        .loop = poller->context->loop,
        .aws = reader->aws,
        .store = poller->suite.store,
        .owner = &reader->owner,
        .certificates = queue->check_signatures ? poller->certificates : NULL,
        .local_certificates = queue->local_certificates,
        .label = queue->label,
        .url = queue->url,
        .receives_in_flight = settings->receives_in_flight,
        .batch = settings->batch,
        .wait_ms = settings->wait_time_ms,
        .visibility_ms = settings->visibility_timeout_ms,
        .refused_pause_ms = REFUSED_PAUSE_MS,
        .drain_limit_ms = STORE_LIMIT_MS,
        .on_refused = on_refused,
        .on_drained = on_drained,
        .arg = poller,
    });
    poller->reader_count++;
    log_info("reading a queue", LOG_TEXT("queue", queue->label), LOG_TEXT("url", queue->url),
             LOG_STR("region", aws_region(reader->aws)),
             LOG_STR("endpoint", aws_endpoint(reader->aws, AWS_SQS)),
             LOG_TEXT("signatures", queue->check_signatures ? "checked" : "not checked"),
             LOG_TEXT("certificates", queue->local_certificates ? "of SNS and local" : "of SNS"),
             LOG_INT("topics", queue->topic_arns.count),
             LOG_STR("credentials", aws_credentials_source(reader->aws)));
    return 0;
}

static void on_store(void *arg, bool connected)
{
    struct poller *poller = arg;

    (void)connected;
    for (size_t i = 0; i < poller->reader_count; i++)
        queue_wake(poller->readers[i].queue);
}

/* The wall clock may have been set back since. */
static double age_of(int64_t wall_s)
{
    int64_t age_s = clock_wall_s() - wall_s;

    return wall_s == 0 ? NAN : age_s > 0 ? (double)age_s : 0;
}

static void add_figures(const struct reader *reader, struct figures *figures)
{
    const struct queue_figures queue = queue_figures(reader->queue);
    const struct delivery_counts *counts = &queue.counts;

#define FIGURES_OF_queue(name, where)                                                              \
    figures_add(figures, figure_##name, str_of(reader->label), (double)(where));
#include "proto/figures/figures.def"
}

static void report(const struct poller *poller, const struct reader *reader)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct figures figures = {.arena = &arena};
    int64_t last_s = queue_figures(reader->queue).last_receive_wall_s;
    bool silent = clock_wall_s() - (last_s ? last_s : poller->started_wall_s) > SILENT_AFTER_S;
    char last[CLOCK_TEXT_SIZE];
    const struct log_field fields[] = {
        LOG_TEXT("queue", reader->label),
        LOG_TEXT("store", rpc_client_connected(poller->suite.store) ? "reached" : "away"),
        LOG_TEXT("last_receive", clock_format_s(last_s, last)),
    };

    add_figures(reader, &figures);
    figures_log(silent ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                silent ? "the queue has not been read for minutes" : "queue", fields,
                sizeof(fields) / sizeof(fields[0]), &figures);
}

static void report_all(struct poller *poller)
{
    for (size_t i = 0; i < poller->reader_count; i++)
        report(poller, &poller->readers[i]);
}

/* As many queues as an announcement has room for. */
static struct counter_list figures_of_queues(void *arg, struct arena *arena)
{
    enum { QUEUES_MOST = 50 };
    const struct poller *poller = arg;
    struct figures figures = {.arena = arena};

    for (size_t i = 0; i < poller->reader_count && i < QUEUES_MOST; i++)
        add_figures(&poller->readers[i], &figures);
    return figures.list;
}

static void on_report(void *arg)
{
    struct poller *poller = arg;

    report_all(poller);
    poller->report_timer = loop_after(poller->context->loop, REPORT_MS, on_report, poller);
}

int poller_start(void *state, const struct daemon_context *context, struct error *error)
{
    struct poller *poller = state;
    const struct suite_options suite = {
        .loop = context->loop,
        .settings = context->settings,
        .daemon = "poller",
        .instance = context->instance,
        .without_store = "no messages are received",
        .on_store = on_store,
        .arg = poller,
    };

    poller->context = context;
    poller->settings = context->settings;
    poller->started_wall_s = clock_wall_s();
    set_owner(poller);
    if (open_certificates(poller, error) < 0 || suite_open(&poller->suite, &suite, error) < 0)
        return -1;
    poller->readers = mem_alloc_array(poller->settings->queues.count, sizeof(*poller->readers));
    for (size_t i = 0; i < poller->settings->queues.count; i++) {
        if (open_reader(poller, settings_queue_at(poller->settings, i), error) < 0)
            return -1;
        queue_wake(poller->readers[i].queue);
    }
    poller->report_timer = loop_after(context->loop, REPORT_MS, on_report, poller);
    suite_announce(&poller->suite,
                   &(struct announcement_options){.figures = figures_of_queues, .arg = poller});
    return 0;
}

void poller_drain(void *state)
{
    struct poller *poller = state;

    for (size_t i = 0; i < poller->reader_count; i++)
        queue_drain(poller->readers[i].queue);
}

void poller_stop(void *state)
{
    struct poller *poller = state;

    report_all(poller);
    loop_cancel(poller->report_timer);
    for (size_t i = 0; i < poller->reader_count; i++) {
        queue_free(poller->readers[i].queue);
        aws_free(poller->readers[i].aws);
    }
    mem_free(poller->readers);
    certificates_free(poller->certificates);
    suite_close(&poller->suite);
    arena_done(&poller->arena);
}
