#include "proto/clients/c/remote/session.h"

#include <pthread.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "proto/codec/codec.h"

enum { IDLE_MS = 60000, READY_PAUSE_MS = 50 };

struct session {
    struct session *next;
    struct loop *loop;
    struct peers peers;
    int64_t used_mono_ms;
};

struct session_pool {
    struct endpoint_context *context;
    struct roster *roster;
    pthread_mutex_t lock; /* nothing is allocated under it */
    struct session *idle; /* the one used last comes first */
    size_t count;         /* of all that were opened and not closed */
};

struct session_pool *session_pool_new(struct endpoint_context *context, struct roster *roster)
{
    struct session_pool *pool = mem_alloc_zero(sizeof(*pool));

    pool->context = context;
    pool->roster = roster;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

static struct session *session_open(struct session_pool *pool)
{
    struct session *session = mem_alloc_zero(sizeof(*session));

    session->loop = loop_new();
    peers_init(&session->peers, session->loop, pool->context, pool->roster);
    return session;
}

static void close_all(struct session *session)
{
    while (session) {
        struct session *next = session->next;
        peers_done(&session->peers);
        loop_free(session->loop);
        mem_free(session);
        session = next;
    }
}

bool session_pool_free(struct session_pool *pool)
{
    size_t idle = 0;

    if (!pool)
        return true;
    for (const struct session *session = pool->idle; session; session = session->next)
        idle++;
    bool whole = idle == pool->count;
    close_all(pool->idle);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
    return whole;
}

static struct session *take_session(struct session_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct session *session = pool->idle;
    if (session)
        pool->idle = session->next;
    else
        pool->count++;
    pthread_mutex_unlock(&pool->lock);
    if (!session)
        return session_open(pool);
    session->next = NULL;
    return session;
}

/* Cuts off the sessions, behind the first, that have long been unused. */
static struct session *cut_old(struct session_pool *pool, int64_t now)
{
    struct session **link = pool->idle ? &pool->idle->next : &pool->idle;

    while (*link && now - (*link)->used_mono_ms < IDLE_MS)
        link = &(*link)->next;
    struct session *old = take(*link);
    for (const struct session *session = old; session; session = session->next)
        pool->count--;
    return old;
}

static void give_back(struct session_pool *pool, struct session *session)
{
    int64_t now = clock_mono_ms();

    session->used_mono_ms = now;
    pthread_mutex_lock(&pool->lock);
    session->next = pool->idle;
    pool->idle = session;
    struct session *old = cut_old(pool, now);
    pthread_mutex_unlock(&pool->lock);
    close_all(old);
}

struct waiting {
    const struct shape *shape;
    struct arena *arena;
    void *result;
    struct error *error;
    enum rpc_error code;
    bool done;
};

static void on_done(void *arg, const struct rpc_response *response)
{
    struct waiting *waiting = arg;

    waiting->done = true;
    waiting->code = response->code;
    if (response->code != ERROR_NONE) {
        error_set(waiting->error, STR_FMT, STR_ARG(response->message));
        return;
    }
    waiting->result = arena_alloc(waiting->arena, waiting->shape->size);
    codec_copy(waiting->shape, response->result, waiting->arena, waiting->result);
}

/* Events that happened meanwhile come first. */
static void look_around(struct session *session)
{
    loop_turn(session->loop, 0);
    peers_refresh(&session->peers);
}

static void ask_in(struct session *session, const struct ask_options *options,
                   struct waiting *waiting)
{
    enum { LOOK_AROUND_MS = 500 };

    look_around(session);
    ask_start(&session->peers, options, on_done, waiting);
    while (!waiting->done) {
        loop_turn(session->loop, LOOK_AROUND_MS);
        if (!waiting->done && !peers_connected(&session->peers))
            peers_refresh(&session->peers);
    }
}

enum rpc_error session_pool_ask(struct session_pool *pool, const struct ask_options *options,
                                struct arena *arena, const void **ret_result, struct error *error)
{
    struct waiting waiting = {
        .shape = methods[options->method].result, .arena = arena, .error = error};
    struct session *session = take_session(pool);

    ask_in(session, options, &waiting);
    give_back(pool, session);
    *ret_result = waiting.result;
    return waiting.code;
}

static enum rpc_error ask_whether_ready(struct session_pool *pool, int64_t left_ms,
                                        struct error *error)
{
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct ask_options options = {.method = METHOD_query_describe,
                                        .timeout_ms = left_ms > 0 ? left_ms : 1};
    const struct describe_result *description;
    const void *result;

    enum rpc_error code = session_pool_ask(pool, &options, &arena, &result, error);
    if (code != ERROR_NONE)
        return code;
    description = result;
    if (description->ready)
        return ERROR_NONE;
    error_set(error, "checker '" STR_FMT "' is not ready yet", STR_ARG(description->instance));
    return ERROR_NOT_READY;
}

bool session_pool_wait_ready(struct session_pool *pool, int64_t timeout_ms,
                             enum rpc_error *ret_code, struct error *error)
{
    const struct timespec pause = {.tv_nsec = READY_PAUSE_MS * 1000000L};
    int64_t due = clock_mono_ms() + timeout_ms;
    enum rpc_error code;
    struct error why;

    *ret_code = ERROR_NONE;
    while ((code = ask_whether_ready(pool, due - clock_mono_ms(), &why)) != ERROR_NONE) {
        /* A checker's earlier error says more than that there was no time to ask another. */
        if (code != ERROR_TIMEOUT || *ret_code == ERROR_NONE) {
            *ret_code = code;
            *error = why;
        }
        if (clock_mono_ms() + READY_PAUSE_MS >= due)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}
