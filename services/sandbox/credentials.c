#include "services/sandbox/credentials.h"

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/waits.h"

#define ROLE          "sandbox-role"
#define ROLES_PATH    "/latest/meta-data/iam/security-credentials/"
#define TEXT          "text/plain"
#define LONGEST_TTL_S 21600

struct metadata_token {
    STAILQ_ENTRY(metadata_token) link;
    struct str text;
    int64_t expires_at_ms; /* monotonic */
};

struct question {
    struct sandbox *sandbox;
    struct http_exchange *exchange;
    const char *operation;
    struct fault fault;
};

static void note(const struct question *question, const char *outcome, bool refused)
{
    struct call_log *log = &question->sandbox->log;
    struct json *parameters = json_new_object();

    json_set_str(parameters, "path", http_exchange_path(question->exchange));
    uint64_t number = call_log_begin(log, str_of(question->operation), STR_NONE, parameters);
    call_log_end(log, number, outcome, refused, fault_name(question->fault.kind));
    json_free(parameters);
}

static void reply(struct question *question, int status, const char *content_type, struct str body)
{
    struct sandbox *sandbox = question->sandbox;

    note(question, status < 400 ? "ok" : "refused", status >= 400);
    if (question->fault.kind == FAULT_TRUNCATE)
        http_exchange_reply_truncated(question->exchange, status, content_type, body, body.len / 2);
    else
        http_exchange_reply(question->exchange, status, content_type, body);
    waits_check(sandbox);
}

static void give_token(struct question *question)
{
    enum { TOKEN_BYTES = 36 };
    struct world *world = &question->sandbox->world;
    struct http_exchange *exchange = question->exchange;
    int64_t ttl_s;

    /* A forwarded request has passed a proxy: it did not begin on this machine. */
    if (!str_is_empty(http_exchange_header(exchange, "X-Forwarded-For"))) {
        reply(question, 403, TEXT, STR(""));
        return;
    }
    if (!str_to_i64(http_exchange_header(exchange, "x-aws-ec2-metadata-token-ttl-seconds"),
                    &ttl_s) ||
        ttl_s < 1 || ttl_s > LONGEST_TTL_S) {
        reply(question, 400, TEXT, STR(""));
        return;
    }
    struct metadata_token *token = arena_alloc(&world->arena, sizeof(*token));
    token->text = world_new_secret(world, TOKEN_BYTES);
    token->expires_at_ms = clock_mono_ms() + ttl_s * 1000;
    STAILQ_INSERT_TAIL(&world->metadata_tokens, token, link);
    reply(question, 200, TEXT, token->text);
}

static bool has_token(const struct question *question)
{
    struct str text = http_exchange_header(question->exchange, "x-aws-ec2-metadata-token");
    const struct metadata_token *token;

    STAILQ_FOREACH (token, &question->sandbox->world.metadata_tokens, link) {
        if (str_eq(token->text, text) && token->expires_at_ms > clock_mono_ms())
            return true;
    }
    return false;
}

/* When AWS cannot renew an instance's credentials it hands out the old ones past their time, and
 * goes on accepting them. */
static struct json *new_credentials(const struct question *question)
{
    enum { STALE_S = 3600 };
    struct world *world = &question->sandbox->world;
    const struct seller *seller = STAILQ_FIRST(&world->sellers);
    struct str account = seller ? seller->account : STR_NONE;
    struct json *body = json_new_object();
    char expiration[CLOCK_TEXT_SIZE];
    bool stale = question->fault.kind == FAULT_STALE;
    const struct access_key *key = world_new_key(
        world, account,
        arena_printf(&world->arena, "arn:aws:sts::" STR_FMT ":assumed-role/" ROLE "/i-sandbox",
                     STR_ARG(account)),
        world->credentials_lifetime_s);
    int64_t expires_at = stale ? clock_wall_s() - STALE_S : key->expires_at;

    json_set_str(body, "AccessKeyId", key->id);
    json_set_str(body, "SecretAccessKey", key->secret);
    json_set_str(body, "Token", key->session_token);
    json_set_str(body, "Expiration", str_of(clock_format_s(expires_at, expiration)));
    return body;
}

/* Takes the body. */
static void reply_json(struct question *question, struct json *body)
{
    struct buf text = BUF_INIT;

    fault_spoil(&question->fault, &body);
    json_write(body, &text);
    json_free(body);
    reply(question, 200, "application/json", buf_str(&text));
    buf_done(&text);
}

static void give_role_credentials(struct question *question)
{
    struct json *body = new_credentials(question);
    char now[CLOCK_TEXT_SIZE];

    json_set_str(body, "Code", STR("Success"));
    json_set_str(body, "Type", STR("AWS-HMAC"));
    json_set_str(body, "LastUpdated", str_of(clock_format_s(clock_wall_s(), now)));
    reply_json(question, body);
}

static void give_metadata(struct question *question)
{
    struct str path = http_exchange_path(question->exchange);

    if (!has_token(question))
        reply(question, 401, TEXT, STR(""));
    else if (str_eq(path, STR(ROLES_PATH)))
        reply(question, 200, TEXT, STR(ROLE));
    else if (str_eq(path, STR(ROLES_PATH ROLE)))
        give_role_credentials(question);
    else if (str_eq(path, STR("/latest/meta-data/placement/region")))
        reply(question, 200, TEXT, question->sandbox->world.region);
    else
        reply(question, 404, TEXT, STR(""));
}

static void give_container_credentials(struct question *question)
{
    const struct seller *seller = STAILQ_FIRST(&question->sandbox->world.sellers);
    struct json *body = new_credentials(question);

    json_set_str(body, "AccountId", seller ? seller->account : STR_NONE);
    reply_json(question, body);
}

/* The task endpoint is known by its secret path, the pod endpoint asks for a token. */
static void give_pod_credentials(struct question *question)
{
    struct str given = http_exchange_header(question->exchange, "Authorization");

    if (crypto_equal(given, question->sandbox->world.container_token))
        give_container_credentials(question);
    else
        reply(question, 401, TEXT, STR("The token is not valid.\n"));
}

struct endpoint {
    const char *method;
    struct str path; /* or what it begins with */
    const char *operation;
    void (*answer)(struct question *question);
};

static const struct endpoint *find_endpoint(struct http_exchange *exchange)
{
    static const struct endpoint endpoints[] = {
        {"PUT", STR_INIT("/latest/api/token"), FAULT_METADATA, give_token},
        {"GET", STR_INIT("/latest/meta-data/"), FAULT_METADATA, give_metadata},
        {"GET", STR_INIT("/v2/credentials/"), FAULT_CONTAINER, give_container_credentials},
        {"GET", STR_INIT("/v1/credentials"), FAULT_CONTAINER, give_pod_credentials},
    };

    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct str path = endpoints[i].path;
        bool whole = path.ptr[path.len - 1] != '/';
        if (str_eq_text(http_exchange_method(exchange), endpoints[i].method) &&
            str_starts_with(http_exchange_path(exchange), path) &&
            (!whole || str_eq(http_exchange_path(exchange), path)))
            return &endpoints[i];
    }
    return NULL;
}

bool credentials_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    const struct endpoint *endpoint = find_endpoint(exchange);

    if (!endpoint)
        return false;
    struct question question = {sandbox, exchange, endpoint->operation,
                                faults_take(&sandbox->faults, str_of(endpoint->operation))};
    switch (question.fault.kind) {
    case FAULT_THROTTLE:
        reply(&question, 503, TEXT, STR("Slow down.\n"));
        break;
    case FAULT_ERROR500:
        reply(&question, 500, TEXT, STR(""));
        break;
    case FAULT_EMPTY:
        reply(&question, 200, "application/json", STR("{}"));
        break;
    case FAULT_HANG:
        note(&question, "unanswered", true);
        waits_check(sandbox);
        break;
    default:
        endpoint->answer(&question);
        break;
    }
    return true;
}
