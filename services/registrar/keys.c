/* The store's signing keys, fetched at the start and again and again, so that a key that the store
 * has made since is known here before long. */
#include "common/log/log.h"
#include "proto/codec/codec.h"
#include "services/registrar/registrar.h"

enum { FETCH_TIMEOUT_MS = 5000, FETCH_AGAIN_MS = 60000, RETRY_MS = 1000 };

void keys_install(struct registrar *registrar, const struct signing_keys_result *keys)
{
    struct arena arena = ARENA_INIT;
    struct signing_keys_result copy;

    if (keys->keys.count == 0)
        return;
    codec_copy(&shape_signing_keys_result, keys, &arena, &copy);
    arena_done(&registrar->keys_arena);
    registrar->keys_arena = arena;
    registrar->keys = copy;
}

static void fetch(void *arg);

static void on_keys(void *arg, const struct rpc_response *response)
{
    struct registrar *registrar = arg;

    registrar->keys_call = NULL;
    if (response->code == ERROR_NONE)
        keys_install(registrar, response->result);
    else
        log_debug("signing keys could not be fetched", LOG_STR("why", response->message));
    registrar->keys_timer =
        loop_after(registrar->context->loop,
                   response->code == ERROR_NONE ? FETCH_AGAIN_MS : RETRY_MS, fetch, registrar);
}

static void fetch(void *arg)
{
    struct registrar *registrar = arg;

    registrar->keys_timer = NULL;
    registrar->keys_call = rpc_call(registrar->suite.store, METHOD_store_signing_keys, NULL,
                                    FETCH_TIMEOUT_MS, STR_NONE, on_keys, registrar);
}

void keys_open(struct registrar *registrar)
{
    fetch(registrar);
}

void keys_close(struct registrar *registrar)
{
    rpc_call_cancel(registrar->keys_call);
    loop_cancel(registrar->keys_timer);
    registrar->keys_call = NULL;
    registrar->keys_timer = NULL;
    registrar->keys = (struct signing_keys_result){0};
    arena_done(&registrar->keys_arena);
}
