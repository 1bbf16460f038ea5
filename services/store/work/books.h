/* What the handlers of the store work on, apart from sockets: the database, the due work, the
 * rules. A handler is a function of a request's parameters and this. */
#ifndef SERVICES_STORE_WORK_BOOKS_H
#define SERVICES_STORE_WORK_BOOKS_H

#include "proto/record/record.h"
#include "proto/settings/settings.h"
#include "services/store/disk/change.h"
#include "services/store/tables/incarnation.h"
#include "services/store/work/due.h"
#include "services/store/work/parts.h"
#include "services/store/work/verified.h"

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
    struct buf planned_to; /* the id up to which plan_more() came */
    struct policy policy;
    const struct settings *settings; /* NULL: every product is ours */
    char incarnation[INCARNATION_SIZE];
    int64_t start, start_seq;    /* a number of this start, and the last commit that it found */
    int64_t catching_up_since_s; /* of catch_up.h; 0: it is not */
    int64_t lost_commits;        /* that a checker showed to be missing at this start; 0: none */
    struct map *awaited;         /* likewise: ids to be asked about first; NULL: none yet */
    char followers_incarnation[INCARNATION_SIZE]; /* likewise: what they kept is known */
    struct event_ration event_ration;
    struct map *held;      /* of held.h: what is held; NULL until something is */
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

bool books_is_our_product(const struct books *books, struct str product_code);

#endif
