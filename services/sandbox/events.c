#include "services/sandbox/events.h"

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

/* An event without its detail's particulars; *ret_detail is to be filled in. */
static struct json *new_event(const struct world *world, const struct agreement *agreement,
                              const char *type, struct json **ret_detail)
{
    struct json *event = json_new_object(), *detail = json_new_object();
    struct json *resources = json_new_array();
    struct arena arena = ARENA_INIT;

    json_add(resources,
             json_new_str(arena_printf(&arena, "arn:aws:aws-marketplace::aws:agreement:" STR_FMT,
                                       STR_ARG(agreement->id))));
    arena_done(&arena);
    json_set_str(event, "version", STR("0"));
    set_new_uuid(event, "id");
    json_set_str(event, "detail-type", str_of(type));
    json_set_str(event, "source", STR("aws.agreement-marketplace"));
    json_set_str(event, "account", agreement->product->seller);
    set_time(event, "time", clock_wall_s());
    json_set_str(event, "region", world->region);
    json_set(event, "resources", resources);
    set_new_uuid(detail, "requestId");
    json_set_str(detail, "catalog", STR("AWSMarketplace"));
    json_set(event, "detail", detail);
    *ret_detail = detail;
    return event;
}

static void set_parties(struct json *detail, const struct agreement *agreement)
{
    json_set(detail, "acceptor", object_of("accountId", agreement->account));
    json_set(detail, "proposer", object_of("accountId", agreement->product->seller));
    json_set(detail, "offer", object_of("id", agreement->offer));
}

static struct json *set_agreement(struct json *detail, const struct agreement *agreement,
                                  struct str intent)
{
    struct json *object = object_of("id", agreement->id);

    json_set_str(object, "intent", intent);
    json_set_str(object, "status", agreement->status);
    set_time(object, "acceptanceTime", agreement->accepted_at);
    set_time(object, "startTime", agreement->starts_at);
    set_time(object, "endTime", agreement->now.ends_at);
    json_set(detail, "agreement", object);
    return object;
}

static void set_listing(struct json *detail, const struct agreement *agreement)
{
    struct json *product = object_of("id", agreement->product->id);

    json_set_str(product, "title", agreement->product->title);
    json_set(detail, "product", product);
}

struct json *event_agreement_created(const struct world *world, const struct agreement *agreement,
                                     bool with_previous)
{
    struct json *detail;
    struct json *event =
        new_event(world, agreement, "Purchase Agreement Created - Proposer", &detail);
    struct json *object = set_agreement(detail, agreement, agreement->intent);

    set_parties(detail, agreement);
    if (!with_previous || str_is_empty(agreement->previous)) {
        json_set(detail, "resaleAuthorization", json_new_null());
        return event;
    }
    /* The newer form, printed in the guide for renewals only. */
    const struct seller *seller = world_seller(world, agreement->product->seller);
    struct json *proposer = object_of("accountId", agreement->product->seller);
    json_set_str(proposer, "name", seller ? seller->name : STR_NONE);
    json_set(detail, "proposer", proposer);
    json_set_str(object, "previousAgreementId", agreement->previous);
    set_listing(detail, agreement);
    return event;
}

struct json *event_agreement_amended(const struct world *world, const struct agreement *agreement)
{
    enum { LOCKOUT_S = 30 * 24 * 3600 };
    struct json *detail, *summary = json_new_object();
    struct json *event =
        new_event(world, agreement, "Purchase Agreement Amended - Proposer", &detail);
    struct json *object = set_agreement(detail, agreement, STR("AMEND"));

    json_set_bool(object, "autoRenewalEnabled", agreement->auto_renew);
    set_time(summary, "lockoutStartTime", agreement->now.ends_at - LOCKOUT_S);
    json_set(summary, "disabledBy", json_new_null());
    json_set(detail, "renewalSummary", summary);
    json_set(detail, "resaleAuthorization", json_new_null());
    set_listing(detail, agreement);
    set_parties(detail, agreement);
    return event;
}

struct json *event_agreement_ended(const struct world *world, const struct agreement *agreement)
{
    struct json *detail;
    struct json *event =
        new_event(world, agreement, "Purchase Agreement Ended - Proposer", &detail);
    struct json *object = object_of("id", agreement->id);

    json_set_str(object, "status", agreement->status);
    json_set(detail, "agreement", object);
    json_set(detail, "resaleAuthorization", json_new_null());
    set_parties(detail, agreement);
    return event;
}

/* The guide's printed samples leave "arn:" out and put a region in; which form real events have is
 * not documented. */
static struct str event_license_arn(const struct world *world, const struct agreement *agreement,
                                    struct arena *arena)
{
    struct str arn = agreement->license_arn, parts[7] = {0};
    size_t count = 0;

    if (!agreement->product->documented_arn)
        return arn;
    while (count < 7 && !str_is_empty(arn))
        parts[count++] = str_split(&arn, ':');
    return arena_printf(arena, "aws:license-manager:" STR_FMT ":" STR_FMT ":" STR_FMT,
                        STR_ARG(world->region), STR_ARG(parts[4]), STR_ARG(parts[6]));
}

struct json *event_license(const struct world *world, const struct agreement *agreement,
                           bool updated)
{
    struct json *detail, *product = object_of("code", agreement->product->code);
    struct json *event = new_event(world, agreement,
                                   updated ? "License Updated - Manufacturer"
                                           : "License Deprovisioned - Manufacturer",
                                   &detail);
    struct arena arena = ARENA_INIT;

    json_set(detail, "agreement", object_of("id", agreement->id));
    json_set_str(product, "id", agreement->product->id);
    json_set(detail, "product", product);
    json_set(detail, "license", object_of("arn", event_license_arn(world, agreement, &arena)));
    set_parties(detail, agreement);
    arena_done(&arena);
    return event;
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
