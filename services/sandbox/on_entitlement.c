/* The entitlement service: GetEntitlements (AWS Marketplace Entitlement Service API reference). */
#include "common/crypto/crypto.h"
#include "services/sandbox/market.h"
#include "services/sandbox/world_json.h"

enum { PAGE_MAX = 25 };

#define INVALID "InvalidParameterException"

enum filter { BY_IDENTIFIER, BY_ACCOUNT, BY_LICENSE, BY_DIMENSION, FILTER_COUNT };

static const char *const filter_names[FILTER_COUNT] = {
    [BY_IDENTIFIER] = "CUSTOMER_IDENTIFIER",
    [BY_ACCOUNT] = "CUSTOMER_AWS_ACCOUNT_ID",
    [BY_LICENSE] = "LICENSE_ARN",
    [BY_DIMENSION] = "DIMENSION",
};

struct query {
    const struct product *product;
    struct names values[FILTER_COUNT]; /* none: not filtered */
    size_t max_results, offset;
    bool stale;
};

struct filter_check {
    struct call *call;
    struct query *query;
    bool refused;
};

static bool read_texts(struct call *call, const struct json *list, struct names *ret)
{
    *ret = (struct names){.count = json_count(list)};
    if (json_kind(list) != JSON_KIND_ARRAY || ret->count == 0)
        return false;
    ret->list = arena_alloc_array(&call->arena, ret->count, sizeof(*ret->list));
    for (size_t i = 0; i < ret->count; i++) {
        ret->list[i] = json_str(json_at(list, i));
        if (str_is_empty(ret->list[i]))
            return false;
    }
    return true;
}

static void check_filter(void *arg, struct str key, const struct json *value)
{
    struct filter_check *check = arg;
    size_t i = 0;

    while (i < FILTER_COUNT && !str_eq_text(key, filter_names[i]))
        i++;
    if (i == FILTER_COUNT || !read_texts(check->call, value, &check->query->values[i]))
        check->refused =
            answer_error(&check->call->answer, INVALID,
                         i < FILTER_COUNT ? "Filter '" STR_FMT "' needs a list of values."
                                          : "Filter key '" STR_FMT "' is not valid.",
                         STR_ARG(key));
}

static bool read_filters(struct call *call, struct query *query)
{
    const struct json *filter = json_get(call->request, "Filter");
    struct filter_check check = {call, query, false};

    if (json_kind(filter) > JSON_KIND_NULL && json_kind(filter) != JSON_KIND_OBJECT)
        return !answer_error(&call->answer, INVALID, "Filter must be a map.");
    json_each(filter, check_filter, &check);
    if (check.refused)
        return false;
    if (query->values[BY_IDENTIFIER].count > 0 && query->values[BY_ACCOUNT].count > 0)
        return !answer_error(&call->answer, INVALID,
                             "CUSTOMER_IDENTIFIER and CUSTOMER_AWS_ACCOUNT_ID cannot both be "
                             "given.");
    return true;
}

/* A token names its query, so that it cannot continue another one. */
static void append_token(struct buf *out, const struct call *call, size_t offset)
{
    struct buf text = BUF_INIT;
    unsigned char digest[CRYPTO_SHA256_SIZE];

    buf_append_str(&text, json_get_str(call->request, "ProductCode"));
    if (json_get(call->request, "Filter"))
        json_write(json_get(call->request, "Filter"), &text);
    crypto_sha256(buf_str(&text), digest);
    buf_clear(&text);
    buf_printf(&text, "%zu:", offset);
    crypto_hex(&text, digest, 8);
    crypto_base64(out, buf_str(&text));
    buf_done(&text);
}

static bool read_offset(struct call *call, struct str token, size_t *ret_offset)
{
    struct buf plain = BUF_INIT, again = BUF_INIT;
    int64_t offset = 0;
    bool valid = crypto_base64_decode(&plain, token) == 0;
    struct str rest = buf_str(&plain);

    valid = valid && str_to_i64(str_split(&rest, ':'), &offset) && offset > 0;
    if (valid) {
        append_token(&again, call, (size_t)offset);
        valid = str_eq(buf_str(&again), token);
        *ret_offset = (size_t)offset;
    }
    buf_done(&plain);
    buf_done(&again);
    return valid || !answer_error(&call->answer, INVALID, "NextToken is not valid.");
}

static bool read_page(struct call *call, struct query *query)
{
    const struct json *max = json_get(call->request, "MaxResults");
    const struct json *token = json_get(call->request, "NextToken");
    int64_t count = PAGE_MAX;

    if (json_kind(max) > JSON_KIND_NULL &&
        (!json_int(max, &count) || count < 1 || count > PAGE_MAX))
        return !answer_error(&call->answer, INVALID, "MaxResults must be from 1 to 25.");
    query->max_results = (size_t)count;
    if (json_kind(token) <= JSON_KIND_NULL)
        return true;
    return read_offset(call, json_str(token), &query->offset);
}

static bool passes(const struct names *values, struct str value)
{
    return values->count == 0 || names_hold(values, value);
}

static bool is_asked_for(const struct query *query, const struct agreement *agreement)
{
    struct str license =
        product_shows_license(agreement->product) ? agreement->license_arn : STR_NONE;

    return agreement->product == query->product &&
           passes(&query->values[BY_IDENTIFIER], agreement->customer_identifier) &&
           passes(&query->values[BY_ACCOUNT], agreement->account) &&
           passes(&query->values[BY_LICENSE], license);
}

static struct json *row_json(const struct agreement *agreement, const struct grant *grant,
                             const struct entitlement *entitlement)
{
    static const char *const kinds[] = {
        [VALUE_INTEGER] = "IntegerValue",
        [VALUE_DOUBLE] = "DoubleValue",
        [VALUE_BOOLEAN] = "BooleanValue",
        [VALUE_STRING] = "StringValue",
    };
    struct json *row = json_new_object(), *value = json_new_object();

    json_set_str(row, "ProductCode", agreement->product->code);
    json_set_str(row, "Dimension", entitlement->dimension);
    if (!str_is_empty(agreement->customer_identifier))
        json_set_str(row, "CustomerIdentifier", agreement->customer_identifier);
    json_set_str(row, "CustomerAWSAccountId", agreement->account);
    json_set(value, kinds[entitlement->value.kind], value_json(&entitlement->value));
    json_set(row, "Value", value);
    json_set_integer(row, "ExpirationDate",
                     entitlement->expires_at ? entitlement->expires_at : grant->ends_at);
    if (product_shows_license(agreement->product))
        json_set_str(row, "LicenseArn", agreement->license_arn);
    return row;
}

/* Adds the agreement's rows that fall into the page; returns how many there are in all. */
static size_t add_rows(const struct query *query, const struct agreement *agreement, size_t seen,
                       uint64_t last_change, struct json *rows)
{
    bool changed_last = agreement->changed == last_change;
    const struct grant *grant = query->stale && changed_last ? &agreement->before : &agreement->now;
    size_t count = 0;

    for (size_t i = 0; grant->listed && i < grant->count; i++) {
        if (!passes(&query->values[BY_DIMENSION], grant->list[i].dimension))
            continue;
        size_t index = seen + count++;
        if (index >= query->offset && index < query->offset + query->max_results)
            json_add(rows, row_json(agreement, grant, &grant->list[i]));
    }
    return count;
}

/* A page that is put together. */
struct listing {
    struct call *call;
    const struct query *query;
    struct json *rows;
    size_t seen;          /* rows there are in all */
    uint64_t last_change; /* before the question itself changed anything */
};

static void list_agreement(struct listing *listing, struct agreement *agreement)
{
    const struct query *query = listing->query;

    if (!is_asked_for(query, agreement))
        return;
    listing->seen += add_rows(query, agreement, listing->seen, listing->last_change, listing->rows);
    if (query->offset == 0)
        market_asked(listing->call->sandbox, agreement);
}

static void list_licenses(struct listing *listing, const struct names *licenses)
{
    const struct world *world = &listing->call->sandbox->world;

    for (size_t i = 0; i < licenses->count; i++) {
        const struct names before = {licenses->list, i};
        if (names_hold(&before, licenses->list[i]))
            continue;
        struct agreement *agreement = world_agreement_by_license(world, licenses->list[i]);
        for (; agreement; agreement = agreement->same_license)
            list_agreement(listing, agreement);
    }
}

static void list_all(struct listing *listing)
{
    struct agreement *agreement;

    STAILQ_FOREACH (agreement, &listing->call->sandbox->world.agreements, link)
        list_agreement(listing, agreement);
}

static bool answer_page(struct call *call, const struct query *query)
{
    struct json *body = json_new_object();
    size_t next = query->offset + query->max_results;
    struct listing listing = {.call = call,
                              .query = query,
                              .rows = json_new_array(),
                              .last_change = call->sandbox->world.change};

    if (query->values[BY_LICENSE].count > 0)
        list_licenses(&listing, &query->values[BY_LICENSE]);
    else
        list_all(&listing);
    json_set(body, "Entitlements", listing.rows);
    if (listing.seen > next) {
        struct buf token = BUF_INIT;
        append_token(&token, call, next);
        json_set_str(body, "NextToken", buf_str(&token));
        buf_done(&token);
    }
    return answer_ok(&call->answer, body);
}

static bool get_entitlements(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct query query = {.stale = call->fault.kind == FAULT_STALE};

    query.product = world_product(&sandbox->world, json_get_str(call->request, "ProductCode"));
    if (!query.product)
        return answer_error(&call->answer, INVALID, "ProductCode is missing or not valid.");
    if (!read_filters(call, &query) || !read_page(call, &query))
        return true;
    /* What a foreign account is told of a product is not documented; it sees no entitlements. */
    if (!str_eq(query.product->seller, call->caller.account)) {
        struct json *body = json_new_object();
        json_set(body, "Entitlements", json_new_array());
        return answer_ok(&call->answer, body);
    }
    return answer_page(call, &query);
}

const struct operation entitlement_operations[] = {
    {SERVICE_ENTITLEMENT, "GetEntitlements", get_entitlements, false},
    {0},
};
