/* Questions about a great many records, which would hold up everybody's: answered on the loop, a
 * few milliseconds of them at a time, one after the other. */
#ifndef SERVICES_CHECKER_BROAD_H
#define SERVICES_CHECKER_BROAD_H

#include "services/checker/answering.h"
#include "services/checker/max_age.h"

struct broad;

enum { BROAD_RECORDS = 256 }; /* a question about more is one of them */

struct broad_options {
    struct loop *loop;
    const struct replica_guidance *guidance;
    struct replica_reader *reader; /* the loop's */
    struct max_age *max_age;
    /* Which copy of the store may be answered from; 0: none. */
    uint64_t (*copy)(void *arg);
    /* What `entitlements` says of the state it shows, before it is looked up. */
    void (*describe)(void *arg, struct arena *arena, struct entitlements_result *result);
    void *arg;
};

struct broad *broad_new(const struct broad_options *options);
/* What waits is forgotten: the server is closed by then. Takes NULL. */
void broad_free(struct broad *broad);
/* request is a `check`, `check_many` or `entitlements`; it is answered by and by. */
void broad_answer(struct broad *broad, struct rpc_request *request);

#endif
