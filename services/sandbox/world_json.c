#include "services/sandbox/world_json.h"

#define SETTING(member, kind)                                                                      \
    {                                                                                              \
#member, kind, offsetof(struct world, member), false                                       \
    }
static const struct field world_fields[] = {
    SETTING(region, FIELD_STR),
    SETTING(registration_url, FIELD_STR),
    SETTING(quota_per_second, FIELD_INTEGER),
    SETTING(token_lifetime_s, FIELD_INTEGER),
    SETTING(expiry_lag_s, FIELD_INTEGER),
    SETTING(credentials_lifetime_s, FIELD_INTEGER),
    SETTING(external_id, FIELD_STR),
    SETTING(container_token, FIELD_STR),
    FIELD_END,
};

static const struct field seller_fields[] = {
    {"account", FIELD_STR, offsetof(struct seller, account), true},
    {"name", FIELD_STR, offsetof(struct seller, name), false},
    FIELD_END,
};

static const struct field buyer_fields[] = {
    {"account", FIELD_STR, offsetof(struct buyer, account), true},
    {"name", FIELD_STR, offsetof(struct buyer, name), false},
    FIELD_END,
};

static const struct field key_fields[] = {
    {"id", FIELD_STR, offsetof(struct access_key, id), true},
    {"secret", FIELD_STR, offsetof(struct access_key, secret), true},
    {"session_token", FIELD_STR, offsetof(struct access_key, session_token), false},
    {"account", FIELD_STR, offsetof(struct access_key, account), true},
    {"arn", FIELD_STR, offsetof(struct access_key, arn), false},
    {"expires_at", FIELD_INTEGER, offsetof(struct access_key, expires_at), false},
    FIELD_END,
};

#define PRODUCT(member, kind, required)                                                            \
    {                                                                                              \
#member, kind, offsetof(struct product, member), required                                  \
    }
static const struct field product_fields[] = {
    PRODUCT(code, FIELD_STR, true),
    PRODUCT(id, FIELD_STR, true),
    PRODUCT(title, FIELD_STR, false),
    PRODUCT(seller, FIELD_STR, true),
    PRODUCT(queue, FIELD_STR, false),
    PRODUCT(generation, FIELD_STR, false),
    PRODUCT(dimensions, FIELD_NAMES, true),
    PRODUCT(usage_dimensions, FIELD_NAMES, false),
    PRODUCT(concurrent, FIELD_BOOL, false),
    PRODUCT(raw_delivery, FIELD_BOOL, false),
    PRODUCT(documented_arn, FIELD_BOOL, false),
    PRODUCT(documented_events, FIELD_BOOL, false),
    PRODUCT(empty_identifier, FIELD_BOOL, false),
    PRODUCT(signature_version, FIELD_INTEGER, false),
    FIELD_END,
};

/* What may be changed while agreements refer to the product. */
static const struct field product_setting_fields[] = {
    PRODUCT(title, FIELD_STR, false),
    PRODUCT(queue, FIELD_STR, false),
    PRODUCT(dimensions, FIELD_NAMES, false),
    PRODUCT(usage_dimensions, FIELD_NAMES, false),
    PRODUCT(concurrent, FIELD_BOOL, false),
    PRODUCT(raw_delivery, FIELD_BOOL, false),
    PRODUCT(documented_arn, FIELD_BOOL, false),
    PRODUCT(documented_events, FIELD_BOOL, false),
    PRODUCT(empty_identifier, FIELD_BOOL, false),
    PRODUCT(signature_version, FIELD_INTEGER, false),
    FIELD_END,
};

struct agreement_file {
    struct agreement agreement;
    const struct json *entitlements;
};

#define AGREEMENT(member, kind, required)                                                          \
    {                                                                                              \
#member, kind, offsetof(struct agreement_file, agreement.member), required                 \
    }
static const struct field agreement_fields[] = {
    AGREEMENT(id, FIELD_STR, true),
    {"product", FIELD_STR, offsetof(struct agreement_file, agreement.product_code), true},
    AGREEMENT(account, FIELD_STR, true),
    AGREEMENT(offer, FIELD_STR, false),
    AGREEMENT(intent, FIELD_STR, false),
    AGREEMENT(previous, FIELD_STR, false),
    AGREEMENT(status, FIELD_STR, false),
    AGREEMENT(license_arn, FIELD_STR, true),
    AGREEMENT(customer_identifier, FIELD_STR, false),
    AGREEMENT(accepted_at, FIELD_INTEGER, false),
    AGREEMENT(accepted_ms, FIELD_INTEGER, false),
    AGREEMENT(starts_at, FIELD_INTEGER, false),
    {"expires_at", FIELD_INTEGER, offsetof(struct agreement_file, agreement.now.ends_at), true},
    AGREEMENT(ended_at, FIELD_INTEGER, false),
    AGREEMENT(provision_at, FIELD_INTEGER, false),
    AGREEMENT(calls_before, FIELD_INTEGER, false),
    AGREEMENT(expiry_lag_s, FIELD_INTEGER, false),
    AGREEMENT(provisioned, FIELD_BOOL, false),
    AGREEMENT(free_trial, FIELD_BOOL, false),
    AGREEMENT(auto_renew, FIELD_BOOL, false),
    {"entitlements", FIELD_JSON, offsetof(struct agreement_file, entitlements), true},
    FIELD_END,
};

struct token_file {
    struct token token;
    struct str agreement;
};

static const struct field token_fields[] = {
    {"token", FIELD_STR, offsetof(struct token_file, token.text), true},
    {"agreement", FIELD_STR, offsetof(struct token_file, agreement), true},
    {"issued_at", FIELD_INTEGER, offsetof(struct token_file, token.issued_at), true},
    FIELD_END,
};

#define USAGE(member, kind)                                                                        \
    {                                                                                              \
#member, kind, offsetof(struct usage, member), true                                        \
    }
static const struct field usage_fields[] = {
    USAGE(id, FIELD_STR),
    USAGE(product, FIELD_STR),
    USAGE(account, FIELD_STR),
    {"license_arn", FIELD_STR, offsetof(struct usage, license_arn), false},
    USAGE(dimension, FIELD_STR),
    USAGE(timestamp, FIELD_INTEGER),
    USAGE(quantity, FIELD_INTEGER),
    FIELD_END,
};

static int check_product(const struct product *product, struct error *error)
{
    if (!str_eq(product->generation, STR("new")) && !product_is_legacy(product))
        return error_set(error, "'generation' must be \"new\" or \"legacy\"");
    if (product->signature_version != 1 && product->signature_version != 2)
        return error_set(error, "'signature_version' must be 1 or 2");
    return 0;
}

int product_configure(struct world *world, struct product *product, const struct json *object,
                      struct error *error)
{
    struct product changed = *product;

    if (fields_load(&world->arena, product_setting_fields, &changed, object, error) < 0 ||
        check_product(&changed, error) < 0)
        return -1;
    *product = changed;
    return 0;
}

/* What stands in a list of the world as its table says. */
#define LOADER(type, list, fields)                                                                 \
    static int load_##type(void *arg, const struct json *object, struct error *error)              \
    {                                                                                              \
        struct world *world = arg;                                                                 \
        struct type *record = arena_alloc(&world->arena, sizeof(*record));                         \
                                                                                                   \
        STAILQ_INSERT_TAIL(&world->list, record, link);                                            \
        return fields_load(&world->arena, fields, record, object, error);                          \
    }
LOADER(seller, sellers, seller_fields)
LOADER(access_key, keys, key_fields)
LOADER(buyer, buyers, buyer_fields)
LOADER(usage, usage, usage_fields)
#undef LOADER

static int load_product(void *arg, const struct json *object, struct error *error)
{
    struct world *world = arg;
    struct product *product = arena_alloc(&world->arena, sizeof(*product));

    product->generation = STR("new");
    product->signature_version = 1;
    if (fields_load(&world->arena, product_fields, product, object, error) < 0 ||
        check_product(product, error) < 0)
        return -1;
    if (world_product(world, product->code))
        return error_set(error, "two products have the code " STR_FMT, STR_ARG(product->code));
    if (!world_seller(world, product->seller))
        return error_set(error, "no seller has the account " STR_FMT, STR_ARG(product->seller));
    STAILQ_INSERT_TAIL(&world->products, product, link);
    return 0;
}

static int load_agreement(void *arg, const struct json *object, struct error *error)
{
    struct world *world = arg;
    struct agreement_file file = {.agreement = {.status = STR("ACTIVE"),
                                                .intent = STR("NEW"),
                                                .expiry_lag_s = world->expiry_lag_s,
                                                .provisioned = true}};
    struct agreement *agreement = &file.agreement;

    if (fields_load(&world->arena, agreement_fields, &file, object, error) < 0)
        return -1;
    agreement->product = world_product(world, agreement->product_code);
    if (!agreement->product)
        return error_set(error, "no product has the code " STR_FMT,
                         STR_ARG(agreement->product_code));
    if (entitlements_load(world, agreement->product, &agreement->now, file.entitlements, error) < 0)
        return -1;
    agreement->now.listed = agreement_is_active(agreement) && agreement->provisioned;
    world_buyer(world, agreement->account);

    struct agreement *kept = arena_alloc(&world->arena, sizeof(*kept));
    *kept = *agreement;
    world_add_agreement(world, kept);
    return 0;
}

static int load_token(void *arg, const struct json *object, struct error *error)
{
    struct world *world = arg;
    struct token_file file = {0};

    if (fields_load(&world->arena, token_fields, &file, object, error) < 0)
        return -1;
    file.token.agreement = world_agreement(world, file.agreement);
    if (!file.token.agreement)
        return error_set(error, "no agreement is called " STR_FMT, STR_ARG(file.agreement));

    struct token *kept = arena_alloc(&world->arena, sizeof(*kept));
    *kept = file.token;
    STAILQ_INSERT_TAIL(&world->tokens, kept, link);
    return 0;
}

int world_configure(struct world *world, const struct json *object, struct error *error)
{
    struct world changed = *world;

    /* The arena is the world's own, whatever else the copy holds. */
    if (fields_load(&world->arena, world_fields, &changed, object, error) < 0)
        return -1;
    if (changed.quota_per_second < 0 || changed.token_lifetime_s < 0)
        return error_set(error, "a quota and a lifetime must not be negative");
    if (!changed.region.len || !changed.registration_url.len || !changed.container_token.len)
        return error_set(error, "region, registration_url and container_token must not be empty");
    fields_copy(world_fields, world, &changed);
    return 0;
}

/* In the order in which they refer to each other. */
static const struct {
    const char *name;
    fields_item_fn *load;
} lists[] = {
    {"sellers", load_seller},       {"access_keys", load_access_key},
    {"buyers", load_buyer},         {"products", load_product},
    {"agreements", load_agreement}, {"usage", load_usage},
    {"tokens", load_token},         {"queues", NULL}, /* queue_json.c's */
};

static int load_settings(struct world *world, const struct json *object, struct error *error)
{
    struct json *settings = json_clone(object);

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        json_remove(settings, lists[i].name);
    int result = world_configure(world, settings, error);
    json_free(settings);
    return result;
}

int world_load(struct world *world, const struct json *object, struct error *error)
{
    if (json_kind(object) != JSON_KIND_OBJECT)
        return error_set(error, "a world is a JSON object");
    if (load_settings(world, object, error) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (lists[i].load && fields_load_list(lists[i].name, json_get(object, lists[i].name),
                                              lists[i].load, world, error) < 0)
            return -1;
    }
    return 0;
}

static void save_agreements(const struct world *world, struct json *object)
{
    struct json *list = json_new_array();
    const struct agreement *agreement;

    STAILQ_FOREACH (agreement, &world->agreements, link) {
        struct agreement_file file = {.agreement = *agreement};
        struct json *item = fields_json(agreement_fields, &file);
        json_set(item, "entitlements", entitlements_save(&agreement->now));
        json_add(list, item);
    }
    json_set(object, "agreements", list);
}

static void save_tokens(const struct world *world, struct json *object)
{
    struct json *list = json_new_array();
    const struct token *token;

    STAILQ_FOREACH (token, &world->tokens, link) {
        struct token_file file = {.token = *token, .agreement = token->agreement->id};
        struct json *item = fields_json(token_fields, &file);
        json_add(list, item);
    }
    json_set(object, "tokens", list);
}

#define SAVE_LIST(object, name, type, head, fields)                                                \
    do {                                                                                           \
        struct json *list_ = json_new_array();                                                     \
        const struct type *record_;                                                                \
        STAILQ_FOREACH (record_, head, link) {                                                     \
            json_add(list_, fields_json(fields, record_));                                         \
        }                                                                                          \
        json_set(object, name, list_);                                                             \
    } while (0)

void world_save(const struct world *world, struct json *object)
{
    fields_save(world_fields, world, object);
    SAVE_LIST(object, "sellers", seller, &world->sellers, seller_fields);
    SAVE_LIST(object, "access_keys", access_key, &world->keys, key_fields);
    SAVE_LIST(object, "buyers", buyer, &world->buyers, buyer_fields);
    SAVE_LIST(object, "products", product, &world->products, product_fields);
    save_agreements(world, object);
    save_tokens(world, object);
    SAVE_LIST(object, "usage", usage, &world->usage, usage_fields);
}
