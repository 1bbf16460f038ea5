/* What the handlers of the store work on, apart from sockets: the database, the due work, the
 * rules. A handler is a function of a request's parameters and this. */
#ifndef SERVICES_STORE_WORK_BOOKS_H
#define SERVICES_STORE_WORK_BOOKS_H

#include "proto/record/record.h"
#include "proto/settings/settings.h"
#include "services/store/disk/change.h"
#include "services/store/work/due.h"
#include "services/store/work/parts.h"
#include "services/store/work/verified.h"

enum { INCARNATION_SIZE = 33 };

/* Events that daemons have recorded in this minute. */
struct event_ration {
    int64_t minute;
    int count;
};

struct books {
    struct db *db;
    struct due *due;
    struct verified *verified;
    struct parts *parts;   /* of answers that are coming */
    struct buf planned_to; /* the id up to which books_plan_more() came */
    struct policy policy;
    const struct settings *settings; /* NULL: every product is ours */
    char incarnation[INCARNATION_SIZE];
    int64_t start, start_seq;    /* a number of this start, and the last commit that it found */
    int64_t catching_up_since_s; /* of catch_up.h; 0: it is not */
    int64_t lost_commits;        /* that a checker showed to be missing at this start; 0: none */
    struct map *awaited;         /* likewise: ids to be asked about first; NULL: none yet */
    char followers_incarnation[INCARNATION_SIZE]; /* likewise: what they kept is known */
    struct event_ration event_ration;
    struct map *held;      /* of ends.h: what is held; NULL until something is */
    bool indexes_unproven; /* a start after a crash: they are to be checked */
    int64_t seq;           /* of the last commit that wrote a record or an override */
};

/* One request being executed. */
struct work {
    struct books *books;
    struct change *change; /* NULL: it may only read */
    struct arena *arena;   /* lives until the request is answered */
    const void *params;    /* of the method's shapes; the result is zeroed */
    void *result;
    struct error *error; /* the sentence for the code returned */
};

/* A handler checks before it writes: a request that fails after it wrote spoils the transaction
 * that it shares with others. */
typedef enum rpc_error work_fn(struct work *work);

/* Fills books whose database is open: incarnation and keys at the first start, a new number of
 * this start. */
int books_load(struct books *books, int64_t lease_ms, struct error *error);
/* Begins to plan all due work, that of sweeps at once. */
void books_plan_anew(struct books *books);
/* Plans that of some more records, for a few milliseconds, so that a store with millions of them
 * serves meanwhile. 1: there are more; 0: all are planned; -1: the database cannot be read. */
int books_plan_more(struct books *books, struct error *error);
/* A database without one is a new store to everybody at its next start. */
int books_forget_incarnation(struct db *db, struct error *error);
/* Within a transaction: from its commit on the books are of another incarnation. */
void books_make_incarnation(struct change *change);
/* Closes the database; the next start learns that this was in order. */
void books_done(struct books *books);

struct due_plan books_plan(const struct books *books, const struct subscription *record,
                           const struct stored_due *stored);

/* After a commit: its seq, plans for what it touched, claims that ended. */
void books_settle(struct books *books, struct change *change);

bool books_is_our_product(const struct books *books, struct str product_code);

#endif
