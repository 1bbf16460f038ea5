/* The way of one message: read, its signature checked, told to the store, then deleted; or, if the
 * store could not take it or its signature cannot be checked just now, handed back to SQS for
 * later.
 *
 * What SNS has not signed is told to the store with the reason, and nothing follows from it.
 * A message is deleted only after the store has acknowledged it, which means that it is on disk.
 */
#ifndef SERVICES_POLLER_DELIVERY_H
#define SERVICES_POLLER_DELIVERY_H

#include "common/loop/loop.h"
#include "proto/endpoint/client.h"
#include "services/poller/batch.h"
#include "services/poller/certificates.h"
#include "services/poller/message.h"
#include "services/poller/received.h"

/* Since the start. */
struct delivery_counts {
    int64_t received;
    int64_t recorded;
    int64_t duplicates;     /* of those recorded */
    int64_t not_understood; /* of those recorded */
    int64_t not_ours;       /* of those recorded */
    int64_t deleted;
    int64_t failed;    /* the store could not take it, or it came damaged */
    int64_t refused;   /* not signed by SNS; of those recorded */
    int64_t unchecked; /* handed back because a certificate is missing */
    int64_t redriven;  /* came from a dead-letter queue */
    int64_t handed_back;
    int64_t not_deleted;
};

struct deliveries;
/* store_is_well: whether the store took it, or would have but for the message itself. */
typedef void delivered_fn(void *arg, bool store_is_well);

struct deliveries_options {
    struct rpc_client *store;
    struct batch *deletes;
    struct batch *returns;
    const struct message_owner *owner;
    struct certificates *certificates; /* NULL: signatures are not checked */
    bool local_certificates;
    const struct aws *aws; /* whose messages they are */
    const char *label;     /* of the queue */
    int64_t visibility_ms;
    void (*on_refused)(void *arg); /* a message that SNS has not signed, or not for us; or NULL */
    void *arg;
    struct delivery_counts *counts;
};

struct deliveries *deliveries_new(const struct deliveries_options *options);
void deliveries_free(struct deliveries *deliveries); /* cancels what is under way; takes NULL */

/* Copies the message. done is called once, perhaps before this returns, unless freed. */
void deliveries_start(struct deliveries *deliveries, const struct received *message,
                      delivered_fn *done, void *arg);
/* What the store has not acknowledged goes back to SQS, visible at once. */
void deliveries_abandon(struct deliveries *deliveries);
bool deliveries_is_empty(const struct deliveries *deliveries);

/* How long a message stays hidden after it could not be recorded for the nth time. */
int64_t delivery_back_off_s(int64_t receive_count);

#endif
