#include "services/sandbox/events.h"

#include "common/aws/arn/arn.h"
#include "common/base/clock.h"

static void set_time(struct json *object, const char *name, int64_t time_s)
{
    char text[CLOCK_TEXT_SIZE];

    json_set_str(object, name, str_of(clock_format_s(time_s, text)));
}

static struct json *object_of(const char *name, struct str value)
{
    struct json *object = json_new_object();

    json_set_str(object, name, value);
    return object;
}

static void set_new_uuid(struct json *object, const char *name)
{
    struct arena arena = ARENA_INIT;

    json_set_str(object, name, world_new_uuid(&arena));
    arena_done(&arena);
}

static struct json *resources_of(const struct agreement *agreement)
{
    struct json *resources = json_new_array();
    struct arena arena = ARENA_INIT;

    json_add(resources,
             json_new_str(arena_printf(&arena, "arn:aws:aws-marketplace::aws:agreement:" STR_FMT,
                                       STR_ARG(agreement->id))));
    arena_done(&arena);
    return resources;
}

/* Takes the detail. Members come in the order in which a seller's queue received them
 * (tests/vectors/captured-events.json). */
static struct json *event_of(const struct world *world, const struct agreement *agreement,
                             const char *type, struct json *detail)
{
    struct json *event = json_new_object();

    set_new_uuid(event, "id");
    set_time(event, "time", clock_wall_s());
    json_set_str(event, "version", STR("0"));
    json_set_str(event, "region", world->region);
    json_set_str(event, "account", agreement->product->seller);
    json_set_str(event, "source", STR("aws.agreement-marketplace"));
    json_set_str(event, "detail-type", str_of(type));
    json_set(event, "resources", resources_of(agreement));
    json_set(event, "detail", detail);
    return event;
}

static struct json *new_detail(const struct agreement *agreement, bool with_offer)
{
    struct json *detail = json_new_object();

    if (with_offer)
        json_set(detail, "offer", object_of("id", agreement->offer));
    json_set_str(detail, "catalog", STR("AWSMarketplace"));
    return detail;
}

static void set_parties(struct json *detail, const struct agreement *agreement)
{
    json_set(detail, "acceptor", object_of("accountId", agreement->account));
    json_set(detail, "proposer", object_of("accountId", agreement->product->seller));
}

/* No reseller has a part in it: received as an object that holds null, printed as null. */
static void set_resale_authorization(struct json *detail, const struct agreement *agreement)
{
    struct json *none = json_new_null();

    if (!agreement->product->documented_events) {
        none = json_new_object();
        json_set(none, "id", json_new_null());
    }
    json_set(detail, "resaleAuthorization", none);
}

/* Received with milliseconds, printed without. */
static void set_acceptance(struct json *object, const char *name, const struct agreement *agreement,
                           int64_t time_s)
{
    char text[CLOCK_TEXT_SIZE];

    if (agreement->product->documented_events)
        set_time(object, name, time_s);
    else
        json_set_str(object, name,
                     str_of(clock_format_ms(time_s * 1000 + agreement->accepted_ms, text)));
}

static struct json *set_agreement(struct json *detail, const struct agreement *agreement,
                                  struct str intent)
{
    struct json *object = object_of("id", agreement->id);

    json_set_str(object, "intent", intent);
    json_set_str(object, "status", agreement->status);
    set_time(object, "endTime", agreement->now.ends_at);
    set_acceptance(object, "startTime", agreement, agreement->starts_at);
    set_acceptance(object, "acceptanceTime", agreement, agreement->accepted_at);
    json_set(detail, "agreement", object);
    return object;
}

static void set_listing(struct json *detail, const struct agreement *agreement)
{
    struct json *product = object_of("id", agreement->product->id);

    json_set_str(product, "title", agreement->product->title);
    json_set(detail, "product", product);
}

/* The newer form, printed in the guide for renewals only. */
static void set_predecessor(struct json *detail, const struct world *world,
                            const struct agreement *agreement, struct json *object)
{
    const struct seller *seller = world_seller(world, agreement->product->seller);
    struct json *proposer = object_of("accountId", agreement->product->seller);

    json_set_str(proposer, "name", seller ? seller->name : STR_NONE);
    json_set(detail, "proposer", proposer);
    json_set_str(object, "previousAgreementId", agreement->previous);
    set_listing(detail, agreement);
}

struct json *event_agreement_created(const struct world *world, const struct agreement *agreement,
                                     bool with_previous)
{
    struct json *detail = new_detail(agreement, true);

    set_parties(detail, agreement);
    struct json *object = set_agreement(detail, agreement, agreement->intent);
    set_new_uuid(detail, "requestId");
    if (with_previous && !str_is_empty(agreement->previous))
        set_predecessor(detail, world, agreement, object);
    else
        set_resale_authorization(detail, agreement);
    return event_of(world, agreement, "Purchase Agreement Created - Proposer", detail);
}

struct json *event_agreement_amended(const struct world *world, const struct agreement *agreement)
{
    enum { LOCKOUT_S = 30 * 24 * 3600 };
    struct json *detail = new_detail(agreement, true), *summary = json_new_object();

    set_parties(detail, agreement);
    struct json *object = set_agreement(detail, agreement, STR("AMEND"));
    json_set_bool(object, "autoRenewalEnabled", agreement->auto_renew);
    set_time(summary, "lockoutStartTime", agreement->now.ends_at - LOCKOUT_S);
    json_set(summary, "disabledBy", json_new_null());
    json_set(detail, "renewalSummary", summary);
    set_listing(detail, agreement);
    set_new_uuid(detail, "requestId");
    set_resale_authorization(detail, agreement);
    return event_of(world, agreement, "Purchase Agreement Amended - Proposer", detail);
}

/* Received without the offer, printed with it. */
struct json *event_agreement_ended(const struct world *world, const struct agreement *agreement)
{
    struct json *detail = new_detail(agreement, agreement->product->documented_events);
    struct json *object = object_of("id", agreement->id);

    set_parties(detail, agreement);
    json_set_str(object, "status", agreement->status);
    json_set(detail, "agreement", object);
    set_new_uuid(detail, "requestId");
    set_resale_authorization(detail, agreement);
    return event_of(world, agreement, "Purchase Agreement Ended - Proposer", detail);
}

/* The guide's printed samples leave "arn:" out and put a region in; what was received has the form
 * of the API. */
static struct str event_license_arn(const struct world *world, const struct agreement *agreement,
                                    struct arena *arena)
{
    struct arn arn;

    if (!agreement->product->documented_arn)
        return agreement->license_arn;
    arn_split(agreement->license_arn, &arn);
    return arena_printf(arena, "aws:license-manager:" STR_FMT ":" STR_FMT ":" STR_FMT,
                        STR_ARG(world->region), STR_ARG(arn.account),
                        STR_ARG(arn_resource_name(&arn, STR("license:"))));
}

struct json *event_license(const struct world *world, const struct agreement *agreement,
                           bool updated)
{
    struct json *detail = new_detail(agreement, true);
    struct json *product = object_of("id", agreement->product->id);
    struct arena arena = ARENA_INIT;

    json_set(detail, "license", object_of("arn", event_license_arn(world, agreement, &arena)));
    arena_done(&arena);
    json_set_str(product, "code", agreement->product->code);
    json_set(detail, "product", product);
    set_parties(detail, agreement);
    json_set(detail, "agreement", object_of("id", agreement->id));
    set_new_uuid(detail, "requestId");
    return event_of(world, agreement,
                    updated ? "License Updated - Manufacturer"
                            : "License Deprovisioned - Manufacturer",
                    detail);
}

struct json *message_entitlement_updated(const struct agreement *agreement)
{
    struct json *message = json_new_object();

    json_set_str(message, "action", STR("entitlement-updated"));
    json_set_str(message, "customer-identifier", agreement->customer_identifier);
    json_set_str(message, "product-code", agreement->product->code);
    return message;
}

struct json *message_subscription(const struct agreement *agreement, const char *action)
{
    struct json *message = message_entitlement_updated(agreement);

    json_set_str(message, "action", str_of(action));
    if (str_starts_with(str_of(action), STR("subscribe-"))) {
        json_set_str(message, "offer-identifier", agreement->offer);
        json_set_str(message, "isFreeTrialTermPresent",
                     agreement->free_trial ? STR("true") : STR("false"));
    }
    return message;
}
