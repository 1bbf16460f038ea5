/* Group commit: what waits is executed in one transaction with one sync, then everyone is answered.
 *
 * No request is answered before the sync. If one request spoils the transaction (it failed after it
 * had written, or the database refused), everything is undone and each is executed alone, so that
 * only the spoiler fails. Below the floor of free space nothing is executed: every request fails
 * with that reason, and reading goes on.
 */
#ifndef SERVICES_STORE_PROCESS_COMMIT_H
#define SERVICES_STORE_PROCESS_COMMIT_H

#include <sys/queue.h>

#include "services/store/work/books.h"

/* One writing request. The caller fills fn to arg and keeps it until done was called. */
struct commit_job {
    work_fn *fn;
    struct arena *arena;
    const void *params;
    void *result; /* zeroed before each execution; complete when done gets ERROR_NONE */
    size_t result_size;
    struct str trace;
    void (*done)(struct commit_job *job, enum rpc_error code, const char *message);
    void *arg;

    TAILQ_ENTRY(commit_job) link;
    enum rpc_error code;
    struct error error;
};

struct commit_stats {
    uint64_t groups, requests, spoiled, refused;
};

struct commit {
    struct books *books;
    int64_t group_limit;
    int64_t free_space_floor;
    /* Called after the sync and before the answers, once for each transaction. */
    void (*committed)(void *arg, struct change *change);
    void *arg;

    TAILQ_HEAD(commit_queue, commit_job) queue;
    struct commit_stats stats;
};

void commit_init(struct commit *commit); /* the queue; the caller fills the rest */
void commit_submit(struct commit *commit, struct commit_job *job);
void commit_cancel(struct commit *commit, struct commit_job *job); /* it will not be executed */
/* Executes one group; true if more waits. */
bool commit_run(struct commit *commit);

#endif
