#include "services/poller/delivery.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/log/log.h"
#include "services/poller/cert_url.h"
#include "services/poller/signature.h"

enum { NOTIFY_TIMEOUT_MS = 30000, BACK_OFF_FIRST_S = 10, BACK_OFF_MOST_S = 900, MANY_RECEIVES = 5 };

struct delivery {
    struct deliveries *all;
    struct delivery *next, **link;
    struct arena arena;
    struct received message;
    struct notification notification;
    struct signature signature;
    struct certificate_wait *wait;
    struct rpc_call *call;
    bool stripped;
    int64_t expires_ms;
    delivered_fn *done;
    void *arg;
};

struct deliveries {
    struct deliveries_options options;
    struct delivery *first;
};

int64_t delivery_back_off_s(int64_t receive_count)
{
    int64_t delay_s = BACK_OFF_FIRST_S;

    while (--receive_count > 0 && delay_s < BACK_OFF_MOST_S)
        delay_s *= 2;
    return delay_s < BACK_OFF_MOST_S ? delay_s : BACK_OFF_MOST_S;
}

struct deliveries *deliveries_new(const struct deliveries_options *options)
{
    struct deliveries *deliveries = mem_alloc_zero(sizeof(*deliveries));

    deliveries->options = *options;
    return deliveries;
}

static void forget(struct delivery *delivery)
{
    rpc_call_cancel(delivery->call);
    certificate_wait_cancel(delivery->wait);
    *delivery->link = delivery->next;
    if (delivery->next)
        delivery->next->link = delivery->link;
    arena_done(&delivery->arena);
    mem_free(delivery);
}

void deliveries_free(struct deliveries *deliveries)
{
    if (!deliveries)
        return;
    while (deliveries->first)
        forget(deliveries->first);
    mem_free(deliveries);
}

static void finish(struct delivery *delivery, bool store_is_well)
{
    delivered_fn *done = delivery->done;
    void *arg = delivery->arg;

    forget(delivery);
    done(arg, store_is_well);
}

static void hand_back(struct delivery *delivery, int64_t visibility_s, bool store_is_well)
{
    batch_add(delivery->all->options.returns, delivery->message.receipt_handle, visibility_s,
              delivery->expires_ms);
    finish(delivery, store_is_well);
}

static void log_recorded(const struct delivery *delivery, const struct notify_result *result)
{
    const struct notification *notification = &delivery->notification;
    enum log_level level =
        result->outcome == OUTCOME_NOT_UNDERSTOOD ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;

    LOG_AT(level,
           level == LOG_LEVEL_WARNING ? "a message is kept without being acted on"
                                      : "a message is recorded",
           LOG_TEXT("queue", delivery->all->options.label), LOG_STR("type", notification->type),
           LOG_TEXT("outcome", choice_text(&enumeration_outcome, (int)result->outcome)),
           LOG_INT("marked", result->subscriptions.count), LOG_STR("replay", notification->replay),
           LOG_STR("problem", notification->problem), LOG_TRACE(notification->trace));
}

/* AWS Marketplace seller guide, "Amazon EventBridge events": an account that was compromised, or is
 * closed, or abuses something. Nothing follows by itself. */
static void note_advisory(const struct delivery *delivery)
{
    const struct notification *notification = &delivery->notification;

    if (str_is_empty(notification->problem) &&
        str_starts_with(notification->type, STR("Purchase Agreement Advisory Issued")))
        log_warning("AWS has an advisory about a customer: a person should look into it",
                    LOG_TEXT("queue", delivery->all->options.label),
                    LOG_STR("agreement", notification->agreement_id),
                    LOG_MASKED("account", notification->account_id),
                    LOG_TRACE(notification->trace));
}

static void on_recorded(struct delivery *delivery, const struct notify_result *result)
{
    struct deliveries *all = delivery->all;

    all->options.counts->recorded++;
    if (result->outcome == OUTCOME_DUPLICATE)
        all->options.counts->duplicates++;
    if (result->outcome == OUTCOME_NOT_UNDERSTOOD)
        all->options.counts->not_understood++;
    if (result->outcome == OUTCOME_NOT_OURS)
        all->options.counts->not_ours++;
    log_recorded(delivery, result);
    note_advisory(delivery);
    batch_add(all->options.deletes, delivery->message.receipt_handle, 0, delivery->expires_ms);
    finish(delivery, true);
}

static void on_failed(struct delivery *delivery, struct str code, struct str message,
                      bool store_is_well)
{
    int64_t delay_s = delivery_back_off_s(delivery->message.receive_count);

    delivery->all->options.counts->failed++;
    log_warning("a message could not be recorded; it is handed back for later",
                LOG_TEXT("queue", delivery->all->options.label), LOG_STR("code", code),
                LOG_STR("error", message), LOG_INT("receives", delivery->message.receive_count),
                LOG_INT("delay_s", delay_s), LOG_TRACE(delivery->notification.trace));
    hand_back(delivery, delay_s, store_is_well);
}

static void tell_store(struct delivery *delivery);

/* Sent as it is it would be refused each time, until SQS gives it up: its bytes are kept instead.
 */
static void tell_store_less(struct delivery *delivery, struct str refusal)
{
    struct notification whole = delivery->notification;
    struct str problem =
        arena_printf(&delivery->arena, "The store refused it: " STR_FMT, STR_ARG(refusal));

    message_strip(&whole, problem, &delivery->arena, &delivery->notification);
    delivery->stripped = true;
    tell_store(delivery);
}

static void on_answer(void *arg, const struct rpc_response *response)
{
    struct delivery *delivery = arg;

    delivery->call = NULL;
    if (response->code == ERROR_NONE)
        on_recorded(delivery, response->result);
    else if (response->code == ERROR_BAD_REQUEST && !delivery->stripped)
        tell_store_less(delivery, response->message);
    else
        on_failed(delivery, str_of(rpc_errors[response->code].code), response->message,
                  !rpc_errors[response->code].retryable);
}

static void tell_store(struct delivery *delivery)
{
    const struct deliveries_options *options = &delivery->all->options;
    struct notify_params params = {.notification = &delivery->notification};
    int64_t half_ms = options->visibility_ms / 2;

    /* Over well before SQS shows the message to another poller. */
    delivery->call = rpc_call(options->store, METHOD_store_notify, &params,
                              half_ms < NOTIFY_TIMEOUT_MS ? half_ms : NOTIFY_TIMEOUT_MS,
                              delivery->notification.trace, on_answer, delivery);
}

/* Nothing that it says is acted on. */
static void refuse(struct delivery *delivery, struct str why)
{
    const struct deliveries_options *options = &delivery->all->options;
    struct notification whole = delivery->notification;

    options->counts->refused++;
    if (options->on_refused)
        options->on_refused(options->arg);
    message_refuse(&whole, why, &delivery->arena, &delivery->notification);
    tell_store(delivery);
}

/* Other messages can do without the certificate, so the queue goes on. */
static void hold_back(struct delivery *delivery, struct str why)
{
    int64_t delay_s = delivery_back_off_s(delivery->message.receive_count);

    delivery->all->options.counts->unchecked++;
    log_warning("a message is handed back: its signature cannot be checked now",
                LOG_TEXT("queue", delivery->all->options.label), LOG_STR("why", why),
                LOG_INT("receives", delivery->message.receive_count), LOG_INT("delay_s", delay_s),
                LOG_TRACE(delivery->notification.trace));
    hand_back(delivery, delay_s, true);
}

static void on_certificate(void *arg, const struct certificate_answer *answer)
{
    struct delivery *delivery = arg;

    delivery->wait = NULL;
    if (answer->state == CERTIFICATE_AWAY)
        hold_back(delivery, answer->why);
    else if (answer->state == CERTIFICATE_BAD)
        refuse(delivery, arena_printf(&delivery->arena, "Its signing certificate: " STR_FMT ".",
                                      STR_ARG(answer->why)));
    else if (!signature_holds(&delivery->signature, answer->certificate))
        refuse(delivery, STR("Its Signature does not fit its text."));
    else
        tell_store(delivery);
}

/* By AWS's clock: it took the signature of the call that brought the message, so its time is known.
 */
static int64_t aws_now_s(const struct delivery *delivery)
{
    return clock_wall_s() + aws_clock_offset_s(delivery->all->options.aws);
}

static void check_signature(struct delivery *delivery)
{
    const struct deliveries_options *options = &delivery->all->options;
    struct signature *signature = &delivery->signature;
    struct error error;

    if (signature_read(delivery->message.body, &delivery->arena, signature, &error) < 0) {
        refuse(delivery, arena_str(&delivery->arena, str_of(error.text)));
        return;
    }
    enum cert_url kind = cert_url_kind(signature->certificate_url);
    if (kind == CERT_URL_REFUSED || (kind == CERT_URL_LOCAL && !options->local_certificates)) {
        refuse(delivery,
               arena_printf(&delivery->arena, "Its SigningCertURL '" STR_FMT "' is not one of SNS.",
                            STR_ARG(signature->certificate_url)));
        return;
    }
    struct certificate_answer known =
        certificates_look(options->certificates, signature->certificate_url, aws_now_s(delivery));
    if (known.state == CERTIFICATE_UNKNOWN)
        delivery->wait = certificates_ask(options->certificates, signature->certificate_url,
                                          aws_now_s(delivery), on_certificate, delivery);
    else
        on_certificate(delivery, &known);
}

/* EventBridge signs nothing: its messages rest on the queue's policy. */
static void check_origin(struct delivery *delivery)
{
    const struct notification *notification = &delivery->notification;
    bool wanted = delivery->all->options.certificates && str_is_empty(notification->problem);

    if (wanted && notification->source == SOURCE_SNS)
        check_signature(delivery);
    else if (wanted && notification->source == SOURCE_SNS_RAW)
        refuse(delivery,
               STR("SNS delivered it raw, without a signature, and check_signatures demands one."));
    else
        tell_store(delivery);
}

/* What failed before is an ordinary message now; but somebody should know. */
static void note_history(struct delivery *delivery)
{
    const struct received *message = &delivery->message;
    const char *label = delivery->all->options.label;

    if (!str_is_empty(message->dead_letter_source)) {
        delivery->all->options.counts->redriven++;
        log_info("a message comes from a dead-letter queue", LOG_TEXT("queue", label),
                 LOG_STR("from", message->dead_letter_source), LOG_TRACE(message->message_id));
    }
    if (message->receive_count >= MANY_RECEIVES)
        log_warning("a message was received many times", LOG_TEXT("queue", label),
                    LOG_INT("receives", message->receive_count), LOG_TRACE(message->message_id));
}

static void copy_message(struct delivery *delivery, const struct received *from)
{
    delivery->message = *from;
    delivery->message.message_id = arena_str(&delivery->arena, from->message_id);
    delivery->message.receipt_handle = arena_str(&delivery->arena, from->receipt_handle);
    delivery->message.body = arena_str(&delivery->arena, from->body);
    delivery->message.dead_letter_source = arena_str(&delivery->arena, from->dead_letter_source);
}

/* The SQS message id is the trace: the same one whenever the message comes again. */
static void read_message(struct delivery *delivery)
{
    enum { TRACE_LIMIT = 64 };
    const struct deliveries_options *options = &delivery->all->options;
    struct notification *notification = &delivery->notification;
    struct str message_id = delivery->message.message_id;

    message_read(delivery->message.body, options->owner, &delivery->arena, notification);
    notification->queue = str_of(options->label);
    notification->message_id = message_id;
    notification->trace = message_id;
    if (notification->trace.len > TRACE_LIMIT)
        notification->trace.len = TRACE_LIMIT;
    if (str_is_empty(notification->event_id))
        notification->event_id = message_id;
    if (notification->event_time == 0)
        notification->event_time = delivery->message.sent_at_s;
}

void deliveries_start(struct deliveries *deliveries, const struct received *message,
                      delivered_fn *done, void *arg)
{
    struct delivery *delivery = mem_alloc_zero(sizeof(*delivery));

    delivery->all = deliveries;
    delivery->done = done;
    delivery->arg = arg;
    delivery->expires_ms = clock_mono_ms() + deliveries->options.visibility_ms;
    delivery->next = deliveries->first;
    delivery->link = &deliveries->first;
    if (deliveries->first)
        deliveries->first->link = &delivery->next;
    deliveries->first = delivery;
    copy_message(delivery, message);
    deliveries->options.counts->received++;
    note_history(delivery);
    if (message->intact) {
        read_message(delivery);
        check_origin(delivery);
    } else {
        on_failed(delivery, STR("damaged"), STR("The body does not have the MD5 that SQS gave."),
                  true);
    }
}

void deliveries_abandon(struct deliveries *deliveries)
{
    while (deliveries->first)
        hand_back(deliveries->first, 0, false);
}

bool deliveries_is_empty(const struct deliveries *deliveries)
{
    return !deliveries->first;
}
