/* Announces a process to the store while it lives: a checker, so that others find it; a process
 * that takes no requests, with its figures.
 */
#ifndef PROTO_SUITE_ANNOUNCEMENT_H
#define PROTO_SUITE_ANNOUNCEMENT_H

#include "proto/endpoint/client.h"

struct announcement;
/* The figures of now; texts live in the arena or for ever. */
typedef struct counter_list announcement_figures_fn(void *arg, struct arena *arena);

/* Adds what a checker holds to what is announced; texts live in the arena or for ever. */
typedef void announcement_holds_fn(void *arg, struct announce_params *params, struct arena *arena);
/* The store has heard it. */
typedef void announcement_told_fn(void *arg, const struct announce_result *result);

struct announcement_options {
    struct loop *loop;
    struct rpc_client *store;
    const char *daemon, *name;
    const struct config_list *endpoints, *feeds; /* as bound; NULL: none */
    const char *public_key; /* of the TCP ones; NULL or empty: there are none */
    const char *advertise;  /* host by which others reach the TCP ones; NULL or empty: as bound */
    announcement_figures_fn *figures; /* NULL: it can be asked itself */
    announcement_holds_fn *holds;     /* NULL: nothing of the store's */
    announcement_told_fn *told;       /* optional */
    void *arg;
};

/* Options are copied; the store's client outlives it. */
struct announcement *announcement_new(const struct announcement_options *options);
void announcement_free(struct announcement *announcement); /* takes NULL */
void announcement_repeat(struct announcement *announcement);
/* The checkers that live, as the store last told, without the ipc endpoints of other hosts; until
 * the loop goes on. */
struct peer_list announcement_peers(const struct announcement *announcement);

#endif
