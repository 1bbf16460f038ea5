#include "services/checker/broad.h"

#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/slice.h"
#include "proto/codec/codec.h"

/* Of answering, before the loop's other work has its turn. */
enum { SLICE_US = 5000 };

struct asked {
    TAILQ_ENTRY(asked) entry;
    struct rpc_request *request;
    uint64_t copy;
    struct check_many_result answers; /* so far */
};

struct broad {
    struct broad_options options;
    TAILQ_HEAD(, asked) asked;
    struct loop_timer *turn;
};

static void take_turn(void *arg);

struct broad *broad_new(const struct broad_options *options)
{
    struct broad *broad = mem_alloc_zero(sizeof(*broad));

    broad->options = *options;
    TAILQ_INIT(&broad->asked);
    return broad;
}

static void forget(struct broad *broad, struct asked *asked)
{
    TAILQ_REMOVE(&broad->asked, asked, entry);
    mem_free(asked);
}

void broad_free(struct broad *broad)
{
    struct asked *asked;

    if (!broad)
        return;
    loop_cancel(broad->turn);
    while ((asked = TAILQ_FIRST(&broad->asked)))
        forget(broad, asked);
    mem_free(broad);
}

static void answer_check(struct broad *broad, struct rpc_request *request)
{
    const struct check_params *params = rpc_request_params(request);
    struct answer answer;
    struct error error;

    enum rpc_error code =
        answering_check(broad->options.guidance, broad->options.reader, params, clock_wall_s(),
                        rpc_request_arena(request), &answer, &error);
    if (code != ERROR_NONE)
        rpc_fail(request, code, "%s", error.text);
    else if (params->max_age_ms > 0 && answer.stale)
        max_age_answer(broad->options.max_age, request);
    else
        rpc_reply(request, &answer);
}

static void answer_entitlements(struct broad *broad, struct rpc_request *request)
{
    struct entitlements_result result = {0};

    broad->options.describe(broad->options.arg, rpc_request_arena(request), &result);
    answering_entitlements(broad->options.guidance, broad->options.reader,
                           rpc_request_params(request), clock_wall_s(), rpc_request_arena(request),
                           &result);
    rpc_reply(request, &result);
}

/* One more of many, kept beyond the section. True: it was the last. */
static bool answer_one_more(struct broad *broad, struct asked *asked)
{
    const struct check_many_params *params = rpc_request_params(asked->request);
    struct arena *kept = rpc_request_arena(asked->request);
    cleanup(arena_done) struct arena arena = ARENA_INIT;
    struct answer answer;

    if (!asked->answers.answers.items)
        asked->answers.answers.items =
            arena_alloc_array(kept, params->questions.count, sizeof(struct answer));
    size_t index = asked->answers.answers.count++;
    answering_one_of_many(broad->options.guidance, broad->options.reader, params, index,
                          clock_wall_s(), &arena, &answer);
    codec_copy(&shape_answer, &answer, kept, &asked->answers.answers.items[index]);
    if (asked->answers.answers.count < params->questions.count)
        return false;
    rpc_reply(asked->request, &asked->answers);
    return true;
}

/* Some of its work. True: it is answered. */
static bool go_on(struct broad *broad, struct asked *asked)
{
    uint64_t copy = broad->options.copy(broad->options.arg);

    if (copy == 0 || copy != asked->copy) {
        rpc_fail(asked->request, ERROR_NOT_READY, "%s", rpc_errors[ERROR_NOT_READY].sentence);
        return true;
    }
    if (rpc_request_time_left_ms(asked->request) == 0) {
        rpc_fail(asked->request, ERROR_TIMEOUT, "%s", rpc_errors[ERROR_TIMEOUT].sentence);
        return true;
    }
    switch (rpc_request_method(asked->request)) {
    case METHOD_query_check_many:
        return answer_one_more(broad, asked);
    case METHOD_query_entitlements:
        answer_entitlements(broad, asked->request);
        return true;
    default:
        answer_check(broad, asked->request);
        return true;
    }
}

static void arrange_turn(struct broad *broad)
{
    if (!TAILQ_EMPTY(&broad->asked) && !broad->turn)
        broad->turn = loop_after(broad->options.loop, 0, take_turn, broad);
}

/* Round and round, a question of each, so that a message of many does not hold up the next. */
static void take_turn(void *arg)
{
    struct broad *broad = arg;
    struct slice slice = slice_begin(SLICE_US);
    struct asked *asked;
    bool more = true;

    broad->turn = NULL;
    while (more && (asked = TAILQ_FIRST(&broad->asked))) {
        replica_read_begin(broad->options.reader);
        bool answered = go_on(broad, asked);
        replica_read_end(broad->options.reader);
        if (answered) {
            forget(broad, asked);
        } else {
            TAILQ_REMOVE(&broad->asked, asked, entry);
            TAILQ_INSERT_TAIL(&broad->asked, asked, entry);
        }
        more = !slice_is_over(&slice);
    }
    arrange_turn(broad);
}

void broad_answer(struct broad *broad, struct rpc_request *request)
{
    struct asked *asked = mem_alloc_zero(sizeof(*asked));

    asked->request = request;
    asked->copy = broad->options.copy(broad->options.arg);
    TAILQ_INSERT_TAIL(&broad->asked, asked, entry);
    arrange_turn(broad);
}
