/* The suite's settings as structs, expanded from settings.def, and what daemons derive from them.
 *
 * settings.entitled.grace_ms, settings.store.directory, ...; the labelled sections are groups.
 * Texts are never NULL; numbers are int64_t, durations milliseconds.
 */
#ifndef PROTO_SETTINGS_SETTINGS_H
#define PROTO_SETTINGS_SETTINGS_H

#include "common/base/arena.h"
#include "common/config/config.h"

#define BEGIN(section, help) struct settings_##section {
#define BEGIN_LABELLED(section, member, help)                                                      \
    struct settings_##section {                                                                    \
        const char *label;
#define END(section)                                                                               \
    }                                                                                              \
    ;
#define TEXT(section, name, def, form, help)         const char *name;
#define REQUIRED(section, name, form, help)          const char *name;
#define SECRET(section, name, help)                  const char *name;
#define LIST(section, name, def, form, help)         struct config_list name;
#define INTEGER(section, name, def, min, max, help)  int64_t name;
#define DURATION(section, name, def, min, max, help) int64_t name##_ms;
#define SIZE(section, name, def, min, max, help)     int64_t name;
#define BOOL(section, name, def, help)               bool name;
#define CHOICE(section, name, def, choices, help)    const char *name;
#include "proto/settings/settings.def"

struct settings {
    struct settings_entitled entitled;
    struct settings_aws aws;
    struct settings_store store;
    struct settings_checker checker;
    struct settings_registrar registrar;
    struct settings_poller poller;
    struct settings_sandbox sandbox;
    struct config_group queues;   /* struct settings_queue */
    struct config_group products; /* struct settings_product; no code twice */
};

extern const struct config_schema settings_schema;

/* For struct daemon. */
const char *settings_log_level(const void *settings);

const struct settings_queue *settings_queue_at(const struct settings *settings, size_t index);
const struct settings_product *settings_product_at(const struct settings *settings, size_t index);
/* NULL: not one of ours. */
const struct settings_product *settings_product_by_code(const struct settings *settings,
                                                        struct str code);

/* Endpoints as set, or the sockets in the run directory that the suite has by default. The list
 * lives as long as arena and settings. instance is the checker's --name. */
struct config_list settings_store_listen(const struct settings *settings, struct arena *arena);
struct config_list settings_store_feed(const struct settings *settings, struct arena *arena);
struct config_list settings_store_endpoint(const struct settings *settings, struct arena *arena);
struct config_list settings_store_feed_endpoint(const struct settings *settings,
                                                struct arena *arena);
struct config_list settings_checker_listen(const struct settings *settings, const char *instance,
                                           struct arena *arena);
struct config_list settings_checker_feed(const struct settings *settings, const char *instance,
                                         struct arena *arena);
/* As set, or the sockets in public/ that are there now, by name; perhaps none. */
struct config_list settings_checker_endpoints(const struct settings *settings, struct arena *arena);

/* Paths of CURVE certificates, as set or in key_directory: the process's own, and the directory of
 * those that may connect. daemon is "store", "checker", "registrar", "poller" or "entitlectl". They
 * live as long as arena and settings. */
const char *settings_certificate(const struct settings *settings, const char *daemon,
                                 struct arena *arena);
const char *settings_allowed_keys(const struct settings *settings, const char *daemon,
                                  struct arena *arena); /* of store and checker */
/* The public ones that must be shown at store_endpoint and store_feed_endpoint, and at the TCP ones
 * of checker_endpoints. */
struct config_list settings_store_certificates(const struct settings *settings,
                                               struct arena *arena);
struct config_list settings_checker_certificates(const struct settings *settings,
                                                 struct arena *arena);

/* Percent of the quota that a class of due work is sure of ("registration", "notification",
 * "max_age", "expiry", "pending", "sweep"); 0 if none is named. */
int64_t settings_quota_share(const struct settings *settings, struct str work_class);

/* One item of registrar.form_fields; the views are into it. Types: text, tel, email, url, tenant.
 */
struct settings_form_field {
    struct str name;
    struct str type;
    bool required;
};

/* 0, or -1 with what is allowed. Items of loaded settings never fail. The e-mail address is always
 * asked, so never one of them. */
int settings_form_field(struct str item, struct settings_form_field *ret, struct error *error);

#endif
