/* A transaction while it is being built, and what must follow once it is on disk: the commit event
 * for the feed, the due work to plan anew, the claims that ended.
 *
 * Nothing in memory outside a change is touched before its commit succeeded, so an aborted one
 * leaves no trace.
 */
#ifndef SERVICES_STORE_DISK_CHANGE_H
#define SERVICES_STORE_DISK_CHANGE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/map.h"
#include "proto/message.h"
#include "services/store/disk/db.h"

/* The author of the request that is being executed; stands in the journal. */
struct origin {
    enum cause cause;
    struct str author;
    struct str trace;
};

/* A subscription or override that the change wrote, removed or marked. */
struct touched {
    struct touched *next;
    struct str id;
    const void *record; /* a copy of what was last written; NULL: only marked, or gone */
    bool gone;
};

struct verified_record {
    struct verified_record *next;
    struct str id;
};

struct touched_list {
    struct touched *first, **last;
    struct map *by_id;
};

enum effect_kind {
    EFFECT_APPLIED, /* the claim of `id` ended with an answer applied */
    EFFECT_RELEASED,
    EFFECT_MERGED,  /* `id` went into `other` */
    EFFECT_AWAITED, /* of catch_up.h: `id` is to be asked about first */
};

struct effect {
    struct effect *next;
    enum effect_kind kind;
    struct str id;
    struct str other;
    int64_t fence;
};

/* SHA-256, see chain.h. */
enum { CHAIN_HASH_SIZE = 32, SALT_SIZE = 16, SALTS_AT_ONCE = 32 };

struct change {
    struct db *db;
    struct arena arena;
    struct buf row; /* memory of change_put() */
    int64_t now_ms;
    int64_t seq;     /* of this commit, if it writes a record or an override */
    int64_t entries; /* in the journal so far; 0: the commit has no seq */
    struct origin origin;
    struct {
        bool known;
        unsigned char hash[CHAIN_HASH_SIZE];
    } head; /* the journal's chain, up to what this change wrote */
    struct {
        unsigned char bytes[SALTS_AT_ONCE * SALT_SIZE];
        size_t left;
    } salts; /* drawn ahead for the entries to come */
    struct touched_list subscriptions;
    struct touched_list overrides;
    struct verified_record *verified; /* by records_verify() */
    struct effect *effects, **last_effect;
    bool restated; /* of which incarnation the books are, or whether they catch up */
};

/* Begins the transaction. `seq` is that of the last commit. */
void change_begin(struct change *change, struct db *db, int64_t seq, int64_t now_ms);
int change_commit(struct change *change, struct error *error);
void change_done(struct change *change); /* aborts what was not committed; frees */

int64_t change_now_s(const struct change *change);

/* Writes a row that holds what a shape describes. */
void change_put(struct change *change, enum table table, struct str key, const struct shape *shape,
                const void *value);

/* Remembers what was done; ids and records are copied. */
void change_wrote(struct change *change, const struct subscription *record);
void change_removed(struct change *change, struct str id);
void change_marked(struct change *change, struct str id);
void change_wrote_override(struct change *change, const struct override *override);
void change_removed_override(struct change *change, struct str id);
void change_effect(struct change *change, enum effect_kind kind, struct str id, struct str other,
                   int64_t fence);

/* For the feed; lists live in the change's arena. */
void change_event(struct change *change, struct str incarnation, struct commit_event *ret_event);

#endif
