#include "services/sandbox/fields.h"

#include <string.h>

static const char *const kind_text[] = {
    [FIELD_STR] = "a string",        [FIELD_INTEGER] = "a whole number",
    [FIELD_BOOL] = "true or false",  [FIELD_NAMES] = "a list of strings",
    [FIELD_JSON] = "any JSON value",
};

static bool load_names(struct arena *arena, struct names *names, const struct json *value)
{
    bool single = json_kind(value) == JSON_KIND_STRING;

    if (!single && json_kind(value) != JSON_KIND_ARRAY)
        return false;
    size_t count = single ? 1 : json_count(value);
    struct str *list = arena_alloc_array(arena, count + 1, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        const struct json *item = single ? value : json_at(value, i);
        if (json_kind(item) != JSON_KIND_STRING)
            return false;
        list[i] = arena_str(arena, json_str(item));
    }
    *names = (struct names){list, count};
    return true;
}

static bool load_field(struct arena *arena, const struct field *field, void *record,
                       const struct json *value)
{
    void *member = (char *)record + field->offset;

    switch (field->kind) {
    case FIELD_STR:
        if (json_kind(value) != JSON_KIND_STRING)
            return false;
        *(struct str *)member = arena_str(arena, json_str(value));
        return true;
    case FIELD_INTEGER:
        return json_int(value, member);
    case FIELD_BOOL:
        return json_bool(value, member);
    case FIELD_NAMES:
        return load_names(arena, member, value);
    case FIELD_JSON:
        *(const struct json **)member = value;
        return true;
    }
    return false;
}

struct load {
    struct arena *arena;
    const struct field *fields;
    void *record;
    struct error *error;
    int result;
};

static void load_member(void *arg, struct str key, const struct json *value)
{
    struct load *load = arg;

    if (load->result < 0)
        return;
    for (const struct field *field = load->fields; field->name; field++) {
        if (!str_eq_text(key, field->name))
            continue;
        if (json_kind(value) != JSON_KIND_NULL &&
            !load_field(load->arena, field, load->record, value))
            load->result =
                error_set(load->error, "'%s' must be %s", field->name, kind_text[field->kind]);
        return;
    }
    load->result = error_set(load->error, "'" STR_FMT "' is not known here", STR_ARG(key));
}

/* An empty text is not written, and a file that lacks it would not be taken again. */
static int check_required(const struct field *field, const struct json *value, struct error *error)
{
    enum json_kind kind = json_kind(value);

    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL)
        return error_set(error, "'%s' is missing", field->name);
    if (field->kind == FIELD_STR && str_is_empty(json_str(value)))
        return error_set(error, "'%s' must not be empty", field->name);
    return 0;
}

int fields_load(struct arena *arena, const struct field *fields, void *record,
                const struct json *object, struct error *error)
{
    struct load load = {arena, fields, record, error, 0};

    if (json_kind(object) != JSON_KIND_OBJECT)
        return error_set(error, "a JSON object is expected");
    json_each(object, load_member, &load);
    for (const struct field *field = fields; field->name && load.result == 0; field++) {
        if (field->required)
            load.result = check_required(field, json_get(object, field->name), error);
    }
    return load.result;
}

static void save_names(const struct names *names, const char *name, struct json *object)
{
    struct json *array = json_new_array();

    for (size_t i = 0; i < names->count; i++)
        json_add(array, json_new_str(names->list[i]));
    json_set(object, name, array);
}

void fields_save(const struct field *fields, const void *record, struct json *object)
{
    for (const struct field *field = fields; field->name; field++) {
        const void *member = (const char *)record + field->offset;
        switch (field->kind) {
        case FIELD_STR:
            if (!str_is_empty(*(const struct str *)member))
                json_set_str(object, field->name, *(const struct str *)member);
            break;
        case FIELD_INTEGER:
            json_set_integer(object, field->name, *(const int64_t *)member);
            break;
        case FIELD_BOOL:
            json_set_bool(object, field->name, *(const bool *)member);
            break;
        case FIELD_NAMES:
            save_names(member, field->name, object);
            break;
        case FIELD_JSON:
            break;
        }
    }
}

struct json *fields_json(const struct field *fields, const void *record)
{
    struct json *object = json_new_object();

    fields_save(fields, record, object);
    return object;
}

void fields_copy(const struct field *fields, void *to, const void *from)
{
    static const size_t sizes[] = {
        [FIELD_STR] = sizeof(struct str),     [FIELD_INTEGER] = sizeof(int64_t),
        [FIELD_BOOL] = sizeof(bool),          [FIELD_NAMES] = sizeof(struct names),
        [FIELD_JSON] = sizeof(struct json *),
    };

    for (const struct field *field = fields; field->name; field++)
        memcpy((char *)to + field->offset, (const char *)from + field->offset, sizes[field->kind]);
}

int fields_load_list(const char *name, const struct json *list, fields_item_fn *load, void *arg,
                     struct error *error)
{
    if (list && json_kind(list) != JSON_KIND_ARRAY)
        return error_set(error, "'%s' must be a list", name);
    for (size_t i = 0; i < json_count(list); i++) {
        if (load(arg, json_at(list, i), error) < 0)
            return error_prefix(error, "%s[%zu]", name, i);
    }
    return 0;
}

bool names_hold(const struct names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(names->list[i], name))
            return true;
    }
    return false;
}
