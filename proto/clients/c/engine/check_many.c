/* entitled_check_many(): one message of the method check_many carries up to a thousand questions.
 */
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/guard.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/engine/client.h"

/* The limit of check_many_params in messages.def. */
enum { QUESTIONS_PER_MESSAGE = 1000 };
/* Bytes around the texts of a question, and around all questions. */
enum { QUESTION_FRAME_BYTES = 32, MESSAGE_FRAME_BYTES = 2048 };

struct many_call {
    struct engine *engine;
    const struct entitled_options *options;
    const struct entitled_question *questions;
    size_t count;
    struct entitled_answer *const *answers;
    struct entitled_error *error;
    int64_t due_mono_ms; /* for all messages together */
    struct arena arena;
    int code;
};

/* The program may have been compiled with a larger struct. */
static const struct entitled_question *question_at(const struct many_call *call, size_t index)
{
    return (const void *)((const char *)call->questions + index * call->questions[0].size);
}

static int read_question(struct many_call *call, size_t index, struct str product,
                         struct inquiry *ret)
{
    const struct entitled_question *question = question_at(call, index);
    struct entitled_error why;

    if (question->size != call->questions[0].size)
        return failure_set(call->error, ENTITLED_BAD_REQUEST,
                           "question %zu: its size is not that of the first", index);
    int code = inquiry_read(question, call->options, ret, &why);
    if (code != ENTITLED_OK)
        return failure_set(call->error, code, "question %zu: %.400s", index, why.sentence);
    if (ret->params.license.len > 0 || ret->params.max_age_ms > 0)
        return failure_set(call->error, ENTITLED_BAD_REQUEST,
                           "question %zu: license and max_age_ms belong to single questions",
                           index);
    if (index > 0 && !str_eq(ret->params.product, product))
        return failure_set(call->error, ENTITLED_BAD_REQUEST,
                           "question %zu: all questions must be about one product", index);
    return ENTITLED_OK;
}

static int read_questions(struct many_call *call, struct inquiry *questions)
{
    for (size_t i = 0; i < call->count; i++) {
        int code = read_question(call, i, questions[0].params.product, &questions[i]);
        if (code != ENTITLED_OK)
            return code;
    }
    return ENTITLED_OK;
}

/* A bad question fails alone. */
static int check_here(struct many_call *call, const struct inquiry *questions)
{
    for (size_t i = 0; i < call->count; i++) {
        struct entitled_answer *answer = call->answers[i];
        int code = engine_check(call->engine, &questions[i], answer);
        bool alone = code == ENTITLED_BAD_REQUEST ||
                     (code == ENTITLED_NOT_READY && engine_copy_answers(call->engine));
        if (code != ENTITLED_OK && !alone)
            return failure_set(call->error, code, "%s", answer->error.sentence);
    }
    return ENTITLED_OK;
}

static void make_params(struct many_call *call, const struct inquiry *questions, size_t count,
                        struct check_many_params *ret)
{
    *ret = (struct check_many_params){.product = questions[0].params.product};
    ret->questions.items = arena_alloc_array(&call->arena, count, sizeof(struct question));
    ret->questions.count = count;
    for (size_t i = 0; i < count; i++)
        ret->questions.items[i] = (struct question){
            .handle = questions[i].params.handle,
            .dimension = questions[i].params.dimension,
            .quantity = questions[i].params.quantity,
        };
}

static int take_answers(struct many_call *call, const struct check_many_result *result,
                        size_t first, size_t count)
{
    if (result->answers.count != count)
        return failure_set(call->error, ENTITLED_INTERNAL, "%zu questions got %zu answers", count,
                           result->answers.count);
    for (size_t i = 0; i < count; i++)
        answer_fill(call->answers[first + i], &result->answers.items[i], AGE_UNKNOWN);
    return ENTITLED_OK;
}

static int ask_some(struct many_call *call, const struct inquiry *questions, size_t first,
                    size_t count)
{
    struct ask_options options = ask_options_of(&questions[0], call->options);
    int64_t left_ms = call->due_mono_ms - clock_mono_ms();
    struct check_many_params params;
    const void *result;
    struct error why;

    if (left_ms <= 0)
        return failure_set(call->error, ENTITLED_TIMEOUT,
                           "%zu of %zu questions were answered within %lld ms", first, call->count,
                           (long long)questions[0].timeout_ms);
    make_params(call, &questions[first], count, &params);
    options.timeout_ms = left_ms;
    options.method = METHOD_query_check_many;
    options.params = &params;
    enum rpc_error code =
        session_pool_ask(call->engine->pool, &options, &call->arena, &result, &why);
    if (code != ERROR_NONE)
        return failure_set(call->error, failure_code(code), "%s", why.text);
    return take_answers(call, result, first, count);
}

/* The count of questions that fit into one message. */
static size_t count_that_fit(const struct inquiry *questions, size_t left)
{
    size_t bytes = MESSAGE_FRAME_BYTES, count = 0;

    while (count < left && count < QUESTIONS_PER_MESSAGE) {
        const struct check_params *params = &questions[count].params;
        bytes += QUESTION_FRAME_BYTES + params->handle.len + params->dimension.len;
        if (bytes > QUESTION_LIMIT_BYTES)
            break;
        count++;
    }
    return count;
}

static void check_many(void *arg)
{
    struct many_call *call = arg;
    struct inquiry *questions =
        arena_alloc_array(&call->arena, call->count, sizeof(struct inquiry));

    call->code = read_questions(call, questions);
    if (call->code == ENTITLED_OK && call->engine->local) {
        call->code = check_here(call, questions);
        return;
    }
    call->due_mono_ms = clock_mono_ms() + questions[0].timeout_ms;
    for (size_t first = 0, some; call->code == ENTITLED_OK && first < call->count; first += some) {
        some = count_that_fit(&questions[first], call->count - first);
        call->code = ask_some(call, questions, first, some);
    }
}

static int run(struct many_call *call)
{
    if (guard_call(check_many, call))
        return call->code;
    engine_abort_read(call->engine);
    return failure_of_memory(call->error);
}

int entitled_check_many(struct entitled *client, const struct entitled_question *questions,
                        size_t count, struct entitled_answer *const *answers,
                        struct entitled_error *error)
{
    KEEPS_ERRNO;
    struct entitled_error why;
    struct many_call call = {.options = client->options,
                             .questions = questions,
                             .count = count,
                             .answers = answers,
                             .error = &why};

    failure_none(&why);
    int code = client_engine(client, &call.engine, &why);
    if (code == ENTITLED_OK && count > 0)
        code = run(&call);
    arena_done(&call.arena);
    for (size_t i = 0; code != ENTITLED_OK && i < count; i++)
        answer_fail(answers[i], &why);
    if (error)
        *error = why;
    return code;
}
