/* The asynchronous functions of entitled.h. */
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/guard.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/engine/client.h"

struct async_call {
    struct engine *engine;
    struct async *async;
    const struct inquiry *question;
    entitled_done_fn *done;
    void *arg;
    struct entitled_error *error;
    int fd;
    int code;
};

static bool check_here(void *arg, const struct inquiry *question, struct entitled_answer *answer,
                       int *ret_code)
{
    return engine_check_locally(arg, question, answer, ret_code);
}

static void make_async(void *arg)
{
    struct async_call *call = arg;
    struct engine *engine = call->engine;
    struct async *none = NULL, *made = async_new(engine->context, engine->roster, engine->options,
                                                 engine->local ? check_here : NULL, engine);

    if (!atomic_compare_exchange_strong(&engine->async, &none, made))
        async_free(made);
}

/* Runs fn as the one thread that may. */
static int enter(struct entitled *client, guarded_fn *fn, struct async_call *call)
{
    int code = client_engine(client, &call->engine, call->error);

    if (code != ENTITLED_OK)
        return code;
    if (!atomic_load(&call->engine->async) && !guard_call(make_async, call)) {
        atomic_store(&call->engine->lost, true);
        return failure_of_memory(call->error);
    }
    call->async = atomic_load(&call->engine->async);
    if (async_is_lost(call->async))
        return failure_of_memory(call->error);
    if (!async_enter(call->async))
        return failure_set(call->error, ENTITLED_BUSY,
                           "another thread is running an asynchronous function of this client");
    if (!guard_call(fn, call)) {
        async_lose(call->async);
        return failure_of_memory(call->error);
    }
    return call->code;
}

static void get_fd(void *arg)
{
    struct async_call *call = arg;

    call->fd = async_fd(call->async);
    async_leave(call->async);
}

int entitled_fd(struct entitled *client, int *ret_fd, struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct async_call call = {.error = error};

    failure_none(error);
    int code = enter(client, get_fd, &call);
    if (code == ENTITLED_OK)
        *ret_fd = call.fd;
    return code;
}

static void dispatch(void *arg)
{
    struct async_call *call = arg;

    async_dispatch(call->async);
    async_leave(call->async);
}

int entitled_dispatch(struct entitled *client, struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct async_call call = {.error = error};

    failure_none(error);
    return enter(client, dispatch, &call);
}

static void check_async(void *arg)
{
    struct async_call *call = arg;

    call->code = async_check(call->async, call->question, call->done, call->arg, call->error);
    async_leave(call->async);
}

int entitled_check_async(struct entitled *client, const struct entitled_question *from,
                         entitled_done_fn *done, void *arg, struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct inquiry question;
    struct async_call call = {.question = &question, .done = done, .arg = arg, .error = error};

    failure_none(error);
    int code = inquiry_read(from, client->options, &question, error);
    return code == ENTITLED_OK ? enter(client, check_async, &call) : code;
}
