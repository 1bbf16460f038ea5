/* A client for tools without a loop: it brings its own, which runs while a call is under way. */
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/curve.h"

struct rpc_session {
    struct endpoint_context *context;
    struct loop *loop;
    struct rpc_client *client;
};

struct answer_slot {
    struct loop *loop;
    const struct shape *shape;
    struct arena *arena;
    void *result;
    enum rpc_error code;
    struct error error;
};

int rpc_session_open(struct rpc_session **ret, const struct config_list *addresses,
                     const char *certificate, const struct config_list *servers,
                     struct error *error)
{
    struct rpc_session *session = mem_alloc_zero(sizeof(*session));

    session->context = endpoint_context_new();
    session->loop = loop_new();
    if (curve_before_connect(session->context, addresses, certificate, servers, error) < 0 ||
        rpc_client_open(&session->client, session->loop, session->context, addresses, error) < 0) {
        rpc_session_close(session);
        return -1;
    }
    *ret = session;
    return 0;
}

void rpc_session_close(struct rpc_session *session)
{
    if (!session)
        return;
    rpc_client_close(session->client);
    loop_free(session->loop);
    endpoint_context_free(session->context);
    mem_free(session);
}

static void on_done(void *arg, const struct rpc_response *response)
{
    struct answer_slot *slot = arg;

    slot->code = response->code;
    if (response->code == ERROR_NONE) {
        slot->result = arena_alloc(slot->arena, slot->shape->size);
        codec_copy(slot->shape, response->result, slot->arena, slot->result);
    } else {
        error_set(&slot->error, STR_FMT, STR_ARG(response->message));
    }
    loop_stop(slot->loop);
}

int rpc_session_call(struct rpc_session *session, enum method_id method, const void *params,
                     int64_t timeout_ms, struct str trace, struct arena *arena,
                     const void **ret_result, enum rpc_error *ret_code, struct error *error)
{
    struct answer_slot slot = {
        .loop = session->loop, .shape = methods[method].result, .arena = arena};

    rpc_call(session->client, method, params, timeout_ms, trace, on_done, &slot);
    loop_run(session->loop);
    *ret_code = slot.code;
    if (slot.code != ERROR_NONE) {
        *error = slot.error;
        return -1;
    }
    *ret_result = slot.result;
    return 0;
}
