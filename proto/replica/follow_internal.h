/* Inside of proto/replica/follow.h: follow.c hears the feed and knows how far the replica reaches;
 * follow_pull.c asks the source for the rest. */
#ifndef PROTO_REPLICA_FOLLOW_INTERNAL_H
#define PROTO_REPLICA_FOLLOW_INTERNAL_H

#include <stdio.h>

#include "common/base/map.h"
#include "proto/replica/follow.h"

enum { ID_SIZE = 65 };

enum phase {
    LISTENING,   /* nothing heard yet */
    SNAPSHOT,    /* pulling chunks, applying events */
    CATCHING_UP, /* events are missing; asking for what they changed */
    FOLLOWING,
};

struct replica_follow {
    struct replica_follow_options options;
    struct feed_subscriber *feed;
    struct rpc_call *call;
    struct loop_timer *timer;
    enum phase phase;
    char incarnation[ID_SIZE];
    bool complete;
    int64_t seq;                 /* all up to it is in the replica */
    int64_t run_first, run_last; /* the latest unbroken run of events, which are in it too */
    int64_t known;               /* the highest commit heard of */
    char after[ID_SIZE];         /* of the next chunk */
    int64_t first_chunk_seq;
    /* What events touched since the phase is not FOLLOWING, with the seq of it: answers that show
     * an earlier state must not undo that. Records need it only for removals; they have versions.
     */
    struct map *removed, *overrides_touched;
    unsigned failures;
    int64_t last_heard_mono_ms, equal_mono_ms;
    uint64_t gaps, snapshots, unreadable;
    int64_t start; /* of the store, as last heard; 0: nobody said */
    /* What was complete before, set aside in the replica. */
    bool kept;
    char kept_incarnation[ID_SIZE];
    int64_t kept_seq, kept_equal_mono_ms, kept_at_s;
    int64_t reported_seq; /* NOT_REPORTED: the source does not know of it */
    int64_t catching_up_since_s;
    int64_t lost_commits;
    uint64_t older_starts;
};

static inline int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline void copy_id(char to[ID_SIZE], struct str id)
{
    snprintf(to, ID_SIZE, STR_FMT, STR_ARG(id));
}

/* Whether an event after the state `seq` touched it. */
static inline bool follow_touched_after(const struct map *map, struct str id, int64_t seq)
{
    return (intptr_t)map_get(map, id) > seq;
}

void follow_tell(struct replica_follow *follow, const struct commit_event *event);
/* Unless a filter does not want it. */
void follow_put(struct replica_follow *follow, const struct subscription *record);
void follow_settle(struct replica_follow *follow);
void follow_note_catching_up(struct replica_follow *follow, int64_t since_s);
bool follow_is_older_start(struct replica_follow *follow, struct str incarnation, int64_t start,
                           int64_t start_seq);
void follow_begin_anew(struct replica_follow *follow, struct str incarnation);
/* Asks again, later each time. */
void follow_retry(struct replica_follow *follow);
void follow_stop_asking(struct replica_follow *follow);

void follow_start_snapshot(struct replica_follow *follow);
/* The next chunk or changes, whichever its phase needs; for a timer. */
void follow_request_next(void *arg);

#endif
