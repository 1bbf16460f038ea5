/* The registrar's state: what it holds open, and the requests that are under way. */
#ifndef SERVICES_REGISTRAR_REGISTRAR_H
#define SERVICES_REGISTRAR_REGISTRAR_H

#include <sys/queue.h>

#include "common/aws/client/aws.h"
#include "common/daemon/daemon.h"
#include "common/http/server/http_server.h"
#include "common/log/once_a_minute.h"
#include "proto/record/record.h"
#include "proto/suite/suite.h"
#include "services/registrar/caller.h"
#include "services/registrar/rate_limit.h"
#include "services/registrar/site.h"

struct visit;
struct redemption;
LIST_HEAD(visit_list, visit);
LIST_HEAD(redemption_list, redemption);

struct registrar {
    const struct daemon_context *context;
    const struct settings *settings;
    struct policy policy;
    struct arena arena;
    struct suite suite;
    struct aws *aws;
    struct http_server *server;
    struct caller_rules callers;
    struct rate_limit *rate_limit; /* NULL: there is none */
    uint64_t limited;
    struct once_a_minute limited_line;
    struct site site;

    /* The store's signing keys, as last fetched; none until then. */
    struct arena keys_arena;
    struct signing_keys_result keys;
    struct rpc_call *keys_call;
    struct loop_timer *keys_timer;

    struct visit_list visits;
    struct redemption_list redemptions;
    size_t redemption_count;
    bool draining;
};

extern const size_t registrar_state_size;

int registrar_check(const void *settings, struct error *error);
int registrar_start(void *state, const struct daemon_context *context, struct error *error);
void registrar_drain(void *state);
void registrar_stop(void *state);

/* A request or a redemption has ended: when the daemon stops, the last one lets it go. */
void registrar_ended(struct registrar *registrar);

/* The store's keys. */
void keys_open(struct registrar *registrar);
void keys_close(struct registrar *registrar);
void keys_install(struct registrar *registrar, const struct signing_keys_result *keys);

#endif
