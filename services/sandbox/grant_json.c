/* What was bought, as JSON: in world files and in the verbs of buyers. */
#include "services/sandbox/world_json.h"

static int load_value(struct arena *arena, struct value *value, const struct json *json)
{
    switch (json_kind(json)) {
    case JSON_KIND_INTEGER:
        value->kind = VALUE_INTEGER;
        return json_int(json, &value->integer) ? 0 : -1;
    case JSON_KIND_REAL:
        value->kind = VALUE_DOUBLE;
        return json_number(json, &value->number) ? 0 : -1;
    case JSON_KIND_BOOL:
        value->kind = VALUE_BOOLEAN;
        return json_bool(json, &value->boolean) ? 0 : -1;
    case JSON_KIND_STRING:
        value->kind = VALUE_STRING;
        value->text = arena_str(arena, json_str(json));
        return 0;
    default:
        return -1;
    }
}

struct json *value_json(const struct value *value)
{
    switch (value->kind) {
    case VALUE_INTEGER:
        return json_new_integer(value->integer);
    case VALUE_DOUBLE:
        return json_new_number(value->number);
    case VALUE_BOOLEAN:
        return json_new_bool(value->boolean);
    case VALUE_STRING:
        return json_new_str(value->text);
    }
    return json_new_null();
}

struct entitlement_file {
    struct str dimension;
    const struct json *value;
    int64_t expires_at;
};

static const struct field entitlement_fields[] = {
    {"dimension", FIELD_STR, offsetof(struct entitlement_file, dimension), true},
    {"value", FIELD_JSON, offsetof(struct entitlement_file, value), true},
    {"expires_at", FIELD_INTEGER, offsetof(struct entitlement_file, expires_at), false},
    FIELD_END,
};

struct entitlement_load {
    struct world *world;
    const struct product *product;
    struct grant *grant;
    struct error *error;
    int result;
};

static int add_entitlement(struct entitlement_load *load, const struct entitlement_file *file)
{
    struct entitlement *entitlement = &load->grant->list[load->grant->count];

    if (!names_hold(&load->product->dimensions, file->dimension))
        return error_set(load->error, "the product has no dimension '" STR_FMT "'",
                         STR_ARG(file->dimension));
    entitlement->dimension = arena_str(&load->world->arena, file->dimension);
    entitlement->expires_at = file->expires_at;
    if (load_value(&load->world->arena, &entitlement->value, file->value) < 0)
        return error_set(load->error,
                         "dimension '" STR_FMT "' needs a number, true, false or a string",
                         STR_ARG(file->dimension));
    load->grant->count++;
    return 0;
}

static void load_member(void *arg, struct str key, const struct json *value)
{
    struct entitlement_load *load = arg;
    struct entitlement_file file = {.dimension = key, .value = value};

    if (load->result == 0)
        load->result = add_entitlement(load, &file);
}

int entitlements_load(struct world *world, const struct product *product, struct grant *grant,
                      const struct json *value, struct error *error)
{
    struct grant loaded = *grant;
    struct entitlement_load load = {world, product, &loaded, error, 0};
    enum json_kind type = json_kind(value);

    if (type != JSON_KIND_OBJECT && type != JSON_KIND_ARRAY)
        return error_set(error, "dimensions are {\"NAME\": VALUE} or a list of "
                                "{\"dimension\", \"value\", \"expires_at\"}");
    loaded.count = 0;
    loaded.list =
        arena_alloc_array(&world->arena, json_count(value) + 1, sizeof(struct entitlement));
    if (type == JSON_KIND_OBJECT)
        json_each(value, load_member, &load);
    for (size_t i = 0; type == JSON_KIND_ARRAY && i < json_count(value) && load.result == 0; i++) {
        struct entitlement_file file = {0};
        load.result =
            fields_load(&world->arena, entitlement_fields, &file, json_at(value, i), error);
        if (load.result == 0)
            load.result = add_entitlement(&load, &file);
    }
    if (load.result == 0)
        *grant = loaded;
    return load.result;
}

struct json *entitlements_save(const struct grant *grant)
{
    struct json *list = json_new_array();

    for (size_t i = 0; i < grant->count; i++) {
        struct json *item = json_new_object();
        json_set_str(item, "dimension", grant->list[i].dimension);
        json_set(item, "value", value_json(&grant->list[i].value));
        if (grant->list[i].expires_at != 0)
            json_set_integer(item, "expires_at", grant->list[i].expires_at);
        json_add(list, item);
    }
    return list;
}
