#include "services/store/process/commit.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/store/rules/succession.h"
#include "services/store/work/settle.h"

void commit_init(struct commit *commit)
{
    TAILQ_INIT(&commit->queue);
}

void commit_submit(struct commit *commit, struct commit_job *job)
{
    TAILQ_INSERT_TAIL(&commit->queue, job, link);
}

void commit_cancel(struct commit *commit, struct commit_job *job)
{
    TAILQ_REMOVE(&commit->queue, job, link);
}

/* False: it failed after it had written, or the database did; the transaction is spoiled. */
static bool execute(struct commit *commit, struct change *change, struct commit_job *job)
{
    struct db *db = commit->books->db;
    uint64_t writes = db_writes(db);
    struct work work = {.books = commit->books,
                        .change = change,
                        .arena = job->arena,
                        .params = job->params,
                        .result = job->result,
                        .error = &job->error};

    change->origin = (struct origin){.trace = job->trace};
    job->error.text[0] = '\0';
    memset(job->result, 0, job->result_size);
    job->code = job->fn(&work);
    if (db_failed(db, &job->error)) {
        job->code = ERROR_INTERNAL;
        return false;
    }
    return job->code == ERROR_NONE || db_writes(db) == writes;
}

static void fail_all(struct commit_queue *group, enum rpc_error code, const char *message)
{
    struct commit_job *job;

    TAILQ_FOREACH (job, group, link) {
        job->code = code;
        error_set(&job->error, "%s", message);
    }
}

/* Executes the jobs in one transaction. False: nothing of it is there. */
static bool attempt(struct commit *commit, struct commit_queue *group)
{
    struct books *books = commit->books;
    struct change change;
    struct error error;
    struct commit_job *job;
    bool good = true;

    change_begin(&change, books->db, books->seq, clock_wall_ms());
    TAILQ_FOREACH (job, group, link) {
        good = execute(commit, &change, job);
        if (!good)
            break;
    }
    if (good)
        succession_settle(books, &change);
    if (good && change_commit(&change, &error) < 0) {
        fail_all(group, ERROR_INTERNAL, error.text);
        good = false;
    }
    if (good) {
        settle_commit(books, &change);
        commit->committed(commit->arg, &change);
    }
    change_done(&change);
    return good;
}

/* A job that fails alone keeps its own error: nothing else is undone with it. */
static void redo_singly(struct commit *commit, struct commit_queue *group)
{
    struct commit_queue done = TAILQ_HEAD_INITIALIZER(done);
    struct commit_job *job;

    commit->stats.spoiled++;
    while ((job = TAILQ_FIRST(group))) {
        struct commit_queue alone = TAILQ_HEAD_INITIALIZER(alone);
        TAILQ_REMOVE(group, job, link);
        TAILQ_INSERT_TAIL(&alone, job, link);
        if (!attempt(commit, &alone) && job->code == ERROR_INTERNAL)
            log_error("a request could not be executed", LOG_TEXT("why", job->error.text),
                      LOG_TRACE(job->trace));
        TAILQ_REMOVE(&alone, job, link);
        TAILQ_INSERT_TAIL(&done, job, link);
    }
    TAILQ_CONCAT(group, &done, link);
}

static bool has_space(struct commit *commit, struct error *error)
{
    int64_t free_bytes = db_free_bytes(commit->books->db);

    if (free_bytes < 0 || free_bytes >= commit->free_space_floor)
        return true;
    error_set(error,
              "only %" PRId64 " MiB are free where the database is, and store.free_space_floor is "
              "%" PRId64 " MiB: nothing is written until there is more",
              free_bytes >> 20, commit->free_space_floor >> 20);
    return false;
}

static void take_group(struct commit *commit, struct commit_queue *group)
{
    struct commit_job *job;

    for (int64_t count = 0; count < commit->group_limit; count++) {
        if (!(job = TAILQ_FIRST(&commit->queue)))
            break;
        TAILQ_REMOVE(&commit->queue, job, link);
        TAILQ_INSERT_TAIL(group, job, link);
    }
}

bool commit_run(struct commit *commit)
{
    struct commit_queue group = TAILQ_HEAD_INITIALIZER(group);
    struct commit_job *job;
    struct error error;

    take_group(commit, &group);
    if (TAILQ_EMPTY(&group))
        return false;
    commit->stats.groups++;
    if (!has_space(commit, &error)) {
        commit->stats.refused++;
        fail_all(&group, ERROR_UNAVAILABLE, error.text);
    } else if (!attempt(commit, &group)) {
        redo_singly(commit, &group);
    }
    while ((job = TAILQ_FIRST(&group))) {
        TAILQ_REMOVE(&group, job, link);
        commit->stats.requests++;
        job->done(job, job->code, job->error.text);
    }
    return !TAILQ_EMPTY(&commit->queue);
}
