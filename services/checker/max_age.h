/* `max_age_ms`: older data is marked due at the store and waited for, within the request's deadline
 * and a ration per second, of which no connection takes the share of others; unmet, the last answer
 * goes out, marked stale. On the loop. */
#ifndef SERVICES_CHECKER_MAX_AGE_H
#define SERVICES_CHECKER_MAX_AGE_H

#include "proto/endpoint/client.h"
#include "proto/endpoint/server.h"
#include "services/checker/answering.h"

struct max_age;

struct max_age_options {
    const struct replica_guidance *guidance;
    struct rpc_client *store;
    struct replica *replica;
    struct replica_reader *reader;
    /* Whether the replica holds everything, so that it may be answered from. */
    bool (*is_complete)(void *arg);
    void *arg;
    int64_t per_second;
};

struct max_age_stats {
    uint64_t asked;    /* questions that had AWS asked */
    uint64_t rationed; /* that were over the ration */
    uint64_t unmet;    /* that got no fresher data in time */
};

/* Everything in options outlives it. */
struct max_age *max_age_new(const struct max_age_options *options);
/* What waits is forgotten: the server is closed by then. Takes NULL. */
void max_age_free(struct max_age *max_age);
/* request is a `check` whose answer is too old; it is answered by and by. */
void max_age_answer(struct max_age *max_age, struct rpc_request *request);
struct max_age_stats max_age_stats(const struct max_age *max_age);

#endif
