/* AWS and the store, played by the test: it is linked in the place of common/aws and of the client
 * of proto/endpoint. What the program asks is kept, and the test answers. */
#ifndef TESTS_SUPPORT_PLAYED_CALLS_H
#define TESTS_SUPPORT_PLAYED_CALLS_H

#include "common/aws/client/aws.h"
#include "common/base/arena.h"
#include "common/base/mem.h"
#include "proto/codec/codec.h"
#include "proto/endpoint/client.h"

enum { PLAYED_CALLS = 32768 };

struct aws_call {
    enum aws_service service;
    char *operation;
    int64_t deadline_ms;
    struct json *body;
    aws_admit_fn *admit;
    void *admit_arg;
    unsigned admitted;
    aws_done_fn *done;
    void *arg;
    bool open;
    bool cancelled;
};

struct rpc_call {
    struct arena arena;
    enum method_id method;
    void *params; /* a copy */
    struct str trace;
    int64_t timeout_ms;
    rpc_done_fn *done;
    void *arg;
    bool open;
};

static struct {
    struct loop *loop;
    struct aws_call aws[PLAYED_CALLS];
    size_t aws_count;
    size_t aws_wanted; /* with that many the loop stops */
    struct rpc_call rpc[PLAYED_CALLS];
    size_t rpc_count;
    size_t rpc_wanted; /* with that many the loop stops */
} played;

static inline void played_begin(void)
{
    memset(&played, 0, sizeof(played));
    played.loop = loop_new();
}

/* What was asked of AWS must have been answered or cancelled. */
static inline void played_end(void)
{
    for (size_t i = 0; i < played.aws_count; i++) {
        mem_free(played.aws[i].operation);
        json_free(played.aws[i].body);
        assert_false(played.aws[i].open);
    }
    for (size_t i = 0; i < played.rpc_count; i++)
        arena_done(&played.rpc[i].arena);
    loop_free(played.loop);
}

struct aws_call *aws_call(struct aws *aws, const struct aws_request *request, aws_done_fn *done,
                          void *arg)
{
    struct aws_call *call = &played.aws[played.aws_count++];
    (void)aws;

    assert_true(played.aws_count <= PLAYED_CALLS);
    *call = (struct aws_call){.service = request->service,
                              .operation = mem_strdup(request->operation),
                              .deadline_ms = request->deadline_ms,
                              .admit = request->admit,
                              .admit_arg = request->admit_arg,
                              .done = done,
                              .arg = arg,
                              .open = true};
    assert_int_equal(json_parse(&call->body, request->body, NULL), 0);
    if (played.aws_count == played.aws_wanted)
        loop_stop(played.loop);
    return call;
}

void aws_call_admit(struct aws_call *call)
{
    call->admitted++;
}

void aws_call_cancel(struct aws_call *call)
{
    if (!call)
        return;
    assert_true(call->open);
    call->open = false;
    call->cancelled = true;
}

struct rpc_call *rpc_call(struct rpc_client *client, enum method_id method, const void *params,
                          int64_t timeout_ms, struct str trace, rpc_done_fn *done, void *arg)
{
    struct rpc_call *call = &played.rpc[played.rpc_count++];
    const struct shape *shape = methods[method].params;
    (void)client;

    assert_true(played.rpc_count <= PLAYED_CALLS);
    assert_true(timeout_ms > 0);
    *call = (struct rpc_call){
        .method = method, .timeout_ms = timeout_ms, .done = done, .arg = arg, .open = true};
    call->params = arena_alloc(&call->arena, shape->size);
    codec_copy(shape, params, &call->arena, call->params);
    call->trace = arena_str(&call->arena, trace);
    if (played.rpc_count == played.rpc_wanted)
        loop_stop(played.loop);
    return call;
}

void rpc_call_cancel(struct rpc_call *call)
{
    if (!call)
        return;
    assert_true(call->open);
    call->open = false;
}

static inline void played_aws_answers(struct aws_call *call, const struct aws_response *response)
{
    assert_true(call->open);
    call->open = false;
    call->done(call->arg, response);
}

static inline void played_store_answers(struct rpc_call *call, enum rpc_error code,
                                        const void *result)
{
    assert_true(call->open);
    call->open = false;
    call->done(call->arg, &(struct rpc_response){.code = code,
                                                 .message = STR("as the test has it"),
                                                 .result = code == ERROR_NONE ? result : NULL});
}

#endif
