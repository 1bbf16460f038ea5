#include "services/sandbox/sandbox.h"

#include <string.h>

#include "common/base/mem.h"
#include "services/sandbox/credentials.h"
#include "services/sandbox/door.h"
#include "services/sandbox/market.h"
#include "services/sandbox/on_certificate.h"
#include "services/sandbox/page.h"
#include "services/sandbox/verbs.h"
#include "services/sandbox/waits.h"
#include "services/sandbox/world_json.h"

static int load(struct sandbox *sandbox, struct error *error)
{
    world_init(&sandbox->world);
    int result = world_load(&sandbox->world, sandbox->origin, error);
    queues_init(&sandbox->queues, sandbox->loop, sandbox->world.region);
    faults_init(&sandbox->faults);
    call_log_init(&sandbox->log);
    if (result == 0)
        result = queues_load(&sandbox->queues, json_get(sandbox->origin, "queues"), error);
    return result;
}

static void unload(struct sandbox *sandbox)
{
    door_drop_all(sandbox);
    waits_drop_all(sandbox);
    mem_free(sandbox->held.body);
    sandbox->held = (struct held_event){0};
    queues_done(&sandbox->queues);
    faults_done(&sandbox->faults);
    call_log_done(&sandbox->log);
    world_done(&sandbox->world);
}

/* What time brings happens without anybody asking. */
static void on_tick(void *arg)
{
    enum { TICK_MS = 250 };
    struct sandbox *sandbox = arg;

    market_settle(sandbox);
    sandbox->tick = loop_after(sandbox->loop, TICK_MS, on_tick, sandbox);
}

int sandbox_init(struct sandbox *sandbox, struct loop *loop, struct json *origin,
                 struct error *error)
{
    *sandbox = (struct sandbox){.loop = loop, .origin = origin};
    TAILQ_INIT(&sandbox->calls);
    TAILQ_INIT(&sandbox->waits);
    sns_init(&sandbox->sns);
    if (load(sandbox, error) < 0)
        return -1;
    on_tick(sandbox);
    return 0;
}

void sandbox_done(struct sandbox *sandbox)
{
    /* The connections go first: each tells its call or wait. */
    while (sandbox->server_count > 0)
        http_server_close(sandbox->servers[--sandbox->server_count]);
    loop_cancel(sandbox->tick);
    unload(sandbox);
    sns_done(&sandbox->sns);
    json_free(sandbox->origin);
}

int sandbox_reset(struct sandbox *sandbox, struct error *error)
{
    struct buf base_url = BUF_INIT;

    buf_append_str(&base_url, sandbox->world.base_url);
    unload(sandbox);
    int result = load(sandbox, error);
    sandbox->world.base_url = arena_str(&sandbox->world.arena, buf_str(&base_url));
    buf_done(&base_url);
    return result;
}

struct json *sandbox_world_json(const struct sandbox *sandbox)
{
    struct json *object = json_new_object();

    world_save(&sandbox->world, object);
    json_set(object, "queues", queues_save(&sandbox->queues));
    return object;
}

static void on_request(void *arg, struct http_exchange *exchange)
{
    static const struct str verbs = STR_INIT("/_sandbox/");
    struct sandbox *sandbox = arg;
    struct str path = http_exchange_path(exchange);

    market_settle(sandbox);
    if (page_handle(sandbox, exchange))
        return;
    if (str_starts_with(path, verbs)) {
        verbs_handle(sandbox, exchange, str_from(path.ptr + verbs.len, path.len - verbs.len));
    } else if (door_wants(exchange)) {
        door_handle(sandbox, exchange);
    } else if (!certificate_handle(sandbox, exchange) && !credentials_handle(sandbox, exchange)) {
        http_exchange_reply(exchange, 404, "text/plain; charset=utf-8",
                            STR("Nothing is here. AWS calls are POSTs with X-Amz-Target.\n"));
    }
}

static int listen_at(struct sandbox *sandbox, const char *address, uint16_t port,
                     struct error *error)
{
    const struct http_server_options options = {
        .address = address,
        .port = port,
        .body_limit_bytes = (size_t)8 << 20, /* a message of 1 MiB, escaped */
        .header_limit_bytes = 16 << 10,
        .connection_limit = 1000,
        .request_timeout_ms = 30000,
    };

    if (http_server_open(&sandbox->servers[sandbox->server_count], sandbox->loop, &options,
                         on_request, sandbox, error) < 0)
        return -1;
    sandbox->server_count++;
    return 0;
}

/* The address that others are told: they cannot connect to "any". */
static const char *reachable(const char *address)
{
    if (strcmp(address, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(address, "::") == 0 ? "::1" : address;
}

int sandbox_listen(struct sandbox *sandbox, const struct config_list *addresses, uint16_t port,
                   struct error *error)
{
    if (addresses->count == 0 || addresses->count > SANDBOX_ADDRESSES_MAX)
        return error_set(error, "[sandbox] listen takes 1 to %d addresses", SANDBOX_ADDRESSES_MAX);
    for (size_t i = 0; i < addresses->count; i++) {
        if (listen_at(sandbox, addresses->items[i], port, error) < 0)
            return -1;
        port = http_server_port(sandbox->servers[0]);
    }
    const char *first = reachable(addresses->items[0]);
    sandbox->world.base_url = arena_printf(
        &sandbox->world.arena, strchr(first, ':') ? "http://[%s]:%u" : "http://%s:%u", first, port);
    return 0;
}
