/* Keeps a replica equal to the store: feed, gaps, changes, snapshot, incarnation.
 *
 * Subscribe, wait for a heartbeat, pull a snapshot chunk by chunk, keep the higher version;
 * complete when the seq reported with the last chunk has been applied. A gap asks for `changes`
 * after a jittered moment; a new incarnation means a full snapshot, and so does a start of the
 * store that found less than what is held here. What was complete before is set aside and goes on
 * answering until the new copy is complete and the store has caught up with AWS.
 */
#ifndef PROTO_REPLICA_FOLLOW_H
#define PROTO_REPLICA_FOLLOW_H

#include "proto/endpoint/client.h"
#include "proto/endpoint/feed.h"
#include "proto/replica/replica.h"

struct replica_follow;

struct replica_follow_state {
    /* The replica holds all up to seq. Stays so through gaps and while the source is away; a new
     * incarnation ends it. */
    bool complete;
    /* What was complete before was set aside: of which state, and when all that had been heard of
     * it was in the replica last. */
    bool kept;
    struct str kept_incarnation;
    int64_t kept_seq, kept_equal_mono_ms;
    int64_t catching_up_since_s; /* the store, as far as is known; 0: it is not */
    int64_t lost_commits;        /* that the latest start of the store which found less lacked */
    uint64_t older_starts;       /* such starts */
    struct str incarnation;      /* lives with the follower */
    int64_t seq;
    /* Of the store, by event or heartbeat, its own or passed on by a checker; 0: never. */
    int64_t last_heard_mono_ms;
    /* When all that had been heard of was in the replica last; 0: never. What is heard later and
     * cannot be had does not move it. */
    int64_t equal_mono_ms;
    uint64_t gaps, snapshots;
    uint64_t unreadable; /* records of snapshots, which the replica is without */
};

/* For a replica of some records only. They are had elsewhere; the follower keeps up to date what
 * is wanted, and all overrides. */
struct replica_follow_filter {
    bool (*wants)(void *arg, const struct subscription *record);
    /* What has been had may be out of date, and there is no catching up. */
    void (*forget)(void *arg);
};

struct replica_follow_options {
    struct loop *loop;
    struct endpoint_context *context;
    struct replica *replica;
    struct rpc_client *source;      /* of the store, or of a checker */
    enum method_id snapshot_method; /* METHOD_store_snapshot or METHOD_query_snapshot */
    enum method_id changes_method;
    const struct config_list *feed;
    /* What the replica holds already, left by another follower, perhaps of another source: it is
     * kept and goes on answering. NULL or not complete: the replica is filled anew. */
    const struct replica_follow_state *resume;
    const struct replica_follow_filter *filter; /* NULL: all records */
    /* The source is told by replica_follow_reported() what is kept, and may only then be believed
     * that it has caught up. */
    bool reports_to_source;
    /* Called after each applied event; with NULL when anything else changed: an answer was applied,
     * the replica is complete or no longer so, something is kept or no longer. It must not close
     * the follower. Optional. */
    void (*on_change)(void *arg, const struct commit_event *event);
    void *arg;
};

int replica_follow_open(struct replica_follow **ret, const struct replica_follow_options *options,
                        struct error *error);
void replica_follow_close(struct replica_follow *follow); /* takes NULL */
/* The source has heard of the state kept, and has done by this commit what follows from it. */
void replica_follow_reported(struct replica_follow *follow, int64_t seq);
void replica_follow_state(const struct replica_follow *follow,
                          struct replica_follow_state *ret_state);

#endif
