/* The store as a process: its state, its sockets, and the requests that wait for something. */
#ifndef SERVICES_STORE_PROCESS_STORE_H
#define SERVICES_STORE_PROCESS_STORE_H

#include <sys/queue.h>

#include "common/daemon/daemon.h"
#include "common/daemon/lock.h"
#include "proto/endpoint/feed.h"
#include "proto/endpoint/server.h"
#include "proto/suite/suite.h"
#include "services/store/process/commit.h"
#include "services/store/tables/steady_clock.h"
#include "services/store/work/presence.h"
#include "services/store/work/quota.h"

struct store;

/* A request that is answered later. */
struct parked {
    TAILQ_ENTRY(parked) link;
    struct parked_queue *queue;
    struct store *store;
    struct rpc_request *request;
    struct str id;  /* of a wait: the subscription */
    int64_t ticket; /* of a wait */
};
TAILQ_HEAD(parked_queue, parked);

/* The check of the indexes after a crash, part by part while the store serves. */
struct index_check {
    struct loop_timer *timer;
    struct arena arena; /* the position */
    struct str position;
    int64_t began_mono_ms;
    int64_t entries, missing, surplus; /* so far */
};

struct store {
    const struct daemon_context *context;
    const struct settings *settings;
    struct arena arena; /* what lives as long as the store */
    struct lock *lock;
    struct books books;
    struct commit commit;
    bool commit_is_due;
    struct quota quota;
    struct presence *presence;
    struct index_check index_check;
    struct running_backup *backup;               /* NULL: none */
    struct parked_queue claims;                  /* checkers that wait for work */
    struct parked_queue tokens[due_class_count]; /* calls that wait for a token of the quota */
    struct parked_queue waits;                   /* who must see a refresh */
    struct suite suite;
    struct rpc_server *server;
    struct feed_publisher *feed;
    struct loop_timer *heartbeat_timer, *housekeeping_timer, *dispatch_timer;
    int64_t planning_mono_ms; /* since when due work is being planned; 0: it is not */
    int64_t wall_ahead_ms;    /* of the monotonic clock; 0: not looked yet */
    struct steady_clock steady_clock;
    int64_t checkpoint_at_mono_ms, prune_at_mono_ms, head_at_mono_ms;
    uint64_t events_published, events_truncated;
    uint64_t claims_refused; /* of callers of another account */
    bool caught_up_is_due;
};

int store_start(void *state, const struct daemon_context *context, struct error *error);
void store_stop(void *state);

/* routes.c: the methods of messages.def and who serves them. */
extern const struct rpc_route store_routes[];

/* store.c: plans all due work, part by part. */
void store_plan_anew(struct store *store);

/* wall_clock.c: notices that it was set. */
void store_watch_clock(struct store *store, struct moment now);

/* execute.c: runs a handler, at once if it only reads, else with the next group. */
void store_read(struct store *store, struct rpc_request *request, work_fn *fn);
void store_write(struct store *store, struct rpc_request *request, work_fn *fn);
/* Has it executed with the next group. */
void store_submit(struct store *store, struct commit_job *job);
void store_commit_init(struct store *store);
void store_forget_writes(struct store *store); /* the server has answered them all */

/* park.c */
struct parked *store_park(struct store *store, struct parked_queue *queue,
                          struct rpc_request *request);
struct rpc_request *store_unpark(struct parked *parked); /* frees it */
void store_forget_parked(struct store *store);

/* serve_due.c: hands out work and tokens, and arranges to be called again. */
void store_dispatch(struct store *store);
/* Answers the waits that the commit satisfies. */
void store_answer_waits(struct store *store, const struct change *change);
rpc_handler_fn serve_claim, serve_wait, serve_quota, serve_throttled;

/* serve_process.c */
rpc_handler_fn serve_describe, serve_ping, serve_stats;
struct peer_list store_live_checkers(struct store *store, struct arena *arena);

/* serve_announce.c: what the store learns of its followers, and whether it has caught up. */
rpc_handler_fn serve_announce;
void store_start_catching_up(struct store *store);
void store_watch_catch_up(struct store *store);

/* feed.c */
void store_publish(struct store *store, struct change *change);
void store_start_heartbeat(struct store *store);

/* serve_backup.c */
rpc_handler_fn serve_backup;
void store_stop_backup(struct store *store); /* waits for its thread */

/* refused_keys.c */
void store_journal_refused_keys(void *arg, const char *last, uint64_t count);

/* check.c: checks the indexes if the books were not left in order. */
void store_start_check(struct store *store);
void store_stop_check(struct store *store);

/* housekeeping.c: checkpoints, and what is past its time. */
void store_start_housekeeping(struct store *store);

#endif
