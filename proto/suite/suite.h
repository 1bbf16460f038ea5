/* A daemon's way into the suite: the keys of its sockets, the client of the store, who may connect
 * to it over TCP, what it turns away, and the announcement by which the others know that it lives.
 *
 * What it needs it takes from the settings, by the daemon's name.
 */
#ifndef PROTO_SUITE_SUITE_H
#define PROTO_SUITE_SUITE_H

#include "proto/endpoint/admission.h"
#include "proto/endpoint/client.h"
#include "proto/endpoint/feed.h"
#include "proto/endpoint/server.h"
#include "proto/figures/figures.h"
#include "proto/settings/settings.h"
#include "proto/suite/announcement.h"

struct audit;

struct suite_options {
    struct loop *loop;
    const struct settings *settings;
    const char *daemon;        /* "poller": its section, its key files, its journal entries */
    const char *instance;      /* --name */
    const char *without_store; /* what follows while the store is away; for the log */
    /* Optional: the store is reached or lost. */
    void (*on_store)(void *arg, bool connected);
    /* Of the store, which writes the journal itself: refused keys, as in struct admission_options.
     * No client of a store is opened then, and nothing can be announced. */
    void (*on_refused)(void *arg, const char *last, uint64_t count);
    void *arg;
};

/* Part of a daemon's state, zeroed before. The first two are for all; the rest is the suite's. */
struct suite {
    struct endpoint_context *sockets;
    struct rpc_client *store; /* NULL: this is the store */
    struct suite_options options;
    struct arena arena;
    struct admission *admission; /* NULL: no TCP is bound */
    struct audit *audit;
    struct announcement *announcement;
};

/* Texts of the options and the settings outlive the suite. */
int suite_open(struct suite *suite, const struct suite_options *options, struct error *error);
/* After everything that uses its sockets or its store; also after an open that failed, or none. */
void suite_close(struct suite *suite);

/* The addresses of the store's feed, which may be connected to afterwards. */
int suite_store_feed(struct suite *suite, struct config_list *ret, struct error *error);
/* Before these addresses are bound: over TCP they let in the keys of the daemon's list alone. */
int suite_guard(struct suite *suite, const struct config_list *addresses, struct error *error);

/* One more of what was turned away, for the journal; see audit_refused(). */
void suite_refused(struct suite *suite, const char *what);

/* Once what is announced is bound: from then on the store lists this process among the living.
 * loop, store, daemon, name and public_key of the options are the suite's. */
void suite_announce(struct suite *suite, const struct announcement_options *options);
void suite_announce_again(struct suite *suite); /* now */
struct peer_list suite_peers(const struct suite *suite);

/* The figures of a process that others connect to: of its server, its feed, its TCP. */
void suite_add_figures(const struct suite *suite, const struct rpc_server *server,
                       struct feed_publisher_stats feed, struct figures *figures);

/* A client of the store without a daemon: its keys, before the addresses are connected to. */
int suite_expect_store(struct endpoint_context *sockets, const struct settings *settings,
                       const char *process, const struct config_list *addresses,
                       struct error *error);

#endif
