#include "services/checker/max_age.h"

#include <string.h>
#include <sys/queue.h>

#include "common/base/bucket.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

enum {
    WAITS_MAX = 16,        /* subscriptions of one handle that are waited for */
    ANSWER_MARGIN_MS = 50, /* of the deadline, to answer in */
    PEER_MAX = 255,        /* bytes that name a connection (zmq_setsockopt(3), ZMQ_ROUTING_ID) */
    LATELY_MAX = 64,
    LATELY_MS = 1000,
    SECOND_US = 1000000,
};

/* The connections that had AWS asked lately. A ring: one that is pushed out counts as new. */
struct lately {
    char peer[PEER_MAX];
    size_t peer_len;
    int64_t at_mono_ms;
};

/* A question that waits for the store. */
struct asking {
    LIST_ENTRY(asking) entry;
    struct max_age *max_age;
    struct rpc_request *request;
    int64_t asked_at_s;
    struct rpc_call *mark;
    struct waiting {
        struct asking *asking;
        struct rpc_call *call;
    } waits[WAITS_MAX];
    size_t waiting;
    bool met;
};

struct max_age {
    struct max_age_options options;
    struct max_age_stats stats;
    LIST_HEAD(, asking) asking;
    struct bucket ration;
    struct bucket_size ration_size; /* of one second's questions */
    struct lately lately[LATELY_MAX];
    size_t next_lately;
};

static struct lately *find_lately(struct max_age *max_age, struct str peer, int64_t now)
{
    for (size_t i = 0; i < LATELY_MAX; i++) {
        struct lately *lately = &max_age->lately[i];
        if (lately->peer_len > 0 && now - lately->at_mono_ms < LATELY_MS &&
            str_eq(str_from(lately->peer, lately->peer_len), peer))
            return lately;
    }
    return NULL;
}

static void note_lately(struct max_age *max_age, struct lately *known, struct str peer, int64_t now)
{
    struct lately *lately = known ? known : &max_age->lately[max_age->next_lately++ % LATELY_MAX];

    lately->peer_len = peer.len < PEER_MAX ? peer.len : PEER_MAX;
    memcpy(lately->peer, peer.ptr, lately->peer_len);
    lately->at_mono_ms = now;
}

/* Half of the tokens are left for connections that did not just have AWS asked: a connection
 * that asks without end gets all of them while no other asks, and no more than its share once
 * another does. */
static bool take_token(struct max_age *max_age, struct str peer)
{
    int64_t now_us = clock_mono_us(), now = now_us / 1000;
    struct lately *lately = find_lately(max_age, peer, now);

    if (!bucket_take(&max_age->ration, &max_age->ration_size, 1,
                     lately ? max_age->ration_size.tokens / 2 : 0, now_us))
        return false;
    note_lately(max_age, lately, peer, now);
    return true;
}

/* As it is now. What was verified after the question came is as fresh as can be, however long AWS
 * took. Meanwhile the store may have become another one, whose records are only being copied. */
static void answer_now(const struct max_age *max_age, struct rpc_request *request,
                       int64_t fresh_from_s)
{
    struct replica_reader *reader = max_age->options.reader;
    struct answer answer;
    struct error error;

    if (!max_age->options.is_complete(max_age->options.arg)) {
        rpc_fail(request, ERROR_NOT_READY, "%s", rpc_errors[ERROR_NOT_READY].sentence);
        return;
    }
    replica_read_begin(reader);
    enum rpc_error code =
        answering_check(max_age->options.guidance, reader, rpc_request_params(request),
                        clock_wall_s(), rpc_request_arena(request), &answer, &error);
    if (code != ERROR_NONE) {
        rpc_fail(request, code, "%s", error.text);
    } else {
        if (answer.verified_at >= fresh_from_s)
            answer.stale = false;
        rpc_reply(request, &answer);
    }
    replica_read_end(reader);
}

static void forget(struct asking *asking)
{
    rpc_call_cancel(asking->mark);
    for (size_t i = 0; i < WAITS_MAX; i++)
        rpc_call_cancel(asking->waits[i].call);
    LIST_REMOVE(asking, entry);
    mem_free(asking);
}

/* Times are whole seconds: what was verified in the second of the question may have been so before
 * it, unless the store says that AWS was asked since. */
static int64_t surely_after(int64_t asked_at_s)
{
    return asked_at_s + 1;
}

static void finish(struct asking *asking)
{
    if (!asking->met)
        asking->max_age->stats.unmet++;
    answer_now(asking->max_age, asking->request,
               asking->met ? asking->asked_at_s : surely_after(asking->asked_at_s));
    forget(asking);
}

/* The store's record is put in at once: the feed may bring it a moment later. */
static void on_refreshed(void *arg, const struct rpc_response *response)
{
    struct waiting *waiting = arg;
    struct asking *asking = waiting->asking;
    const struct subscription_result *result = response->result;

    waiting->call = NULL;
    asking->waiting--;
    if (response->code != ERROR_NONE)
        asking->met = false;
    else if (result->subscription)
        replica_put(asking->max_age->options.replica, result->subscription);
    if (asking->waiting == 0)
        finish(asking);
}

static int64_t time_left_ms(const struct asking *asking)
{
    int64_t left = rpc_request_time_left_ms(asking->request) - ANSWER_MARGIN_MS;

    return left > 0 ? left : 1;
}

static void on_marked(void *arg, const struct rpc_response *response)
{
    struct asking *asking = arg;
    struct max_age *max_age = asking->max_age;
    const struct mark_result *result = response->result;

    asking->mark = NULL;
    if (response->code != ERROR_NONE || result->subscriptions.count == 0) {
        finish(asking);
        return;
    }
    asking->met = result->subscriptions.count <= WAITS_MAX;
    for (size_t i = 0; i < result->subscriptions.count && i < WAITS_MAX; i++) {
        const struct wait_params params = {.subscription = result->subscriptions.items[i],
                                           .ticket = result->ticket};
        struct waiting *waiting = &asking->waits[i];
        waiting->asking = asking;
        asking->waiting++;
        waiting->call =
            rpc_call(max_age->options.store, METHOD_store_wait, &params, time_left_ms(asking),
                     rpc_request_trace(asking->request), on_refreshed, waiting);
    }
}

struct max_age *max_age_new(const struct max_age_options *options)
{
    struct max_age *max_age = mem_alloc_zero(sizeof(*max_age));

    max_age->options = *options;
    max_age->ration_size =
        (struct bucket_size){.tokens = options->per_second, .refill_us = SECOND_US};
    LIST_INIT(&max_age->asking);
    return max_age;
}

void max_age_free(struct max_age *max_age)
{
    struct asking *asking;

    if (!max_age)
        return;
    while ((asking = LIST_FIRST(&max_age->asking)))
        forget(asking);
    mem_free(max_age);
}

void max_age_answer(struct max_age *max_age, struct rpc_request *request)
{
    const struct check_params *question = rpc_request_params(request);
    const struct mark_params params = {.handle = question->handle,
                                       .class = DUE_MAX_AGE,
                                       .reason = STR("max_age_ms"),
                                       .product = question->product};
    int64_t now_s = clock_wall_s();

    if (!rpc_client_connected(max_age->options.store) ||
        !take_token(max_age, rpc_request_peer(request))) {
        max_age->stats.rationed++;
        answer_now(max_age, request, surely_after(now_s));
        return;
    }
    max_age->stats.asked++;
    struct asking *asking = mem_alloc_zero(sizeof(*asking));
    asking->max_age = max_age;
    asking->request = request;
    asking->asked_at_s = now_s;
    LIST_INSERT_HEAD(&max_age->asking, asking, entry);
    asking->mark = rpc_call(max_age->options.store, METHOD_store_mark, &params,
                            time_left_ms(asking), rpc_request_trace(request), on_marked, asking);
}

struct max_age_stats max_age_stats(const struct max_age *max_age)
{
    return max_age->stats;
}
