/* The methods of the query socket, on its thread: what can be answered from memory is, the rest is
 * handed to the loop. */
#include <string.h>

#include "common/base/clock.h"
#include "services/checker/checker.h"

/* Noted before the look-ups, and looked at again before an answer is sent: when the store is
 * another one, the replica is emptied after its copy has ceased to be the complete one. */
static void begin_batch(void *arg)
{
    struct checker *checker = arg;

    checker->batch.copy = atomic_load(&checker->shown.complete_copy);
    checker->batch.now_s = clock_wall_s();
    replica_read_begin(checker->query_reader);
}

static void end_batch(void *arg)
{
    struct checker *checker = arg;

    replica_read_end(checker->query_reader);
}

static bool is_ready(const struct checker *checker)
{
    uint64_t copy = checker->batch.copy;

    return copy != 0 && atomic_load(&checker->shown.complete_copy) == copy;
}

static void seek(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;
    struct answering_inquiry *inquiry;

    if (rpc_request_method(request) != METHOD_query_check)
        return;
    inquiry = arena_alloc(rpc_request_arena(request), sizeof(*inquiry));
    answering_seek(checker->query_reader, rpc_request_params(request), inquiry);
    rpc_request_keep(request, inquiry);
}

static void fetch(void *arg, struct rpc_request *request)
{
    struct answering_inquiry *inquiry = rpc_request_kept(request);
    (void)arg;

    if (inquiry)
        answering_fetch(inquiry);
}

const struct rpc_batching query_batching = {begin_batch, {seek, fetch}, end_batch};

static void fail_not_ready(struct rpc_request *request)
{
    rpc_fail(request, ERROR_NOT_READY, "%s", rpc_errors[ERROR_NOT_READY].sentence);
}

static void on_check_fresh(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;

    max_age_answer(checker->max_age, request);
}

static void on_broad(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;

    broad_answer(checker->broad, request);
}

static void on_check(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;
    const struct check_params *params = rpc_request_params(request);
    struct answering_inquiry *inquiry = rpc_request_kept(request);
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error;

    if (replica_breadth(&inquiry->lookup) > BROAD_RECORDS) {
        handover_give(checker->handover, request, on_broad);
        return;
    }
    enum rpc_error code = replica_answer(&inquiry->lookup, &checker->guidance, checker->batch.now_s,
                                         rpc_request_arena(request), id, &answer, &error);
    if (!is_ready(checker))
        fail_not_ready(request);
    else if (code != ERROR_NONE)
        rpc_fail(request, code, "%s", error.text);
    else if (params->max_age_ms > 0 && answer.stale)
        handover_give(checker->handover, request, on_check_fresh);
    else
        rpc_reply(request, &answer);
}

/* A thousand questions about a few records each are quickly answered. */
enum { MANY_RECORDS = 4096 };

static void on_check_many(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;
    const struct check_many_params *params = rpc_request_params(request);
    const int64_t limit = checker->settings->checker.batch_limit;
    struct check_many_result result;

    if (!is_ready(checker)) {
        fail_not_ready(request);
        return;
    }
    if (params->questions.count > (size_t)limit) {
        rpc_fail(request, ERROR_BAD_REQUEST, "one check_many may hold %lld questions",
                 (long long)limit);
        return;
    }
    if (answering_breadth_of_many(checker->query_reader, params) > MANY_RECORDS) {
        handover_give(checker->handover, request, on_broad);
        return;
    }
    answering_check_many(&checker->guidance, checker->query_reader, params, checker->batch.now_s,
                         rpc_request_arena(request), &result);
    if (is_ready(checker))
        rpc_reply(request, &result);
    else
        fail_not_ready(request);
}

/* The state is noted before it is read: the answer shows that one or a later one. */
void checker_describe_state(void *arg, struct arena *arena, struct entitlements_result *result)
{
    struct checker *checker = arg;
    char incarnation[sizeof(checker->shown.incarnation)];

    pthread_mutex_lock(&checker->shown.lock);
    memcpy(incarnation, checker->shown.incarnation, sizeof(incarnation));
    result->seq = checker->shown.seq;
    pthread_mutex_unlock(&checker->shown.lock);
    result->incarnation = arena_str(arena, str_of(incarnation));
}

static void on_entitlements(void *arg, struct rpc_request *request)
{
    struct checker *checker = arg;
    const struct entitlements_params *params = rpc_request_params(request);
    struct entitlements_result result = {0};

    if (answering_breadth(checker->query_reader, params->handle) > BROAD_RECORDS) {
        handover_give(checker->handover, request, on_broad);
        return;
    }
    checker_describe_state(checker, rpc_request_arena(request), &result);
    answering_entitlements(&checker->guidance, checker->query_reader, params, checker->batch.now_s,
                           rpc_request_arena(request), &result);
    if (is_ready(checker))
        rpc_reply(request, &result);
    else
        fail_not_ready(request);
}

static void on_ping(void *arg, struct rpc_request *request)
{
    (void)arg;
    rpc_reply(request, &(struct ping_result){.time_ms = clock_wall_ms()});
}

/* The rest needs what the loop alone may touch: the replica in order, the follower, the peers. */
#define ON_THE_LOOP(name)                                                                          \
    static void give_##name(void *arg, struct rpc_request *request)                                \
    {                                                                                              \
        struct checker *checker = arg;                                                             \
        handover_give(checker->handover, request, on_##name);                                      \
    }
ON_THE_LOOP(snapshot)
ON_THE_LOOP(changes)
ON_THE_LOOP(describe)
ON_THE_LOOP(stats)

const struct rpc_route query_routes[] = {
    {METHOD_query_check, on_check},
    {METHOD_query_check_many, on_check_many},
    {METHOD_query_entitlements, on_entitlements},
    {METHOD_query_ping, on_ping},
    {METHOD_query_snapshot, give_snapshot},
    {METHOD_query_changes, give_changes},
    {METHOD_query_describe, give_describe},
    {METHOD_query_stats, give_stats},
    {0, NULL},
};
