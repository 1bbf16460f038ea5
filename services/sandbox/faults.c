#include "services/sandbox/faults.h"

#include <string.h>

#include "services/sandbox/fields.h"

static const char *const names[FAULT_KIND_COUNT] = {
    [FAULT_NONE] = "none",
    [FAULT_THROTTLE] = "throttle",
    [FAULT_ERROR500] = "error500",
    [FAULT_DENY] = "deny",
    [FAULT_DELAY] = "delay",
    [FAULT_HANG] = "hang",
    [FAULT_TRUNCATE] = "truncate",
    [FAULT_EMPTY] = "empty",
    [FAULT_STALE] = "stale",
    [FAULT_MISSING_MEMBER] = "missing_member",
    [FAULT_WRONG_ACCOUNT] = "wrong_account",
    [FAULT_DUPLICATE] = "duplicate",
    [FAULT_REORDER] = "reorder",
    [FAULT_LOSE] = "lose",
    [FAULT_TAMPER] = "tamper",
};

/* What can happen to a notification on its way to the queue. */
static bool fits_events(enum fault_kind kind)
{
    return kind == FAULT_DUPLICATE || kind == FAULT_REORDER || kind == FAULT_LOSE ||
           kind == FAULT_TAMPER;
}

static bool fits_credentials(enum fault_kind kind)
{
    return !fits_events(kind) && kind != FAULT_DENY && kind != FAULT_DELAY &&
           kind != FAULT_WRONG_ACCOUNT;
}

static bool fits_certificates(enum fault_kind kind)
{
    return kind == FAULT_THROTTLE || kind == FAULT_ERROR500 || kind == FAULT_TRUNCATE ||
           kind == FAULT_EMPTY;
}

void faults_init(struct faults *faults)
{
    *faults = (struct faults){0};
    STAILQ_INIT(&faults->armed);
}

void faults_done(struct faults *faults)
{
    arena_done(&faults->arena);
}

void faults_clear(struct faults *faults)
{
    faults_done(faults);
    faults_init(faults);
}

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

static enum fault_kind kind_of(struct str name)
{
    for (int kind = FAULT_THROTTLE; kind < FAULT_KIND_COUNT; kind++) {
        if (str_eq_text(name, names[kind]))
            return (enum fault_kind)kind;
    }
    return FAULT_NONE;
}

struct fault_ask {
    struct str operation, kind, member;
    int64_t count, delay_ms;
};

static const struct field ask_fields[] = {
    {"operation", FIELD_STR, offsetof(struct fault_ask, operation), true},
    {"kind", FIELD_STR, offsetof(struct fault_ask, kind), true},
    {"member", FIELD_STR, offsetof(struct fault_ask, member), false},
    {"count", FIELD_INTEGER, offsetof(struct fault_ask, count), false},
    {"delay_ms", FIELD_INTEGER, offsetof(struct fault_ask, delay_ms), false},
    FIELD_END,
};

static int check_ask(const struct fault_ask *ask, enum fault_kind kind, struct error *error)
{
    bool events = str_eq(ask->operation, STR(FAULT_EVENTS));
    bool credentials =
        str_eq(ask->operation, STR(FAULT_METADATA)) || str_eq(ask->operation, STR(FAULT_CONTAINER));

    if (kind == FAULT_NONE)
        return error_set(error, "no fault is called '" STR_FMT "'", STR_ARG(ask->kind));
    if (events && !fits_events(kind))
        return error_set(error, "events can be lost, duplicated, reordered or tampered with");
    if (credentials && !fits_credentials(kind))
        return error_set(error, "credentials cannot have the fault '" STR_FMT "'",
                         STR_ARG(ask->kind));
    if (str_eq(ask->operation, STR(FAULT_CERTIFICATE)) && !fits_certificates(kind))
        return error_set(error, "a certificate can be throttled, refused, truncated or empty");
    if (kind == FAULT_STALE && !credentials && !str_eq(ask->operation, STR("GetEntitlements")))
        return error_set(error, "only GetEntitlements and given credentials can be stale");
    if (kind == FAULT_MISSING_MEMBER && str_is_empty(ask->member))
        return error_set(error, "'member' is missing");
    if (ask->count == 0 || ask->count < -1)
        return error_set(error, "'count' must be 1 or more, or -1 for until cleared");
    if (ask->delay_ms < 0)
        return error_set(error, "'delay_ms' must not be negative");
    return 0;
}

int faults_arm(struct faults *faults, const struct json *object, struct error *error)
{
    struct fault_ask ask = {.count = 1};

    if (fields_load(&faults->arena, ask_fields, &ask, object, error) < 0)
        return -1;
    enum fault_kind kind = kind_of(ask.kind);
    if (check_ask(&ask, kind, error) < 0)
        return -1;

    struct armed_fault *armed = arena_alloc(&faults->arena, sizeof(*armed));
    armed->operation = ask.operation;
    armed->left = ask.count;
    armed->fault = (struct fault){kind, ask.delay_ms, ask.member};
    STAILQ_INSERT_TAIL(&faults->armed, armed, link);
    return 0;
}

struct fault faults_take(struct faults *faults, struct str operation)
{
    struct armed_fault *armed;

    STAILQ_FOREACH (armed, &faults->armed, link) {
        if (!str_eq(armed->operation, operation))
            continue;
        struct fault fault = armed->fault;
        if (armed->left > 0 && --armed->left == 0)
            STAILQ_REMOVE(&faults->armed, armed, armed_fault, link);
        return fault;
    }
    return (struct fault){0};
}

struct json *faults_list(const struct faults *faults)
{
    struct json *list = json_new_array();
    const struct armed_fault *armed;

    STAILQ_FOREACH (armed, &faults->armed, link) {
        struct json *item = json_new_object();
        json_set_str(item, "operation", armed->operation);
        json_set_str(item, "kind", str_of(fault_name(armed->fault.kind)));
        json_set_integer(item, "count", armed->left);
        json_add(list, item);
    }
    return list;
}

static struct json *without_member(const struct json *value, struct str member);

struct member_copy {
    struct json *object;
    struct str member;
};

static void copy_member(void *arg, struct str key, const struct json *value)
{
    struct member_copy *copy = arg;

    if (!str_eq(key, copy->member))
        json_set(copy->object, key.ptr, without_member(value, copy->member));
}

static struct json *without_member(const struct json *value, struct str member)
{
    struct json *result;

    switch (json_kind(value)) {
    case JSON_KIND_OBJECT:
        result = json_new_object();
        json_each(value, copy_member, &(struct member_copy){result, member});
        return result;
    case JSON_KIND_ARRAY:
        result = json_new_array();
        for (size_t i = 0; i < json_count(value); i++)
            json_add(result, without_member(json_at(value, i), member));
        return result;
    default:
        return json_clone(value);
    }
}

static struct json *spoiled_list(enum fault_kind kind, const struct json *list)
{
    struct json *result = json_new_array();
    size_t count = json_count(list);

    for (size_t i = kind == FAULT_LOSE ? 1 : 0; i < count; i++) {
        json_add(result, json_clone(json_at(list, kind == FAULT_REORDER ? count - 1 - i : i)));
        if (kind == FAULT_DUPLICATE)
            json_add(result, json_clone(json_at(list, i)));
    }
    return result;
}

/* Alters the text but not the digest that stands beside it. */
static void tamper_message(struct json *message)
{
    struct buf text = BUF_INIT;

    buf_append_str(&text, json_get_str(message, "Body"));
    buf_append_char(&text, ' ');
    json_set_str(message, "Body", buf_str(&text));
    buf_done(&text);
}

static struct json *tampered_list(const struct json *list)
{
    struct json *result = json_new_array();

    for (size_t i = 0; i < json_count(list); i++) {
        struct json *item = json_clone(json_at(list, i));
        if (json_get(item, "Body"))
            tamper_message(item);
        if (json_get(item, "ExpirationDate") && i == 0)
            json_set_str(item, "ExpirationDate", STR("soon"));
        json_add(result, item);
    }
    return result;
}

void fault_spoil(const struct fault *fault, struct json **body)
{
    static const char *const lists[] = {"Entitlements", "Messages", "Results"};

    if (fault->kind == FAULT_MISSING_MEMBER) {
        struct json *spoiled = without_member(*body, fault->member);
        json_free(*body);
        *body = spoiled;
    }
    if (!fits_events(fault->kind))
        return;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct json *list = json_get(*body, lists[i]);
        if (list)
            json_set(*body, lists[i],
                     fault->kind == FAULT_TAMPER ? tampered_list(list)
                                                 : spoiled_list(fault->kind, list));
    }
}
