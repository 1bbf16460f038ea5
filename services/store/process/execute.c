/* From a request to a handler and back. */
#include "common/base/mem.h"
#include "services/store/process/store.h"

struct write_job {
    struct commit_job job; /* first: leads back here */
    struct store *store;
    struct rpc_request *request;
};

static size_t result_size(const struct rpc_request *request)
{
    return methods[rpc_request_method(request)].result->size;
}

static void *new_result(struct rpc_request *request)
{
    return arena_alloc(rpc_request_arena(request), result_size(request));
}

void store_read(struct store *store, struct rpc_request *request, work_fn *fn)
{
    struct error error = {.text = ""};
    struct work work = {.books = &store->books,
                        .arena = rpc_request_arena(request),
                        .params = rpc_request_params(request),
                        .result = new_result(request),
                        .error = &error};

    db_forgive(store->books.db);
    enum rpc_error code = fn(&work);
    if (db_failed(store->books.db, &error))
        code = ERROR_INTERNAL;
    if (code == ERROR_NONE)
        rpc_reply(request, work.result);
    else
        rpc_fail(request, code, "%s", error.text);
}

static void on_done(struct commit_job *job, enum rpc_error code, const char *message)
{
    struct write_job *write = (struct write_job *)job;

    if (code == ERROR_NONE)
        rpc_reply(write->request, job->result);
    else
        rpc_fail(write->request, code, "%s", message);
    mem_free(write);
}

static void on_expired(void *arg, struct rpc_request *request)
{
    struct write_job *write = arg;

    (void)request;
    commit_cancel(&write->store->commit, &write->job);
    mem_free(write);
}

static void run_commit(void *arg)
{
    struct store *store = arg;

    store->commit_is_due = commit_run(&store->commit);
    if (store->commit_is_due)
        loop_soon(store->context->loop, run_commit, store);
    store_watch_catch_up(store);
    store_dispatch(store);
}

void store_submit(struct store *store, struct commit_job *job)
{
    commit_submit(&store->commit, job);
    if (!store->commit_is_due) {
        store->commit_is_due = true;
        loop_soon(store->context->loop, run_commit, store);
    }
}

void store_write(struct store *store, struct rpc_request *request, work_fn *fn)
{
    struct write_job *write = mem_alloc_zero(sizeof(*write));

    *write = (struct write_job){.job = {.fn = fn,
                                        .arena = rpc_request_arena(request),
                                        .params = rpc_request_params(request),
                                        .result = new_result(request),
                                        .result_size = result_size(request),
                                        .trace = rpc_request_trace(request),
                                        .done = on_done},
                                .store = store,
                                .request = request};
    rpc_park(request, on_expired, write);
    store_submit(store, &write->job);
}

void store_forget_writes(struct store *store)
{
    struct commit_job *job;

    while ((job = TAILQ_FIRST(&store->commit.queue))) {
        commit_cancel(&store->commit, job);
        mem_free(job);
    }
}

static void on_committed(void *arg, struct change *change)
{
    struct store *store = arg;

    store_publish(store, change);
    store_answer_waits(store, change);
}

void store_commit_init(struct store *store)
{
    commit_init(&store->commit);
    store->commit.books = &store->books;
    store->commit.group_limit = store->settings->store.group_commit_limit;
    store->commit.free_space_floor = store->settings->store.free_space_floor;
    store->commit.committed = on_committed;
    store->commit.arg = store;
}
