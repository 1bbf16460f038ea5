#include "proto/clients/c/copy/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/loop/loop.h"
#include "proto/clients/c/call/failure.h"
#include "proto/clients/c/call/guard.h"
#include "proto/clients/c/call/keep_errno.h"
#include "proto/clients/c/remote/peers.h"
#include "proto/replica/follow.h"

enum {
    LOOK_AROUND_MS = 1000,
    LOOK_AROUND_FIRST_MS = 100, /* while there is no copy yet */
    SILENCE_MS = 5000,          /* without a heartbeat: another checker may hear the store better */
    DESCRIBE_INTERVAL_MS = 10000,
    DESCRIBE_TIMEOUT_MS = 5000,
    ID_SIZE = 65,
};

struct worker {
    struct endpoint_context *context;
    struct roster *roster;
    struct local *local;
    struct subset *subset; /* NULL: all records */
    const struct entitled_options *options;
    pthread_t thread;
    int wake_fd;
    /* The thread's own. */
    struct loop *loop;
    struct peers peers;
    struct checker *source;
    int64_t source_since_mono_ms, describe_at_mono_ms;
    struct rpc_call *describing;
    bool described; /* the source, since it was chosen */
    struct replica_follow *follow;
    struct replica_follow_state left; /* of the follower before */
    char left_incarnation[ID_SIZE];
    /* Shared with the threads that ask. */
    atomic_bool stopped, lost, complete;
    atomic_int_fast64_t equal_mono_ms;
    pthread_mutex_t lock; /* of `changed` only */
    pthread_cond_t changed;
};

/* Following. */

static struct replica_follow_state state_of(const struct worker *worker)
{
    struct replica_follow_state state = worker->left;

    if (worker->follow)
        replica_follow_state(worker->follow, &state);
    return state;
}

static void stop_following(struct worker *worker)
{
    worker->left = state_of(worker);
    if (worker->follow)
        snprintf(worker->left_incarnation, ID_SIZE, STR_FMT, STR_ARG(worker->left.incarnation));
    worker->left.incarnation = str_of(worker->left_incarnation);
    worker->left.kept_incarnation = STR_NONE; /* only a report to the source needs it */
    replica_follow_close(take(worker->follow));
}

static void leave_source(struct worker *worker)
{
    if (!worker->source)
        return;
    if (worker->subset)
        subset_leave(worker->subset);
    stop_following(worker);
    rpc_call_cancel(take(worker->describing));
    worker->source->users--;
    worker->source = NULL;
}

static bool wants(void *arg, const struct subscription *record)
{
    const struct worker *worker = arg;

    return subset_wants(worker->subset, record);
}

static void forget(void *arg)
{
    const struct worker *worker = arg;

    subset_forget(worker->subset);
}

static void tell_state(struct worker *worker);

static void on_change(void *arg, const struct commit_event *event)
{
    struct worker *worker = arg;

    tell_state(worker);
    if (worker->subset)
        subset_on_change(worker->subset, event);
}

static void start_following(struct worker *worker)
{
    static const struct replica_follow_filter subset_only = {wants, forget};
    const char *addresses[] = {worker->source->feed};
    const struct config_list feed = {addresses, 1};
    const struct replica_follow_options options = {
        .loop = worker->loop,
        .context = worker->context,
        .replica = local_replica(worker->local),
        .source = worker->source->client,
        .snapshot_method = METHOD_query_snapshot,
        .changes_method = METHOD_query_changes,
        .feed = &feed,
        .resume = &worker->left,
        .filter = worker->subset ? &subset_only : NULL,
        .on_change = on_change,
        .arg = worker,
    };

    if (worker->follow || !worker->described || !worker->source->feed)
        return;
    if (replica_follow_open(&worker->follow, &options, NULL) < 0)
        checker_failed(worker->source);
}

static void on_described(void *arg, const struct rpc_response *response)
{
    struct worker *worker = arg;
    const struct describe_result *description = response->result;

    worker->describing = NULL;
    if (response->code != ERROR_NONE) {
        checker_failed(worker->source);
        return;
    }
    checker_answered(worker->source);
    roster_learn(worker->roster, worker->source->endpoint, description);
    local_decide_by(worker->local, description->policy, &description->products);
    worker->describe_at_mono_ms = clock_mono_ms() + DESCRIBE_INTERVAL_MS;
    worker->described = true;
}

static void describe(struct worker *worker)
{
    if (worker->describing || clock_mono_ms() < worker->describe_at_mono_ms ||
        !rpc_client_connected(worker->source->client))
        return;
    worker->describing = rpc_call(worker->source->client, METHOD_query_describe, NULL,
                                  DESCRIBE_TIMEOUT_MS, STR_NONE, on_described, worker);
}

static bool is_silent(const struct worker *worker)
{
    int64_t since = state_of(worker).last_heard_mono_ms;

    if (since < worker->source_since_mono_ms)
        since = worker->source_since_mono_ms;
    return clock_mono_ms() - since > SILENCE_MS;
}

static bool is_another(const void *arg, const struct checker *checker)
{
    const struct worker *worker = arg;

    return checker != worker->source;
}

/* A source that went away is waited for if there is no other: when it is back, following resumes.
 */
static void choose_source(struct worker *worker)
{
    const struct checker *source = worker->source;

    if (source && !source->leaving && source->failures == 0 &&
        rpc_client_connected(source->client) && !is_silent(worker))
        return;
    struct checker *other = peers_choose(&worker->peers, is_another, worker);
    if (!other && !(source && source->leaving))
        return;
    leave_source(worker);
    if (!other)
        return;
    other->users++;
    worker->source = other;
    worker->source_since_mono_ms = clock_mono_ms();
    worker->describe_at_mono_ms = 0;
    worker->described = false;
}

/* Telling. */

static void tell_change(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static void tell_state(struct worker *worker)
{
    struct replica_follow_state state = state_of(worker);
    bool answers = state.complete || state.kept;

    atomic_store(&worker->equal_mono_ms,
                 state.kept ? state.kept_equal_mono_ms : state.equal_mono_ms);
    if (atomic_exchange(&worker->complete, answers) != answers)
        tell_change(worker);
}

static void run(void *arg)
{
    struct worker *worker = arg;

    while (!atomic_load(&worker->stopped)) {
        peers_refresh(&worker->peers);
        choose_source(worker);
        if (worker->source) {
            describe(worker);
            start_following(worker);
            if (worker->subset && worker->follow)
                subset_fetch(worker->subset, worker->source->client, worker->follow);
        }
        loop_turn(worker->loop,
                  atomic_load(&worker->complete) ? LOOK_AROUND_MS : LOOK_AROUND_FIRST_MS);
        tell_state(worker);
    }
}

static void *run_guarded(void *arg)
{
    struct worker *worker = arg;

    pthread_setname_np(pthread_self(), "entitled");
    if (!guard_call(run, worker)) {
        atomic_store(&worker->lost, true);
        tell_change(worker);
    }
    return NULL;
}

static void on_wake(void *arg, int fd, int happened)
{
    uint64_t count;
    (void)arg;
    (void)happened;

    (void)!read(fd, &count, sizeof(count));
}

void worker_wake(const struct worker *worker)
{
    KEEPS_ERRNO;
    const uint64_t one = 1;

    (void)!write(worker->wake_fd, &one, sizeof(one));
}

/* The application's signals are for its own threads. */
static int start_thread(struct worker *worker)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&worker->thread, NULL, run_guarded, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static void init_condition(struct worker *worker)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&worker->lock, NULL);
}

static void worker_free(struct worker *worker, bool whole)
{
    if (whole) {
        leave_source(worker);
        peers_done(&worker->peers);
        loop_free(worker->loop);
    }
    close(worker->wake_fd);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    mem_free(worker);
}

struct worker *worker_start(struct endpoint_context *context, struct roster *roster,
                            struct local *local, struct subset *subset,
                            const struct entitled_options *options)
{
    struct worker *worker = mem_alloc_zero(sizeof(*worker));

    worker->context = context;
    worker->roster = roster;
    worker->local = local;
    worker->subset = subset;
    worker->options = options;
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->wake_fd < 0)
        mem_exhausted();
    init_condition(worker);
    worker->loop = loop_new();
    peers_init(&worker->peers, worker->loop, context, roster);
    loop_watch_fd(worker->loop, worker->wake_fd, LOOP_READ, on_wake, NULL);
    if (start_thread(worker) != 0) {
        worker_free(worker, true);
        mem_exhausted();
    }
    return worker;
}

bool worker_stop(struct worker *worker)
{
    if (!worker)
        return true;
    atomic_store(&worker->stopped, true);
    worker_wake(worker);
    pthread_join(worker->thread, NULL);
    bool whole = !atomic_load(&worker->lost);
    worker_free(worker, whole);
    return whole;
}

int worker_state(const struct worker *worker, int64_t *ret_age_ms, struct entitled_error *error)
{
    if (atomic_load(&worker->lost))
        return failure_of_memory(error);
    if (!atomic_load(&worker->complete))
        return failure_set(error, ENTITLED_NOT_READY,
                           "the copy of the records is not complete yet");
    int64_t age_ms = clock_mono_ms() - (int64_t)atomic_load(&worker->equal_mono_ms);
    *ret_age_ms = age_ms > 0 ? age_ms : 0;
    if (worker->options->age_limit_ms > 0 && *ret_age_ms > worker->options->age_limit_ms)
        return failure_set(error, ENTITLED_UNAVAILABLE,
                           "the copy is %lld ms old, which is more than is allowed",
                           (long long)*ret_age_ms);
    return ENTITLED_OK;
}

static bool is_settled(struct worker *worker)
{
    return atomic_load(&worker->complete) || atomic_load(&worker->lost);
}

int worker_wait_ready(struct worker *worker, int64_t timeout_ms, struct entitled_error *error)
{
    int64_t due_ms = clock_mono_ms() + timeout_ms, age_ms;
    const struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    int result = 0;

    pthread_mutex_lock(&worker->lock);
    while (!is_settled(worker) && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&worker->changed, &worker->lock, &due);
    pthread_mutex_unlock(&worker->lock);
    return worker_state(worker, &age_ms, error);
}
