#include "services/checker/entitlement_answer.h"

#include <math.h>
#include <string.h>

static const char *filter_key(enum scope scope)
{
    switch (scope) {
    case SCOPE_LICENSE:
        return "LICENSE_ARN";
    case SCOPE_CUSTOMER_IDENTIFIER:
        return "CUSTOMER_IDENTIFIER";
    case SCOPE_ACCOUNT:
        return "CUSTOMER_AWS_ACCOUNT_ID";
    case scope_none:
    case scope_count:
        break;
    }
    return NULL;
}

void entitlement_question_write(const struct entitlement_question *question, struct buf *out)
{
    struct json *root = json_new_object();
    const char *key = filter_key(question->scope);

    json_set_str(root, "ProductCode", question->product_code);
    if (key) {
        struct json *filter = json_new_object();
        struct json *values = json_new_array();
        for (size_t i = 0; i < question->key_count; i++)
            json_add(values, json_new_str(question->keys[i]));
        json_set(filter, key, values);
        json_set(root, "Filter", filter);
    }
    json_set_integer(root, "MaxResults", question->max_results);
    if (question->next_token.len > 0)
        json_set_str(root, "NextToken", question->next_token);
    json_write(root, out);
    json_free(root);
}

/* The texts of a row, by the limits that messages.def gives them. */
struct text_member {
    const char *name;
    size_t offset;
};

static const struct text_member text_members[] = {
    {"ProductCode", offsetof(struct aws_entitlement, product_code)},
    {"LicenseArn", offsetof(struct aws_entitlement, license_arn)},
    {"CustomerAWSAccountId", offsetof(struct aws_entitlement, account_id)},
    {"CustomerIdentifier", offsetof(struct aws_entitlement, customer_identifier)},
    {"Dimension", offsetof(struct aws_entitlement, dimension)},
};

static size_t limit_at(size_t offset)
{
    for (size_t i = 0; i < shape_aws_entitlement.field_count; i++) {
        if (shape_aws_entitlement.fields[i].offset == offset)
            return shape_aws_entitlement.fields[i].limit;
    }
    return 0;
}

static bool is_absent(const struct json *value)
{
    enum json_kind kind = json_kind(value);

    return kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL;
}

static bool read_text(const struct json *value, const struct text_member *member,
                      struct arena *arena, struct str *ret_text, struct error *error)
{
    struct str text = json_str(value);

    if (is_absent(value))
        return true;
    if (json_kind(value) != JSON_KIND_STRING)
        error_set(error, "'%s' is not a string", member->name);
    else if (text.len > limit_at(member->offset))
        error_set(error, "'%s' is longer than AWS allows", member->name);
    else
        *ret_text = arena_str(arena, text);
    return ret_text->len == text.len && json_kind(value) == JSON_KIND_STRING;
}

/* What names its owner is read whole or not at all: half of it would name another. */
static bool read_texts(const struct json *from, struct arena *arena, struct aws_entitlement *row,
                       struct error *error)
{
    for (size_t i = 0; i < sizeof(text_members) / sizeof(text_members[0]); i++) {
        const struct text_member *member = &text_members[i];
        struct str *text = (struct str *)((char *)row + member->offset);
        if (read_text(json_get(from, member->name), member, arena, text, error))
            continue;
        if (text != &row->dimension)
            *row = (struct aws_entitlement){0};
        return false;
    }
    return true;
}

static bool whole_number(double number, int64_t *ret_number)
{
    const double limit = 9007199254740992.0; /* 2^53: from there on a double skips integers */

    if (!(number > -limit && number < limit))
        return false;
    *ret_number = (int64_t)floor(number);
    return true;
}

/* Also 25.0 and 2.5E1: JSON does not tell integers from other numbers. */
static bool read_integer(const struct json *value, int64_t *ret_integer)
{
    double number;

    if (json_int(value, ret_integer))
        return true;
    return json_number(value, &number) && number == floor(number) &&
           whole_number(number, ret_integer);
}

/* Exactly one of the four members is set; "GetEntitlements API reference, EntitlementValue". */
static struct value read_value(const struct json *from, struct arena *arena)
{
    enum { STRING_LIMIT = 4096 };
    struct value value = {.kind = VALUE_NONE};
    struct str text = json_get_str(from, "StringValue");

    if (read_integer(json_get(from, "IntegerValue"), &value.integer)) {
        value.kind = VALUE_INTEGER;
    } else if (json_number(json_get(from, "DoubleValue"), &value.number)) {
        value.kind = VALUE_DOUBLE;
    } else if (json_bool(json_get(from, "BooleanValue"), &value.boolean)) {
        value.kind = VALUE_BOOLEAN;
    } else if (json_kind(json_get(from, "StringValue")) == JSON_KIND_STRING &&
               text.len <= STRING_LIMIT) {
        value.kind = VALUE_STRING;
        value.string = arena_str(arena, text);
    }
    return value;
}

/* Seconds since the epoch, perhaps with a fraction or an exponent (AWS JSON protocol). A number
 * that as seconds lies beyond the year 9999, and as milliseconds in the time of AWS Marketplace or
 * later, is milliseconds. Any other that is no date AWS Marketplace could mean cannot be read: it
 * must not pass for "no date", which never expires, nor for one long past. */
static bool read_date(const struct json *value, int64_t *ret_time_s, struct error *error)
{
    const int64_t last_s = 253402300799;    /* of the year 9999 */
    const int64_t first_ms = 1262304000000; /* 2010; AWS Marketplace opened in 2012 */
    double number;
    int64_t time;

    if (is_absent(value))
        return true;
    bool readable = json_number(value, &number) && whole_number(number, &time) && time > 0;
    if (readable && time > last_s) {
        readable = time >= first_ms;
        time /= 1000;
    }
    if (!readable || time > last_s) {
        error_set(error, "'ExpirationDate' is not a time in seconds");
        return false;
    }
    *ret_time_s = time;
    return true;
}

static bool read_row(const struct json *from, struct str product_code, struct arena *arena,
                     struct aws_entitlement *row, struct error *error)
{
    if (json_kind(from) != JSON_KIND_OBJECT) {
        error_set(error, "an entitlement is not an object");
        return false;
    }
    if (!read_texts(from, arena, row, error))
        return false;
    if (row->product_code.len > 0 && !str_eq(row->product_code, product_code)) {
        error_set(error, "an entitlement of product '" STR_FMT "' came for product '" STR_FMT "'",
                  STR_ARG(row->product_code), STR_ARG(product_code));
        *row = (struct aws_entitlement){0};
        return false;
    }
    row->value = read_value(json_get(from, "Value"), arena);
    return read_date(json_get(from, "ExpirationDate"), &row->expires_at, error);
}

static struct aws_entitlement *add_row(struct entitlement_rows *rows, struct arena *arena)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : ENTITLEMENT_PAGE_ROWS;
        struct aws_entitlement *items = arena_alloc_array(arena, capacity, sizeof(*items));
        if (rows->count > 0)
            memcpy(items, rows->items, rows->count * sizeof(*items));
        rows->items = items;
        rows->capacity = capacity;
    }
    rows->items[rows->count] = (struct aws_entitlement){0};
    return &rows->items[rows->count++];
}

/* The list may be missing altogether, which is an empty one. */
static int read_rows(const struct json *list, struct str product_code, struct arena *arena,
                     struct entitlement_rows *rows, struct error *error)
{
    if (is_absent(list))
        return 0;
    if (json_kind(list) != JSON_KIND_ARRAY)
        return error_set(error, "'Entitlements' is not a list");
    for (size_t i = 0; i < json_count(list); i++) {
        struct aws_entitlement *row = add_row(rows, arena);
        struct error why;
        if (read_row(json_at(list, i), product_code, arena, row, &why))
            continue;
        row->unreadable = true;
        if (rows->unreadable++ == 0)
            rows->why = why;
    }
    return 0;
}

int entitlement_page_read(const struct json *body, struct str product_code, struct arena *arena,
                          struct entitlement_rows *rows, struct str *ret_next_token,
                          struct error *error)
{
    const struct json *token = json_get(body, "NextToken");

    if (json_kind(body) != JSON_KIND_OBJECT)
        return error_set(error, "the answer is not an object");
    if (!is_absent(token) && json_kind(token) != JSON_KIND_STRING)
        return error_set(error, "'NextToken' is not a string");
    if (read_rows(json_get(body, "Entitlements"), product_code, arena, rows, error) < 0)
        return -1;
    *ret_next_token = arena_str(arena, json_str(token));
    return 0;
}
