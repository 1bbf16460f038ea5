/* BatchMeterUsage (AWS Marketplace Metering Service API reference): what is taken, and what is
 * refused. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/usage.h"

enum {
    RECORDS_MAX = 25,
    BODY_MAX = 1024 * 1024,
    ALLOCATIONS_MAX = 2500,
    TAGS_MAX = 5,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    MONTH_CUT_OFF_S = 6 * HOUR_S,
    QUANTITY_MAX = 2147483647,
};

/* One usage record as it was sent, and whom it is for. */
struct sent {
    const struct json *json;
    struct str dimension, account, identifier, license;
    int64_t timestamp, quantity;
    const struct product *product;
    const struct agreement *agreement; /* NULL: no active one */
};

struct refusal {
    const char *code, *message;
};

#define REFUSE(code, message)                                                                      \
    (struct refusal)                                                                               \
    {                                                                                              \
        (code), (message)                                                                          \
    }
#define ACCEPT                                                                                     \
    (struct refusal)                                                                               \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* "Tag": letters, digits and + - = . _ : \ / @ and blanks. */
static bool is_tag_text(struct str text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!isalnum((unsigned char)text.ptr[i]) && !strchr("+ -=._:\\/@", text.ptr[i]))
            return false;
    }
    return text.len > 0 && text.len <= max;
}

static bool has_tag(const struct json *tags, size_t count, const struct json *tag, bool same_value)
{
    for (size_t i = 0; i < count; i++) {
        const struct json *one = json_at(tags, i);
        if (str_eq(json_get_str(one, "Key"), json_get_str(tag, "Key")) &&
            (!same_value || str_eq(json_get_str(one, "Value"), json_get_str(tag, "Value"))))
            return true;
    }
    return false;
}

static struct refusal check_tags(const struct json *tags)
{
    enum { KEY_MAX = 100, TAG_VALUE_MAX = 256 };

    if (json_kind(tags) > JSON_KIND_NULL && json_count(tags) == 0)
        return REFUSE("ValidationException", "Tags is a list of 1 to 5, if it is given.");
    if (json_count(tags) > TAGS_MAX)
        return REFUSE("InvalidTagException", "An allocation has at most 5 tags.");
    for (size_t i = 0; i < json_count(tags); i++) {
        const struct json *tag = json_at(tags, i);
        if (!is_tag_text(json_get_str(tag, "Key"), KEY_MAX) ||
            !is_tag_text(json_get_str(tag, "Value"), TAG_VALUE_MAX))
            return REFUSE("InvalidTagException",
                          "A tag has a key of 1 to 100 and a value of 1 to 256 characters of "
                          "a-zA-Z0-9+ -=._:\\/@");
        if (has_tag(tags, i, tag, false))
            return REFUSE("InvalidTagException", "Two tags of an allocation have the same key.");
    }
    return ACCEPT;
}

/* In whatever order; no key is there twice. */
static bool same_tags(const struct json *a, const struct json *b)
{
    const struct json *left = json_get(a, "Tags"), *right = json_get(b, "Tags");

    if (json_count(left) != json_count(right))
        return false;
    for (size_t i = 0; i < json_count(left); i++) {
        if (!has_tag(right, json_count(right), json_at(left, i), true))
            return false;
    }
    return true;
}

/* Allocations add up to the quantity, and no two have the same tags. */
static struct refusal check_allocations(const struct json *list, int64_t quantity)
{
    const char *code = "InvalidUsageAllocationsException";
    int64_t sum = 0;

    if (!list)
        return ACCEPT;
    if (json_count(list) < 1 || json_count(list) > ALLOCATIONS_MAX)
        return REFUSE(code, "There are 1 to 2500 allocations.");
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);
        int64_t part = 0;
        if (!json_int(json_get(item, "AllocatedUsageQuantity"), &part) || part < 0 ||
            part > QUANTITY_MAX)
            return REFUSE(code, "AllocatedUsageQuantity is missing or not valid.");
        struct refusal refusal = check_tags(json_get(item, "Tags"));
        if (refusal.code)
            return refusal;
        for (size_t k = 0; k < i; k++) {
            if (same_tags(json_at(list, k), item))
                return REFUSE(code, "Two allocations have the same tags.");
        }
        sum += part;
    }
    return sum == quantity ? ACCEPT : REFUSE(code, "The allocations must add up to Quantity.");
}

/* "BatchMeterUsage": not 24 hours old or older, not of the month before once it is 06:00 UTC on the
 * first, not of the future. */
static bool is_in_bounds(int64_t timestamp)
{
    int64_t now_s = clock_wall_s();
    time_t now = (time_t)now_s;
    struct tm month;

    gmtime_r(&now, &month);
    month.tm_mday = 1;
    month.tm_hour = month.tm_min = month.tm_sec = 0;
    int64_t begins = (int64_t)timegm(&month);
    if (timestamp < begins && now_s >= begins + MONTH_CUT_OFF_S)
        return false;
    return timestamp > now_s - DAY_S && timestamp <= now_s;
}

static struct refusal read_record(const struct json *json, struct sent *sent)
{
    double timestamp;

    *sent = (struct sent){
        .json = json,
        .dimension = json_get_str(json, "Dimension"),
        .account = json_get_str(json, "CustomerAWSAccountId"),
        .identifier = json_get_str(json, "CustomerIdentifier"),
        .license = json_get_str(json, "LicenseArn"),
    };
    if (!json_number(json_get(json, "Timestamp"), &timestamp))
        return REFUSE("ValidationException", "Timestamp is missing or not a number.");
    sent->timestamp = (int64_t)timestamp;
    if (sent->dimension.len < 1 || sent->dimension.len > 255)
        return REFUSE("ValidationException", "Dimension is missing or too long.");
    if (json_get(json, "Quantity") && (!json_int(json_get(json, "Quantity"), &sent->quantity) ||
                                       sent->quantity < 0 || sent->quantity > QUANTITY_MAX))
        return REFUSE("ValidationException", "Quantity must be from 0 to 2147483647.");
    for (size_t i = 0; i < sent->account.len; i++) {
        if (!isdigit((unsigned char)sent->account.ptr[i]))
            return REFUSE("ValidationException", "CustomerAWSAccountId has digits only.");
    }
    if (str_is_empty(sent->identifier) == str_is_empty(sent->account))
        return REFUSE("InvalidCustomerIdentifierException",
                      "Either CustomerAWSAccountId or CustomerIdentifier must be given.");
    if (!is_in_bounds(sent->timestamp))
        return REFUSE("TimestampOutOfBoundsException", "The timestamp is outside the allowed "
                                                       "window.");
    return check_allocations(json_get(json, "UsageAllocations"), sent->quantity);
}

/* Usage may be told for about an hour after an agreement has ended. */
static bool takes_usage(const struct agreement *agreement)
{
    return agreement_is_active(agreement) || agreement->ended_at + HOUR_S > clock_wall_s();
}

static struct refusal find_licensed(const struct world *world, struct str seller, struct sent *sent)
{
    const struct agreement *agreement = world_agreement_by_license(world, sent->license);

    if (!agreement || !product_shows_license(agreement->product) ||
        !str_eq(agreement->product->seller, seller))
        return REFUSE("InvalidLicenseException", "The license is not valid.");
    if (!str_is_empty(sent->account) && !str_eq(agreement->account, sent->account))
        return REFUSE("InvalidLicenseException", "The license is not this customer's.");
    /* The hour in which it was bought counts. */
    if (!takes_usage(agreement) || sent->timestamp < agreement->starts_at - HOUR_S)
        return REFUSE("InvalidLicenseException", "The usage is outside the license's period.");
    sent->product = agreement->product;
    sent->agreement = agreement;
    return ACCEPT;
}

static struct refusal find_customer(const struct world *world, struct str code, struct str seller,
                                    struct sent *sent)
{
    const struct agreement *agreement;
    bool known = false;

    sent->product = world_product(world, code);
    if (!sent->product || !str_eq(sent->product->seller, seller))
        return REFUSE("InvalidProductCodeException", "The product code is not valid.");
    STAILQ_FOREACH (agreement, &world->agreements, link) {
        bool same = str_is_empty(sent->account)
                        ? str_eq(agreement->customer_identifier, sent->identifier)
                        : str_eq(agreement->account, sent->account);
        if (agreement->product != sent->product || !same)
            continue;
        known = true;
        if (takes_usage(agreement))
            sent->agreement = agreement;
    }
    if (!known && str_is_empty(sent->account))
        return REFUSE("InvalidCustomerIdentifierException", "The customer identifier is not "
                                                            "known.");
    return ACCEPT;
}

static struct refusal find_whom(const struct call *call, struct sent *sent)
{
    const struct world *world = &call->sandbox->world;
    struct refusal refusal = str_is_empty(sent->license)
                                 ? find_customer(world, json_get_str(call->request, "ProductCode"),
                                                 call->caller.account, sent)
                                 : find_licensed(world, call->caller.account, sent);

    if (!refusal.code && !names_hold(&sent->product->usage_dimensions, sent->dimension))
        return REFUSE("InvalidUsageDimensionException", "The product meters no such dimension.");
    return refusal;
}

/* What was taken for the same customer or licence, dimension and hour: the first quantity wins. */
static struct usage *find_usage(const struct world *world, const struct sent *sent)
{
    struct usage *usage;

    STAILQ_FOREACH (usage, &world->usage, link) {
        if (str_eq(usage->license_arn, sent->license) &&
            str_eq(usage->product, sent->product->code) &&
            str_eq(usage->account, sent->agreement->account) &&
            str_eq(usage->dimension, sent->dimension) &&
            usage->timestamp / HOUR_S == sent->timestamp / HOUR_S)
            return usage;
    }
    return NULL;
}

static struct usage *keep_usage(struct world *world, const struct sent *sent)
{
    struct usage *usage = arena_alloc(&world->arena, sizeof(*usage));

    *usage = (struct usage){
        .id = world_new_uuid(&world->arena),
        .product = sent->product->code,
        .account = sent->agreement->account,
        .license_arn = arena_str(&world->arena, sent->license),
        .dimension = arena_str(&world->arena, sent->dimension),
        .timestamp = sent->timestamp,
        .quantity = sent->quantity,
    };
    STAILQ_INSERT_TAIL(&world->usage, usage, link);
    return usage;
}

static struct json *result_json(struct world *world, const struct sent *sent)
{
    struct json *result = json_new_object(), *echo = json_clone(sent->json);
    struct usage *usage = NULL;
    struct str status = STR("CustomerNotSubscribed");

    if (sent->agreement) {
        usage = find_usage(world, sent);
        status =
            usage && usage->quantity != sent->quantity ? STR("DuplicateRecord") : STR("Success");
        if (!usage)
            usage = keep_usage(world, sent);
    }
    json_set(echo, "Timestamp", json_new_number((double)sent->timestamp));
    json_set(result, "UsageRecord", echo);
    if (usage)
        json_set_str(result, "MeteringRecordId", usage->id);
    json_set_str(result, "Status", status);
    return result;
}

static struct refusal check_batch(const struct call *call, const struct json *records,
                                  struct sent *sent)
{
    for (size_t i = 0; i < json_count(records); i++) {
        struct refusal refusal = read_record(json_at(records, i), &sent[i]);
        if (!refusal.code)
            refusal = find_whom(call, &sent[i]);
        if (refusal.code)
            return refusal;
        if (sent[i].product != sent[0].product)
            return REFUSE("InvalidLicenseException", "One request is for one product.");
    }
    return ACCEPT;
}

bool batch_meter_usage(struct call *call)
{
    const struct json *records = json_get(call->request, "UsageRecords");
    struct sent sent[RECORDS_MAX] = {{0}};
    struct buf text = BUF_INIT;

    json_write(call->request, &text);
    size_t size = text.len;
    buf_done(&text);
    if (json_kind(records) != JSON_KIND_ARRAY || json_count(records) > RECORDS_MAX ||
        size >= BODY_MAX)
        return answer_error(&call->answer, "ValidationException",
                            "UsageRecords must be a list of at most 25 records, below 1 MB.");
    struct refusal refusal = check_batch(call, records, sent);
    if (refusal.code)
        return answer_error(&call->answer, refusal.code, "%s", refusal.message);

    struct json *body = json_new_object(), *results = json_new_array();
    for (size_t i = 0; i < json_count(records); i++)
        json_add(results, result_json(&call->sandbox->world, &sent[i]));
    json_set(body, "Results", results);
    json_set(body, "UnprocessedRecords", json_new_array());
    return answer_ok(&call->answer, body);
}
