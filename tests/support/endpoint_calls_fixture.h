/* A server and a client in one loop, and calls whose answers are kept. */
#ifndef TESTS_SUPPORT_ENDPOINT_CALLS_FIXTURE_H
#define TESTS_SUPPORT_ENDPOINT_CALLS_FIXTURE_H

#include "common/base/mem.h"
#include "proto/endpoint/client.h"
#include "tests/support/endpoint_fixture.h"

enum { PATIENCE_MS = 30000 };

/* A server that answers ping, parks describe, and what was heard of the calls. */
struct stage {
    struct endpoint_fixture fixture;
    struct rpc_server *server;
    struct rpc_client *client;
    struct rpc_request *parked;
    unsigned expired_calls;
    bool keep_parked; /* describe waits for its deadline */
    bool idle;        /* as one that asks for work */
    unsigned awaited; /* answers until the loop stops */
    unsigned succeeded;
    enum rpc_error code; /* of the last answer */
    char message[512];
    int64_t time_ms;
    int pipe[2];
};

static inline void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = 42});
}

static inline void on_expired(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    assert_ptr_equal(request, stage->parked);
    stage->parked = NULL;
    stage->expired_calls++;
}

static inline void on_describe(void *arg, struct rpc_request *request)
{
    struct stage *stage = arg;

    stage->parked = request;
    if (stage->idle)
        rpc_may_be_idle(request);
    rpc_park(request, on_expired, stage);
    if (!stage->keep_parked)
        loop_stop(stage->fixture.loop);
}

static inline void on_check(void *arg, struct rpc_request *request)
{
    const struct check_params *params = rpc_request_params(request);
    (void)arg;

    if (str_eq_text(params->handle, "large")) {
        struct str huge =
            str_from(arena_alloc(rpc_request_arena(request), FRAME_LIMIT_BYTES), FRAME_LIMIT_BYTES);
        rpc_reply(request, &(struct answer){.reason = REASON_ENTITLED, .subscribe_url = huge});
        return;
    }
    rpc_fail(request, ERROR_NOT_FOUND, "no '" STR_FMT "' with trace " STR_FMT,
             STR_ARG(params->handle), STR_ARG(rpc_request_trace(request)));
}

static const struct rpc_route routes[] = {
    {METHOD_query_ping, on_ping},
    {METHOD_query_describe, on_describe},
    {METHOD_query_check, on_check},
    {0, NULL},
};

static inline void on_done(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    stage->code = response->code;
    snprintf(stage->message, sizeof(stage->message), STR_FMT, STR_ARG(response->message));
    if (response->code == ERROR_NONE)
        stage->succeeded++;
    if (--stage->awaited == 0)
        loop_stop(stage->fixture.loop);
}

static inline void on_pong(void *arg, const struct rpc_response *response)
{
    struct stage *stage = arg;

    if (response->code == ERROR_NONE)
        stage->time_ms = ((const struct ping_result *)response->result)->time_ms;
    on_done(arg, response);
}

static inline struct rpc_call *call(struct stage *stage, enum method_id method, const void *params,
                                    int64_t timeout_ms)
{
    stage->awaited++;
    return rpc_call(stage->client, method, params, timeout_ms, STR("t-1"),
                    method == METHOD_query_ping ? on_pong : on_done, stage);
}

static inline void run(struct stage *stage)
{
    loop_run(stage->fixture.loop);
}

static inline void open_client(struct stage *stage)
{
    stage->client = fixture_client(&stage->fixture);
}

static inline void ping_once(struct stage *stage)
{
    stage->time_ms = 0;
    call(stage, METHOD_query_ping, NULL, PATIENCE_MS);
    run(stage);
    assert_int_equal(stage->code, ERROR_NONE);
    assert_int_equal(stage->time_ms, 42);
}

static inline int set_up(void **state)
{
    struct stage *stage = mem_alloc_zero(sizeof(*stage));

    fixture_open(&stage->fixture);
    open_client(stage);
    *state = stage;
    return 0;
}

static inline int tear_down(void **state)
{
    struct stage *stage = *state;

    rpc_client_close(stage->client);
    rpc_server_close(stage->server);
    fixture_close(&stage->fixture);
    mem_free(stage);
    return 0;
}

static inline void open_server(struct stage *stage, bool threaded)
{
    stage->server = fixture_server(&stage->fixture, routes, stage, threaded);
}

#endif
