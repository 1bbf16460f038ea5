/* The sandbox as a whole: the world, its queues, faults and call log behind one HTTP port. */
#ifndef SERVICES_SANDBOX_SANDBOX_H
#define SERVICES_SANDBOX_SANDBOX_H

#include "common/config/config.h"
#include "common/http/server/http_server.h"
#include "common/loop/loop.h"
#include "services/sandbox/call.h"
#include "services/sandbox/call_log.h"
#include "services/sandbox/faults.h"
#include "services/sandbox/queue.h"
#include "services/sandbox/sns.h"
#include "services/sandbox/world.h"

/* A notification that a reorder fault holds back until the next one has gone. */
struct held_event {
    struct str queue;
    char *body;
};

enum { SANDBOX_ADDRESSES_MAX = 8 };

struct sandbox {
    struct loop *loop;
    struct http_server *servers[SANDBOX_ADDRESSES_MAX]; /* none in tests of the rules */
    size_t server_count;
    struct json *origin; /* the world that a reset restores */
    struct world world;
    struct queues queues;
    struct faults faults;
    struct call_log log;
    struct sns sns;
    struct held_event held;
    struct loop_timer *tick;
    TAILQ_HEAD(, call) calls; /* that are not answered yet */
    TAILQ_HEAD(, wait) waits; /* verbs that wait for something to happen */
};

/* Takes ownership of origin, a world's JSON. */
int sandbox_init(struct sandbox *sandbox, struct loop *loop, struct json *origin,
                 struct error *error);
/* On every address, at the same port; 0 takes one that is free at the first. */
int sandbox_listen(struct sandbox *sandbox, const struct config_list *addresses, uint16_t port,
                   struct error *error);
void sandbox_done(struct sandbox *sandbox);
/* Drops what waits and begins again from the world it started with. */
int sandbox_reset(struct sandbox *sandbox, struct error *error);
struct json *sandbox_world_json(const struct sandbox *sandbox);

#endif
