/* Announces this checker to the store while it lives, and keeps the list of those that do. */
#ifndef SERVICES_CHECKER_PRESENCE_H
#define SERVICES_CHECKER_PRESENCE_H

#include "proto/endpoint/client.h"

struct presence;

struct presence_options {
    struct loop *loop;
    struct rpc_client *store;
    const char *daemon, *name;
    const struct config_list *endpoints, *feeds; /* as bound */
    const char *public_key;                      /* of the TCP ones; empty: there are none */
    const char *advertise; /* host by which others reach the TCP ones; empty: as bound */
};

/* Options are copied; the store's client outlives it. */
struct presence *presence_new(const struct presence_options *options);
void presence_free(struct presence *presence); /* takes NULL */
/* As the store last told; lives until the loop goes on. */
struct peer_list presence_peers(const struct presence *presence);

#endif
