/* Connections to the checkers of a roster, on one loop: which are up, and which to ask first.
 *
 * Health: a checker that failed or kept silent is asked last, for a while that grows with each
 * failure. An answer clears this.
 */
#ifndef PROTO_CLIENTS_C_REMOTE_PEERS_H
#define PROTO_CLIENTS_C_REMOTE_PEERS_H

#include <sys/queue.h>

#include "proto/clients/c/remote/roster.h"
#include "proto/endpoint/client.h"

struct checker {
    LIST_ENTRY(checker) entry;
    struct peers *peers;
    struct rpc_client *client;
    char *endpoint, *feed, *key;
    unsigned users; /* calls in flight, and others that need it */
    bool leaving;   /* no longer in the roster; closed when it has no users */
    unsigned failures;
    int64_t avoid_until_mono_ms;
    uint64_t chosen; /* when it was chosen last, counted in choices */
};

/* Called once, when a connection comes up. */
struct peers_waiter {
    TAILQ_ENTRY(peers_waiter) entry;
    void (*fn)(void *arg);
    void *arg;
};

struct peers {
    struct loop *loop;
    struct endpoint_context *context;
    struct roster *roster;
    struct roster_view *view;
    LIST_HEAD(, checker) checkers;
    uint64_t choices;
    TAILQ_HEAD(, peers_waiter) waiters;
    size_t waiter_count;
    struct rpc_call *describing;
    struct checker *described;
};

void peers_init(struct peers *peers, struct loop *loop, struct endpoint_context *context,
                struct roster *roster);
void peers_done(struct peers *peers);

/* Connects and drops checkers as the roster says, and asks one for the others when it is time. Not
 * from a callback of the loop. */
void peers_refresh(struct peers *peers);

/* The checker to ask now: connected, accepted by `fits`, healthy ones first, in turns. NULL: none.
 */
struct checker *peers_choose(struct peers *peers,
                             bool (*fits)(const void *arg, const struct checker *checker),
                             const void *arg);
void peers_wait(struct peers *peers, struct peers_waiter *waiter);
void peers_unwait(struct peers *peers, struct peers_waiter *waiter); /* if it still waits */

bool peers_connected(const struct peers *peers);
size_t peers_count(const struct peers *peers);

void checker_failed(struct checker *checker);
void checker_answered(struct checker *checker);

#endif
