/* One SQS queue: as many long polls in flight as the settings allow, each followed by the way of
 * its messages (delivery.h) before the next begins.
 *
 * When AWS refuses, cannot be reached or has no credentials for us, and when the store cannot take
 * messages, the queue pauses and then tries with one receive of one message. While the store is
 * away nothing is received at all: each receive counts towards the queue's dead-letter limit.
 */
#ifndef SERVICES_POLLER_QUEUE_H
#define SERVICES_POLLER_QUEUE_H

#include "services/poller/delivery.h"

struct queue;

struct queue_options {
    struct loop *loop;
    struct aws *aws;
    struct rpc_client *store;
    const struct message_owner *owner;
    struct certificates *certificates; /* NULL: signatures are not checked */
    bool local_certificates;           /* also from this machine */
    const char *label;
    const char *url;
    int64_t receives_in_flight;
    int64_t batch; /* messages of one receive */
    int64_t wait_ms;
    int64_t visibility_ms;
    int64_t refused_pause_ms;      /* after AWS refused: waiting alone does not help */
    int64_t drain_limit_ms;        /* how long a stop waits for the store */
    void (*on_refused)(void *arg); /* see deliveries_options */
    void (*on_drained)(void *arg);
    void *arg;
};

struct queue *queue_new(const struct queue_options *options);
void queue_free(struct queue *queue); /* takes NULL */

/* Receives, if it may: at the start and whenever the store is reached again. */
void queue_wake(struct queue *queue);
/* No new receive; what is under way is finished, or handed back. Then on_drained is called. */
void queue_drain(struct queue *queue);
bool queue_is_drained(const struct queue *queue);

struct queue_figures {
    struct delivery_counts counts;
    int64_t receives;            /* answered by AWS */
    int64_t receives_failed;     /* not, or refused */
    int64_t last_receive_wall_s; /* the last one that AWS answered; 0: none yet */
    bool paused;
};

struct queue_figures queue_figures(const struct queue *queue);

#endif
