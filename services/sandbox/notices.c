#include "services/sandbox/notices.h"

#include "common/base/mem.h"
#include "services/sandbox/events.h"

static const char *const known[] = {
    "created",
    "amended",
    "updated",
    "ended",
    "deprovisioned",
    "entitlement-updated",
    "subscribe-success",
    "subscribe-fail",
    "unsubscribe-pending",
    "unsubscribe-success",
    "all",
};

bool notice_name_is_known(struct str name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq_text(name, known[i]))
            return true;
    }
    return false;
}

static bool is_lost(const struct notices *notices, const char *name)
{
    return notices->lose &&
           (names_hold(notices->lose, str_of(name)) || names_hold(notices->lose, STR("all")));
}

/* An SNS message no longer fits its signature; an event (which has none) comes from an account that
 * is not the seller's. */
static void tamper(struct buf *body)
{
    struct json *json = NULL;

    if (json_parse(&json, buf_str(body), NULL) < 0)
        return;
    if (json_get(json, "Message")) {
        struct buf text = BUF_INIT;
        buf_append_str(&text, json_get_str(json, "Message"));
        buf_append_char(&text, ' ');
        json_set_str(json, "Message", buf_str(&text));
        buf_done(&text);
    } else {
        json_set_str(json, "account", STR("999988887777"));
    }
    buf_clear(body);
    json_write(json, body);
    json_free(json);
}

static void put(struct sandbox *sandbox, struct str name, struct str body)
{
    struct queue *queue = queues_find_by_name(&sandbox->queues, name);

    if (queue)
        queue_send(queue, body, STR("AIDAFIXTURE"), 0);
}

static void release_held(struct sandbox *sandbox)
{
    struct held_event held = sandbox->held;

    sandbox->held = (struct held_event){0};
    if (held.body)
        put(sandbox, held.queue, str_of(held.body));
    mem_free(held.body);
}

void notice_deliver(struct sandbox *sandbox, struct str queue, struct str text)
{
    struct fault fault = faults_take(&sandbox->faults, STR(FAULT_EVENTS));
    struct buf body = BUF_INIT;

    buf_append_str(&body, text);
    if (fault.kind == FAULT_TAMPER)
        tamper(&body);
    if (fault.kind == FAULT_REORDER && !sandbox->held.body) {
        sandbox->held = (struct held_event){queue, buf_take(&body)};
        return;
    }
    if (fault.kind != FAULT_LOSE)
        put(sandbox, queue, buf_str(&body));
    if (fault.kind == FAULT_DUPLICATE)
        put(sandbox, queue, buf_str(&body));
    release_held(sandbox);
    buf_done(&body);
}

/* Takes the event. */
static void send_event(const struct notices *notices, const struct agreement *agreement,
                       const char *name, struct json *event)
{
    struct buf body = BUF_INIT;

    json_write(event, &body);
    json_free(event);
    if (!is_lost(notices, name))
        notice_deliver(notices->sandbox, agreement->product->queue, buf_str(&body));
    buf_done(&body);
}

/* Takes the message. */
static void send_sns(const struct notices *notices, const struct agreement *agreement,
                     const char *name, const char *topic, struct json *message)
{
    struct sandbox *sandbox = notices->sandbox;
    const struct product *product = agreement->product;
    struct buf text = BUF_INIT, body = BUF_INIT;

    json_write(message, &text);
    json_free(message);
    if (product->raw_delivery)
        buf_append_str(&body, buf_str(&text));
    else
        sns_envelope(&sandbox->sns, &sandbox->world, product, topic, buf_str(&text), &body);
    if (!is_lost(notices, name))
        notice_deliver(sandbox, product->queue, buf_str(&body));
    buf_done(&text);
    buf_done(&body);
}

static void send_updated(const struct notices *notices, const struct agreement *agreement)
{
    send_sns(notices, agreement, "entitlement-updated", "entitlement",
             message_entitlement_updated(agreement));
}

static void send_subscription(const struct notices *notices, const struct agreement *agreement,
                              const char *action)
{
    send_sns(notices, agreement, action, "subscription", message_subscription(agreement, action));
}

void notice_created(const struct notices *notices, const struct agreement *agreement,
                    bool with_previous)
{
    if (!product_is_legacy(agreement->product))
        send_event(notices, agreement, "created",
                   event_agreement_created(&notices->sandbox->world, agreement, with_previous));
}

void notice_ready(const struct notices *notices, const struct agreement *agreement)
{
    if (!product_is_legacy(agreement->product)) {
        send_event(notices, agreement, "updated",
                   event_license(&notices->sandbox->world, agreement, true));
        return;
    }
    /* Sent again, with the new offer, when an agreement-based offer is accepted; not for a
     * renewal. */
    if (!str_eq(agreement->intent, STR("RENEW")))
        send_subscription(notices, agreement, "subscribe-success");
    send_updated(notices, agreement);
}

void notice_changed(const struct notices *notices, const struct agreement *agreement)
{
    if (product_is_legacy(agreement->product)) {
        send_updated(notices, agreement);
        return;
    }
    send_event(notices, agreement, "amended",
               event_agreement_amended(&notices->sandbox->world, agreement));
    send_event(notices, agreement, "updated",
               event_license(&notices->sandbox->world, agreement, true));
}

static bool is_succeeded(const struct agreement *agreement)
{
    return str_eq(agreement->status, STR("RENEWED")) || str_eq(agreement->status, STR("REPLACED"));
}

void notice_ended(const struct notices *notices, const struct agreement *agreement)
{
    if (!product_is_legacy(agreement->product))
        send_event(notices, agreement, "ended",
                   event_agreement_ended(&notices->sandbox->world, agreement));
    else if (!is_succeeded(agreement))
        send_subscription(notices, agreement, "unsubscribe-pending");
}

void notice_withdrawn(const struct notices *notices, const struct agreement *agreement)
{
    if (!product_is_legacy(agreement->product)) {
        send_event(notices, agreement, "deprovisioned",
                   event_license(&notices->sandbox->world, agreement, false));
    } else if (!is_succeeded(agreement)) {
        send_updated(notices, agreement);
        send_subscription(notices, agreement, "unsubscribe-success");
    }
}

void notice_payment_failed(const struct notices *notices, const struct agreement *agreement)
{
    send_subscription(notices, agreement, "subscribe-fail");
}
