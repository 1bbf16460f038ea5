/* The checker's state: what its files share. Start and stop are in checker.c.
 *
 * Two threads: the query thread touches `guidance`, `query_reader`, `shown`, `batch` and
 * `handover`; all else belongs to the loop.
 */
#ifndef SERVICES_CHECKER_CHECKER_H
#define SERVICES_CHECKER_CHECKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/daemon/daemon.h"
#include "proto/endpoint/server.h"
#include "proto/replica/follow.h"
#include "proto/settings/settings.h"
#include "proto/suite/suite.h"
#include "services/checker/answering.h"
#include "services/checker/broad.h"
#include "services/checker/handover.h"
#include "services/checker/history.h"
#include "services/checker/max_age.h"
#include "services/checker/public_feed.h"
#include "services/checker/refresh.h"

/* What the query thread says of the state it answers from. */
struct shown_state {
    pthread_mutex_t lock;
    /* Of the copy that is complete, another one each time; 0: none is. Written under the lock. */
    atomic_uint_fast64_t complete_copy;
    uint64_t copies;
    char incarnation[65];
    int64_t seq;
};

/* The query thread's, for questions that have come together. */
struct query_batch {
    uint64_t copy;
    int64_t now_s;
};

/* kept.c: what is kept while the store, which came back with less, catches up; as far as it was
 * told. */
struct kept_watch {
    bool kept, compared, announced;
    uint64_t older_starts;
    uint64_t overrides_lost, overrides_back, tenants_lost;
};

struct checker {
    const struct daemon_context *daemon;
    const struct settings *settings;
    struct arena arena; /* of what the start derives from the settings */
    struct replica_guidance guidance;
    struct suite suite;
    struct aws *aws;
    struct replica *replica;
    struct replica_reader *query_reader, *loop_reader;
    struct replica_follow *follow;
    uint64_t unreadable; /* records, as far as they were logged */
    struct history *history;
    struct kept_watch kept;
    struct shown_state shown;
    struct query_batch batch;
    struct refresh *refresh;
    struct public_feed *feed;
    struct max_age *max_age;
    struct broad *broad;
    struct handover *handover;
    struct rpc_server *queries;
};

/* kept.c */
void checker_watch_kept(struct checker *checker, const struct replica_follow_state *now);
announcement_holds_fn checker_holds;
announcement_told_fn checker_told;

int checker_start(void *state, const struct daemon_context *daemon, struct error *error);
void checker_drain(void *state);
void checker_stop(void *state);

/* query.c; the arg is the checker. */
extern const struct rpc_route query_routes[];
extern const struct rpc_batching query_batching;
/* Any thread: which of the store's states an answer shows, at least. */
void checker_describe_state(void *arg, struct arena *arena, struct entitlements_result *result);
/* bulk.c and about.c; on the loop. */
void on_snapshot(void *arg, struct rpc_request *request);
void on_changes(void *arg, struct rpc_request *request);
void on_describe(void *arg, struct rpc_request *request);
void on_stats(void *arg, struct rpc_request *request);

#endif
