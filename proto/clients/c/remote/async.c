#include "proto/clients/c/remote/async.h"

#include <stdatomic.h>
#include <sys/queue.h>

#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/remote/ask.h"

enum { OUTSTANDING_MAX = 10000 };

struct outstanding {
    TAILQ_ENTRY(outstanding) entry;
    struct async *async;
    struct arena arena;
    struct inquiry question;
    struct ask *ask; /* or NULL: answered locally, on the next turn */
    struct loop_timer *soon;
    entitled_done_fn *done;
    void *arg;
};

struct async {
    struct loop *loop;
    struct peers peers;
    const struct entitled_options *options;
    async_here_fn *here;
    void *here_arg;
    bool remote, lost, closing;
    TAILQ_HEAD(, outstanding) outstanding;
    size_t count;
    struct entitled_answer answer; /* of the callback that runs */
    _Atomic(const void *) owner;   /* an address that only its thread has */
    unsigned depth;
    struct loop_timer *nudge;
};

struct async *async_new(struct endpoint_context *context, struct roster *roster,
                        const struct entitled_options *options, async_here_fn *here, void *arg)
{
    struct async *async = mem_alloc_zero(sizeof(*async));

    async->options = options;
    async->here = here;
    async->here_arg = arg;
    TAILQ_INIT(&async->outstanding);
    answer_clear(&async->answer);
    async->loop = loop_new();
    loop_descriptor(async->loop);
    async->remote = context != NULL;
    if (async->remote) {
        peers_init(&async->peers, async->loop, context, roster);
        peers_refresh(&async->peers);
    }
    return async;
}

/* With the contents of async->answer. */
static void finish(struct outstanding *one, int code)
{
    struct async *async = one->async;
    entitled_done_fn *done = one->done;
    void *arg = one->arg;
    struct entitled_error why = async->answer.error;

    TAILQ_REMOVE(&async->outstanding, one, entry);
    async->count--;
    loop_cancel(one->soon);
    arena_done(&one->arena);
    mem_free(one);
    if (code != ENTITLED_OK)
        answer_fail(&async->answer, &why);
    done(arg, code, &async->answer, &why);
}

static void cancel(struct outstanding *one)
{
    finish(one,
           failure_set(&one->async->answer.error, ENTITLED_CANCELLED, "the client was closed"));
}

bool async_is_lost(const struct async *async)
{
    return async->lost;
}

void async_lose(struct async *async)
{
    async->lost = true;
    async->depth = 0;
    atomic_store(&async->owner, NULL);
}

static void abandon(struct async *async)
{
    struct outstanding *one;

    while ((one = TAILQ_FIRST(&async->outstanding))) {
        one->soon = NULL;
        cancel(one);
    }
}

void async_free(struct async *async)
{
    struct outstanding *one;

    if (!async)
        return;
    async->closing = true;
    if (async->lost) {
        abandon(async);
        return;
    }
    while ((one = TAILQ_FIRST(&async->outstanding))) {
        ask_cancel(one->ask);
        cancel(one);
    }
    if (async->remote)
        peers_done(&async->peers);
    loop_free(async->loop);
    buf_done(&async->answer.granted_string);
    buf_done(&async->answer.subscribe_url);
    mem_free(async);
}

/* On the loop. It must not go on if memory ran out in another question that the callback asked. */
static void finish_on_loop(struct outstanding *one, int code)
{
    const struct async *async = one->async;

    finish(one, code);
    if (async->lost)
        mem_exhausted();
}

/* Whether the copy has an answer, even if it is stale. */
static bool has_answer_here(struct outstanding *one)
{
    struct async *async = one->async;
    int code = ENTITLED_INTERNAL;

    if (async->here)
        async->here(async->here_arg, &one->question, &async->answer, &code);
    return code == ENTITLED_OK;
}

static void on_answer(void *arg, const struct rpc_response *response)
{
    struct outstanding *one = arg;
    struct entitled_answer *answer = &one->async->answer;
    int code;

    one->ask = NULL;
    if (response->code == ERROR_NONE)
        code = answer_fill(answer, response->result, AGE_UNKNOWN);
    else if (has_answer_here(one))
        code = ENTITLED_OK; /* as engine_check(): the copy's answer is better than none */
    else
        code = failure_set(&answer->error, failure_code(response->code), STR_FMT,
                           STR_ARG(response->message));
    finish_on_loop(one, code);
}

static void ask_remotely(struct outstanding *one)
{
    const struct ask_options options = ask_options_of(&one->question, one->async->options);

    one->ask = ask_start(&one->async->peers, &options, on_answer, one);
}

static void answer_here(void *arg)
{
    struct outstanding *one = arg;
    struct async *async = one->async;
    int code;

    one->soon = NULL;
    if (async->here(async->here_arg, &one->question, &async->answer, &code))
        finish_on_loop(one, code);
    else
        ask_remotely(one);
}

static void on_nudge(void *arg)
{
    struct async *async = arg;

    async->nudge = NULL;
}

/* Without connections nothing else would wake the program, and its questions make it worth looking
 * for checkers. */
static void nudge_later(struct async *async)
{
    enum { NUDGE_MS = 500 };

    if (async->remote && async->count > 0 && !async->nudge && !peers_connected(&async->peers))
        async->nudge = loop_after(async->loop, NUDGE_MS, on_nudge, async);
}

int async_check(struct async *async, const struct inquiry *question, entitled_done_fn *done,
                void *arg, struct entitled_error *error)
{
    if (async->closing)
        return failure_set(error, ENTITLED_CANCELLED, "the client is being closed");
    if (async->count >= OUTSTANDING_MAX)
        return failure_set(error, ENTITLED_THROTTLED,
                           "%d questions are already waiting for answers", OUTSTANDING_MAX);
    struct outstanding *one = mem_alloc_zero(sizeof(*one));
    *one = (struct outstanding){.async = async, .done = done, .arg = arg};
    inquiry_copy(question, &one->arena, &one->question);
    async->count++;
    if (async->here)
        one->soon = loop_after(async->loop, 0, answer_here, one);
    else
        ask_remotely(one);
    nudge_later(async);
    /* Last: a question in the list is called back, even if memory runs out. */
    TAILQ_INSERT_TAIL(&async->outstanding, one, entry);
    return ENTITLED_OK;
}

int async_fd(struct async *async)
{
    return loop_descriptor(async->loop);
}

void async_dispatch(struct async *async)
{
    if (async->depth > 1)
        return;
    if (async->remote)
        peers_refresh(&async->peers);
    loop_turn(async->loop, 0);
    nudge_later(async);
}

static const void *this_thread(void)
{
    static _Thread_local char mark;

    return &mark;
}

bool async_enter(struct async *async)
{
    const void *nobody = NULL, *me = this_thread();

    if (atomic_load(&async->owner) != me &&
        !atomic_compare_exchange_strong(&async->owner, &nobody, me))
        return false;
    async->depth++;
    return true;
}

void async_leave(struct async *async)
{
    if (--async->depth > 0)
        return;
    loop_settle(async->loop);
    atomic_store(&async->owner, NULL);
}
