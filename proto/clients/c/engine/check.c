/* The blocking functions of entitled.h. */
#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/guard.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/engine/client.h"

struct check_call {
    struct engine *engine;
    const struct inquiry *question;
    struct entitled_answer *answer;
    int code;
};

static void check(void *arg)
{
    struct check_call *call = arg;

    call->code = engine_check(call->engine, call->question, call->answer);
}

static int check_guarded(struct engine *engine, const struct inquiry *question,
                         struct entitled_answer *answer)
{
    struct check_call call = {.engine = engine, .question = question, .answer = answer};

    if (guard_call(check, &call))
        return call.code;
    engine_abort_read(engine);
    return failure_of_memory(&answer->error);
}

int entitled_check(struct entitled *client, const struct entitled_question *from,
                   struct entitled_answer *answer, struct entitled_error *error)
{
    struct inquiry question;
    struct engine *engine;

    int code = client_engine(client, &engine, &answer->error);
    if (code == ENTITLED_OK)
        code = inquiry_read(from, client->options, &question, &answer->error);
    if (code == ENTITLED_OK)
        code = check_guarded(engine, &question, answer);
    if (code == ENTITLED_OK) {
        failure_none(error);
        return code;
    }
    const struct entitled_error why = answer->error;
    if (error)
        *error = why;
    return answer_fail(answer, &why);
}

struct wait_call {
    struct engine *engine;
    int64_t timeout_ms;
    struct entitled_error *error;
    int code;
};

static void wait_ready(void *arg)
{
    struct wait_call *call = arg;
    const struct engine *engine = call->engine;
    enum rpc_error code;
    struct error why;

    call->code = ENTITLED_OK;
    if (engine->worker)
        call->code = worker_wait_ready(engine->worker, call->timeout_ms, call->error);
    else if (engine->pool && !session_pool_wait_ready(engine->pool, call->timeout_ms, &code, &why))
        call->code = failure_set(call->error, failure_code(code), "%s", why.text);
}

int entitled_wait_ready(struct entitled *client, int64_t timeout_ms, struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct wait_call call = {.timeout_ms = timeout_ms > 0 ? timeout_ms : 0, .error = error};

    failure_none(error);
    int code = client_engine(client, &call.engine, error);
    if (code != ENTITLED_OK)
        return code;
    return guard_call(wait_ready, &call) ? call.code : failure_of_memory(error);
}
