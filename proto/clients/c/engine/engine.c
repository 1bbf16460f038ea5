#include "proto/clients/c/engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/file/fixture.h"

static atomic_uint generation;

static void on_fork_in_child(void)
{
    atomic_fetch_add(&generation, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, on_fork_in_child);
}

unsigned engine_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

/* A child of fork() connects as its parent did. */
static int connect_engine(struct engine *engine, struct entitled_error *error)
{
    const struct curve_keys *keys = &engine->options->keys;

    engine->roster = roster_new(engine->options);
    engine->context = endpoint_context_new();
    engine->pool = session_pool_new(engine->context, engine->roster);
    if (*keys->secret_key && endpoint_context_set_keys(engine->context, keys) < 0)
        return failure_set(error, ENTITLED_BAD_FILE, "the keys of '%s' do not belong together",
                           engine->options->certificate);
    return ENTITLED_OK;
}

static int fill_from_fixture(struct engine *engine, struct str fixture,
                             struct entitled_error *error)
{
    struct error why;

    engine->local = local_new();
    if (fixture_load(fixture, engine->local, &why) < 0)
        return failure_set(error, ENTITLED_BAD_FILE, "%s: %s", engine->options->file, why.text);
    return ENTITLED_OK;
}

struct engine *engine_new(const struct entitled_options *options, struct str fixture,
                          struct entitled_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct engine *engine = mem_alloc_zero(sizeof(*engine));

    pthread_once(&once, watch_forks);
    engine->options = options;
    engine->generation = engine_generation();
    if (options->mode == ENTITLED_FILE) {
        if (fill_from_fixture(engine, fixture, error) == ENTITLED_OK)
            return engine;
        engine_free(engine);
        return NULL;
    }
    if (connect_engine(engine, error) != ENTITLED_OK) {
        engine_free(engine);
        return NULL;
    }
    if (options->mode == ENTITLED_IN_PROCESS) {
        engine->local = local_new();
        if (options->subset)
            engine->subset = subset_new(local_replica(engine->local));
        engine->worker =
            worker_start(engine->context, engine->roster, engine->local, engine->subset, options);
    }
    return engine;
}

/* The context would wait for a socket that was lost when memory ran out. */
static void end_context(struct engine *engine, bool whole)
{
    if (whole)
        endpoint_context_free(engine->context);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    bool whole = !atomic_load(&engine->lost);
    struct async *async = atomic_load(&engine->async);
    whole &= !async || !async_is_lost(async);
    async_free(async);
    whole &= worker_stop(engine->worker);
    whole &= session_pool_free(engine->pool);
    end_context(engine, whole);
    subset_free(engine->subset);
    local_free(engine->local);
    if (whole)
        roster_free(engine->roster);
    mem_free(engine);
}

void engine_abort_read(struct engine *engine)
{
    if (engine->subset)
        subset_abort_read(engine->subset);
    if (engine->local)
        local_abort_read(engine->local);
}

/* ENTITLED_NOT_READY: the copy does not know, or no longer. */
static int state_of_copy(struct engine *engine, const struct inquiry *question, int64_t *ret_age_ms,
                         struct entitled_error *error)
{
    int code = worker_state(engine->worker, ret_age_ms, error);

    if (code != ENTITLED_OK || !engine->subset)
        return code;
    if (subset_knows(engine->subset, question->params.handle))
        return ENTITLED_OK;
    return failure_set(error, ENTITLED_NOT_READY, "nothing is known of this handle yet");
}

/* The replica may be cleared meanwhile, so the state is checked again afterwards. */
static int check_copy(struct engine *engine, const struct inquiry *question,
                      struct entitled_answer *answer)
{
    int64_t age_ms = AGE_UNKNOWN;
    struct entitled_error why;

    if (!engine->worker)
        return local_check(engine->local, question, age_ms, answer);
    int code = state_of_copy(engine, question, &age_ms, &answer->error);
    if (code != ENTITLED_OK)
        return code;
    code = local_check(engine->local, question, age_ms, answer);
    if (state_of_copy(engine, question, &age_ms, &why) == ENTITLED_OK)
        return code;
    answer->error = why;
    return why.code;
}

bool engine_copy_answers(const struct engine *engine)
{
    int64_t age_ms;
    struct entitled_error why;

    return engine->worker && worker_state(engine->worker, &age_ms, &why) == ENTITLED_OK;
}

static bool is_good_enough(const struct engine *engine, const struct inquiry *question,
                           const struct entitled_answer *answer, int code)
{
    if (!engine->worker)
        return true;
    /* While the store is catching up, a checker may know what the copy does not. */
    if (code == ENTITLED_NOT_READY && engine_copy_answers(engine))
        return false;
    /* A partial copy must not be worse than asking a checker. */
    if (engine->subset && code != ENTITLED_OK && code != ENTITLED_BAD_REQUEST)
        return false;
    /* Fresher data than the copy has comes from AWS, through a checker. */
    return code != ENTITLED_OK || question->params.max_age_ms == 0 || !answer->stale;
}

bool engine_check_locally(struct engine *engine, const struct inquiry *question,
                          struct entitled_answer *answer, int *ret_code)
{
    if (!engine->local)
        return false;
    *ret_code = check_copy(engine, question, answer);
    if (engine->subset && *ret_code == ENTITLED_NOT_READY &&
        subset_note(engine->subset, question->params.handle))
        worker_wake(engine->worker);
    return is_good_enough(engine, question, answer, *ret_code);
}

static int check_remotely(struct engine *engine, const struct inquiry *question,
                          struct entitled_answer *answer)
{
    KEEPS_ERRNO;
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    const struct ask_options options = ask_options_of(question, engine->options);
    const void *result;
    struct error why;

    enum rpc_error code = session_pool_ask(engine->pool, &options, &arena, &result, &why);
    if (code == ERROR_NONE)
        return answer_fill(answer, result, AGE_UNKNOWN);
    answer_clear(answer);
    return failure_set(&answer->error, failure_code(code), "%s", why.text);
}

int engine_check(struct engine *engine, const struct inquiry *question,
                 struct entitled_answer *answer)
{
    int code = ENTITLED_OK;

    if (engine_check_locally(engine, question, answer, &code))
        return code;
    int from_copy = code;
    code = check_remotely(engine, question, answer);
    /* If no checker answers, the copy's answer is better than none; it says that it is stale. */
    if (code != ENTITLED_OK && engine->local && from_copy == ENTITLED_OK)
        code = check_copy(engine, question, answer);
    return code;
}
