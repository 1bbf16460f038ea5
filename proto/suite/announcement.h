/* Announces a process to the store while it lives: a checker, so that others find it; a process
 * that takes no requests, with its figures.
 */
#ifndef PROTO_SUITE_ANNOUNCEMENT_H
#define PROTO_SUITE_ANNOUNCEMENT_H

#include "proto/endpoint/client.h"

struct presence;
/* The figures of now; texts live in the arena or for ever. */
typedef struct counter_list presence_figures_fn(void *arg, struct arena *arena);

/* Adds what a checker holds to what is announced; texts live in the arena or for ever. */
typedef void presence_holds_fn(void *arg, struct announce_params *params, struct arena *arena);
/* The store has heard it. */
typedef void presence_told_fn(void *arg, const struct announce_result *result);

struct presence_options {
    struct loop *loop;
    struct rpc_client *store;
    const char *daemon, *name;
    const struct config_list *endpoints, *feeds; /* as bound; NULL: none */
    const char *public_key; /* of the TCP ones; NULL or empty: there are none */
    const char *advertise;  /* host by which others reach the TCP ones; NULL or empty: as bound */
    presence_figures_fn *figures; /* NULL: it can be asked itself */
    presence_holds_fn *holds;     /* NULL: nothing of the store's */
    presence_told_fn *told;       /* optional */
    void *arg;
};

/* Options are copied; the store's client outlives it. */
struct presence *presence_new(const struct presence_options *options);
void presence_free(struct presence *presence); /* takes NULL */
void presence_announce_now(struct presence *presence);
/* The checkers that live, as the store last told, without the ipc endpoints of other hosts; until
 * the loop goes on. */
struct peer_list presence_peers(const struct presence *presence);

#endif
