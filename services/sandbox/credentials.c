#include "services/sandbox/credentials.h"

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "services/sandbox/waits.h"

#define ROLE          "sandbox-role"
#define ROLES_PATH    "/latest/meta-data/iam/security-credentials/"
#define METADATA      "InstanceMetadata"
#define CONTAINER     "ContainerCredentials"
#define TEXT          "text/plain"
#define LONGEST_TTL_S 21600

struct metadata_token {
    STAILQ_ENTRY(metadata_token) link;
    struct str text;
    int64_t expires_at_ms; /* monotonic */
};

static void reply(struct sandbox *sandbox, struct http_exchange *exchange, const char *operation,
                  int status, const char *content_type, struct str body)
{
    struct json *parameters = json_new_object();

    json_set_str(parameters, "path", http_exchange_path(exchange));
    uint64_t number = call_log_begin(&sandbox->log, str_of(operation), STR_NONE, parameters);
    call_log_end(&sandbox->log, number, status < 400 ? "ok" : "refused", status >= 400, "none");
    json_free(parameters);
    http_exchange_reply(exchange, status, content_type, body);
    waits_check(sandbox);
}

static void give_token(struct sandbox *sandbox, struct http_exchange *exchange)
{
    enum { TOKEN_BYTES = 36 };
    struct world *world = &sandbox->world;
    int64_t ttl_s;

    /* A forwarded request has passed a proxy: it did not begin on this machine. */
    if (!str_is_empty(http_exchange_header(exchange, "X-Forwarded-For"))) {
        reply(sandbox, exchange, METADATA, 403, TEXT, STR(""));
        return;
    }
    if (!str_to_i64(http_exchange_header(exchange, "x-aws-ec2-metadata-token-ttl-seconds"),
                    &ttl_s) ||
        ttl_s < 1 || ttl_s > LONGEST_TTL_S) {
        reply(sandbox, exchange, METADATA, 400, TEXT, STR(""));
        return;
    }
    struct metadata_token *token = arena_alloc(&world->arena, sizeof(*token));
    token->text = world_new_secret(world, TOKEN_BYTES);
    token->expires_at_ms = clock_mono_ms() + ttl_s * 1000;
    STAILQ_INSERT_TAIL(&world->metadata_tokens, token, link);
    reply(sandbox, exchange, METADATA, 200, TEXT, token->text);
}

static bool has_token(const struct sandbox *sandbox, const struct http_exchange *exchange)
{
    struct str text = http_exchange_header(exchange, "x-aws-ec2-metadata-token");
    const struct metadata_token *token;

    STAILQ_FOREACH (token, &sandbox->world.metadata_tokens, link) {
        if (str_eq(token->text, text) && token->expires_at_ms > clock_mono_ms())
            return true;
    }
    return false;
}

static struct json *new_credentials(struct sandbox *sandbox)
{
    struct world *world = &sandbox->world;
    const struct seller *seller = STAILQ_FIRST(&world->sellers);
    struct str account = seller ? seller->account : STR_NONE;
    struct json *body = json_new_object();
    char expiration[CLOCK_TEXT_SIZE];
    const struct access_key *key = world_new_key(
        world, account,
        arena_printf(&world->arena, "arn:aws:sts::" STR_FMT ":assumed-role/" ROLE "/i-sandbox",
                     STR_ARG(account)),
        world->credentials_lifetime_s);

    json_set_str(body, "AccessKeyId", key->id);
    json_set_str(body, "SecretAccessKey", key->secret);
    json_set_str(body, "Token", key->session_token);
    json_set_str(body, "Expiration", str_of(clock_format_s(key->expires_at, expiration)));
    return body;
}

/* Takes the body. */
static void reply_json(struct sandbox *sandbox, struct http_exchange *exchange,
                       const char *operation, struct json *body)
{
    struct buf text = BUF_INIT;

    json_write(body, &text);
    json_free(body);
    reply(sandbox, exchange, operation, 200, "application/json", buf_str(&text));
    buf_done(&text);
}

static void give_role_credentials(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct json *body = new_credentials(sandbox);
    char now[CLOCK_TEXT_SIZE];

    json_set_str(body, "Code", STR("Success"));
    json_set_str(body, "Type", STR("AWS-HMAC"));
    json_set_str(body, "LastUpdated", str_of(clock_format_s(clock_wall_s(), now)));
    reply_json(sandbox, exchange, METADATA, body);
}

static void give_metadata(struct sandbox *sandbox, struct http_exchange *exchange, struct str path)
{
    if (!has_token(sandbox, exchange))
        reply(sandbox, exchange, METADATA, 401, TEXT, STR(""));
    else if (str_eq(path, STR(ROLES_PATH)))
        reply(sandbox, exchange, METADATA, 200, TEXT, STR(ROLE));
    else if (str_eq(path, STR(ROLES_PATH ROLE)))
        give_role_credentials(sandbox, exchange);
    else if (str_eq(path, STR("/latest/meta-data/placement/region")))
        reply(sandbox, exchange, METADATA, 200, TEXT, sandbox->world.region);
    else
        reply(sandbox, exchange, METADATA, 404, TEXT, STR(""));
}

/* The task endpoint is known by its secret path, the pod endpoint asks for a token. */
static void give_container_credentials(struct sandbox *sandbox, struct http_exchange *exchange,
                                       bool with_token)
{
    struct str given = http_exchange_header(exchange, "Authorization");
    struct json *body;

    if (with_token && !crypto_equal(given, sandbox->world.container_token)) {
        reply(sandbox, exchange, CONTAINER, 401, TEXT, STR("The token is not valid.\n"));
        return;
    }
    body = new_credentials(sandbox);
    json_set_str(body, "AccountId",
                 STAILQ_FIRST(&sandbox->world.sellers)
                     ? STAILQ_FIRST(&sandbox->world.sellers)->account
                     : STR_NONE);
    reply_json(sandbox, exchange, CONTAINER, body);
}

bool credentials_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct str path = http_exchange_path(exchange), method = http_exchange_method(exchange);
    bool get = str_eq(method, STR("GET"));

    if (str_eq(method, STR("PUT")) && str_eq(path, STR("/latest/api/token")))
        give_token(sandbox, exchange);
    else if (get && str_starts_with(path, STR("/latest/meta-data/")))
        give_metadata(sandbox, exchange, path);
    else if (get && str_starts_with(path, STR("/v2/credentials/")))
        give_container_credentials(sandbox, exchange, false);
    else if (get && str_eq(path, STR("/v1/credentials")))
        give_container_credentials(sandbox, exchange, true);
    else
        return false;
    return true;
}
