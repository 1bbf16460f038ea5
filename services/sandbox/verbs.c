#include "services/sandbox/verbs.h"

#include "common/base/mem.h"
#include "services/sandbox/market_verbs.h"
#include "services/sandbox/waits.h"
#include "services/sandbox/world_json.h"

static int do_fault(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                    struct error *error)
{
    if (faults_arm(&sandbox->faults, ask, error) < 0)
        return -1;
    json_set(reply, "faults", faults_list(&sandbox->faults));
    return 0;
}

static int do_faults(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                     struct error *error)
{
    (void)ask;
    (void)error;
    json_set(reply, "faults", faults_list(&sandbox->faults));
    return 0;
}

static int do_faults_clear(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                           struct error *error)
{
    faults_clear(&sandbox->faults);
    return do_faults(sandbox, ask, reply, error);
}

struct event_ask {
    struct str queue;
    const struct json *body;
};

static const struct field event_fields[] = {
    {"queue", FIELD_STR, offsetof(struct event_ask, queue), false},
    {"body", FIELD_JSON, offsetof(struct event_ask, body), true},
    FIELD_END,
};

static int do_send_event(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                         struct error *error)
{
    struct event_ask event = {.queue = STR("mp-events")};
    struct arena arena = ARENA_INIT;
    struct buf text = BUF_INIT;
    int result = fields_load(&arena, event_fields, &event, ask, error);
    struct queue *queue = queues_find_by_name(&sandbox->queues, event.queue);

    if (result == 0 && !queue)
        result = error_set(error, "no queue is called " STR_FMT, STR_ARG(event.queue));
    if (result == 0) {
        if (json_kind(event.body) == JSON_KIND_STRING)
            buf_append_str(&text, json_str(event.body));
        else
            json_write(event.body, &text);
        const struct message *message = queue_send(queue, buf_str(&text), STR("AIDAFIXTURE"), 0);
        json_set_str(reply, "message_id", str_of(message->id));
    }
    buf_done(&text);
    arena_done(&arena);
    return result;
}

struct log_ask {
    int64_t since;
};

static const struct field log_fields[] = {
    {"since", FIELD_INTEGER, offsetof(struct log_ask, since), false},
    FIELD_END,
};

static void move_member(void *arg, struct str name, const struct json *value)
{
    json_set(arg, name.ptr, json_clone(value));
}

static int do_log(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                  struct error *error)
{
    struct log_ask want = {0};

    if (fields_load(&sandbox->world.arena, log_fields, &want, ask, error) < 0)
        return -1;
    struct json *log = call_log_json(&sandbox->log, want.since > 0 ? (uint64_t)want.since : 0);
    json_each(log, move_member, reply);
    json_free(log);
    return 0;
}

static int do_expire_credentials(struct sandbox *sandbox, const struct json *ask,
                                 struct json *reply, struct error *error)
{
    (void)ask;
    (void)error;
    json_set_integer(reply, "expired", world_expire_keys(&sandbox->world));
    return 0;
}

static int do_reset(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                    struct error *error)
{
    (void)ask;
    (void)reply;
    return sandbox_reset(sandbox, error);
}

static int do_world(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                    struct error *error)
{
    struct json *world = sandbox_world_json(sandbox);
    (void)ask;
    (void)error;

    json_each(world, move_member, reply);
    json_free(world);
    return 0;
}

struct queue_ask {
    struct str queue;
};

static const struct field queue_fields[] = {
    {"queue", FIELD_STR, offsetof(struct queue_ask, queue), false},
    FIELD_END,
};

static int do_redrive(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                      struct error *error)
{
    struct queue_ask want = {.queue = STR("mp-events-dlq")};

    if (fields_load(&sandbox->world.arena, queue_fields, &want, ask, error) < 0)
        return -1;
    struct queue *queue = queues_find_by_name(&sandbox->queues, want.queue);
    if (!queue)
        return error_set(error, "no queue is called " STR_FMT, STR_ARG(want.queue));
    json_set_integer(reply, "moved", (int64_t)queue_redrive(queue));
    return 0;
}

/* Takes everything out of a queue: a test that plays the messenger puts it into another one when it
 * likes. */
static int do_take(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                   struct error *error)
{
    struct queue_ask want = {.queue = STR("mp-events")};
    struct message *message;

    if (fields_load(&sandbox->world.arena, queue_fields, &want, ask, error) < 0)
        return -1;
    struct queue *queue = queues_find_by_name(&sandbox->queues, want.queue);
    if (!queue)
        return error_set(error, "no queue is called " STR_FMT, STR_ARG(want.queue));
    struct json *bodies = json_new_array();
    while ((message = TAILQ_FIRST(&queue->messages))) {
        json_add(bodies, json_new_str(message->body));
        queue_delete(queue, message);
    }
    json_set(reply, "bodies", bodies);
    return 0;
}

struct settings {
    struct sandbox *sandbox;
    struct error *error;
    int result;
};

static void set_product(void *arg, struct str code, const struct json *value)
{
    struct settings *settings = arg;
    struct world *world = &settings->sandbox->world;
    struct product *product = world_product(world, code);

    if (settings->result < 0)
        return;
    settings->result =
        product ? product_configure(world, product, value, settings->error)
                : error_set(settings->error, "no product has the code " STR_FMT, STR_ARG(code));
}

static void set_queue(void *arg, struct str name, const struct json *value)
{
    struct settings *settings = arg;
    struct queue *queue = queues_find_by_name(&settings->sandbox->queues, name);

    if (settings->result < 0)
        return;
    settings->result =
        queue ? queue_configure(queue, value, settings->error)
              : error_set(settings->error, "no queue is called " STR_FMT, STR_ARG(name));
}

static int do_settings(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                       struct error *error)
{
    struct settings settings = {sandbox, error, 0};
    struct json *plain = json_clone(ask);
    (void)reply;

    json_remove(plain, "products");
    json_remove(plain, "queues");
    settings.result = world_configure(&sandbox->world, plain, error);
    json_free(plain);
    json_each(json_get(ask, "products"), set_product, &settings);
    json_each(json_get(ask, "queues"), set_queue, &settings);
    return settings.result;
}

typedef int verb_fn(struct sandbox *sandbox, const struct json *ask, struct json *reply,
                    struct error *error);

struct verb {
    const char *name;
    verb_fn *fn;
    bool reads; /* may be asked by GET too */
};

static const struct verb verbs[] = {
    {"buy", verb_buy, false},
    {"token", verb_token, false},
    {"change", verb_change, false},
    {"renew", verb_renew, false},
    {"replace", verb_replace, false},
    {"cancel", verb_cancel, false},
    {"expire", verb_expire, false},
    {"subscribe_fail", verb_subscribe_fail, false},
    {"send_event", do_send_event, false},
    {"fault", do_fault, false},
    {"faults", do_faults, true},
    {"faults_clear", do_faults_clear, false},
    {"expire_credentials", do_expire_credentials, false},
    {"log", do_log, true},
    {"redrive", do_redrive, false},
    {"take", do_take, false},
    {"reset", do_reset, false},
    {"settings", do_settings, false},
    {"world", do_world, true},
};

static const struct verb *find_verb(struct str name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (str_eq_text(name, verbs[i].name))
            return &verbs[i];
    }
    return NULL;
}

int verb_run(struct sandbox *sandbox, struct str name, const struct json *ask, struct json *reply,
             struct error *error)
{
    const struct verb *verb = find_verb(name);

    return verb ? verb->fn(sandbox, ask, reply, error)
                : error_set(error, "there is no verb '" STR_FMT "'", STR_ARG(name));
}

void verbs_reply(struct http_exchange *exchange, int status, struct json *body)
{
    struct buf text = BUF_INIT;

    json_write(body, &text);
    json_free(body);
    http_exchange_reply(exchange, status, "application/json", buf_str(&text));
    buf_done(&text);
}

void verbs_reply_error(struct http_exchange *exchange, int status, const char *sentence)
{
    struct json *body = json_new_object();

    json_set_str(body, "error", str_of(sentence));
    verbs_reply(exchange, status, body);
}

/* GET takes its parameters from the query: there is only `since`. */
static struct json *query_ask(struct http_exchange *exchange)
{
    struct json *ask = json_new_object();
    int64_t since;

    if (str_to_i64(http_exchange_query(exchange, "since"), &since))
        json_set_integer(ask, "since", since);
    return ask;
}

/* 0, or the status of the refusal with its sentence. */
static int read_ask(struct http_exchange *exchange, struct str name, struct json **ret,
                    struct error *error)
{
    const struct verb *verb = find_verb(name);
    struct str method = http_exchange_method(exchange), body = http_exchange_body(exchange);
    bool waits = str_eq(name, STR("wait"));

    if (!verb && !waits) {
        error_set(error, "there is no verb '" STR_FMT "'", STR_ARG(name));
        return 404;
    }
    if (verb && verb->reads && str_eq(method, STR("GET"))) {
        *ret = query_ask(exchange);
        return 0;
    }
    if (!str_eq(method, STR("POST"))) {
        error_set(error, "'" STR_FMT "' is asked by POST", STR_ARG(name));
        return 405;
    }
    if (str_is_empty(body))
        *ret = json_new_object();
    else if (json_parse(ret, body, error) < 0)
        return 400;
    return 0;
}

void verbs_handle(struct sandbox *sandbox, struct http_exchange *exchange, struct str verb)
{
    struct error error = {{0}};
    cleanup(json_freep) struct json *ask = NULL;
    int refusal = read_ask(exchange, verb, &ask, &error);

    if (refusal != 0) {
        verbs_reply_error(exchange, refusal, error.text);
        return;
    }
    if (str_eq(verb, STR("wait"))) {
        waits_handle(sandbox, exchange, ask);
        return;
    }
    struct json *reply = json_new_object();
    if (verb_run(sandbox, verb, ask, reply, &error) < 0) {
        json_free(reply);
        verbs_reply_error(exchange, 400, error.text);
        return;
    }
    verbs_reply(exchange, 200, reply);
    waits_check(sandbox);
}
