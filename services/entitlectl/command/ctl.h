/* The context of every verb: the arguments, the settings, and the daemons to ask. */
#ifndef SERVICES_ENTITLECTL_COMMAND_CTL_H
#define SERVICES_ENTITLECTL_COMMAND_CTL_H

#include "common/base/arena.h"
#include "common/json/json.h"
#include "proto/endpoint/client.h"
#include "proto/settings/settings_policy.h"
#include "services/entitlectl/command/arguments.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_FAILED = 2 };

struct ctl {
    struct arguments arguments;
    const struct config *config;
    const struct settings *settings;
    struct policy policy;
    int64_t timeout_ms; /* 0: the verb's own */
    bool json;
    int64_t now_s;
    struct arena arena; /* results live in it */
    struct rpc_session *store;
    struct rpc_session *checker;
    struct buf out;
    struct error error;
    enum rpc_error code; /* of a daemon's refusal */
};

/* Connects at the first call. An exit code; with EXIT_DONE the result. */
int ctl_ask_store(struct ctl *ctl, enum method_id method, const void *params,
                  const void **ret_result);
int ctl_ask_checker(struct ctl *ctl, enum method_id method, const void *params,
                    const void **ret_result);
/* A session of its own, for questions that are put to each endpoint. */
int ctl_ask_at(struct ctl *ctl, const char *endpoint, enum method_id method, const void *params,
               const void **ret_result);
struct config_list ctl_store_endpoints(struct ctl *ctl);
struct config_list ctl_checker_endpoints(struct ctl *ctl);

/* Sets the sentence and returns EXIT_FAILED. */
int ctl_fail(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Options of the verb: empty or the fallback if not given, EXIT_FAILED if not valid. */
struct str ctl_option(const struct ctl *ctl, const char *name);
int ctl_option_count(struct ctl *ctl, const char *name, int64_t fallback, int64_t *ret);
int ctl_option_span(struct ctl *ctl, const char *name, int64_t fallback_ms, int64_t *ret_ms);

/* Takes the tree. */
void ctl_print_json(struct ctl *ctl, struct json *root);

/* The user, for the journal. */
struct str ctl_author(struct ctl *ctl);

#endif
