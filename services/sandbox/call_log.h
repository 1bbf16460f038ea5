/* Every AWS call that arrived: when, what, by whom, with which outcome; and the counts that tests
 * rely on. Old entries go, counts stay until a reset. */
#ifndef SERVICES_SANDBOX_CALL_LOG_H
#define SERVICES_SANDBOX_CALL_LOG_H

#include <sys/queue.h>

#include "common/base/arena.h"
#include "common/json/json.h"

struct call_entry {
    TAILQ_ENTRY(call_entry) link;
    uint64_t number;
    int64_t time_ms, began_ms, took_ms;
    char *operation, *account, *outcome, *fault;
    struct json *parameters;
};

struct call_count {
    STAILQ_ENTRY(call_count) link;
    struct str operation;
    int64_t calls, errors;
};

/* Calls of one account within the last second. */
struct call_rate {
    STAILQ_ENTRY(call_rate) link;
    struct str account;
    int64_t *times_ms; /* ring */
    size_t first, count, capacity;
};

TAILQ_HEAD(call_entries, call_entry);
STAILQ_HEAD(call_rates, call_rate);

struct call_log {
    struct arena arena;
    uint64_t number;
    size_t kept;
    struct call_entries entries;
    STAILQ_HEAD(, call_count) counts;
    struct call_rates arrived;  /* GetEntitlements, by account */
    struct call_rates admitted; /* of them, those within the quota */
    int64_t peak_per_second;
    int64_t over_quota;
};

void call_log_init(struct call_log *log);
void call_log_done(struct call_log *log);

/* Returns the entry's number. parameters are copied. */
uint64_t call_log_begin(struct call_log *log, struct str operation, struct str account,
                        const struct json *parameters);
void call_log_end(struct call_log *log, uint64_t number, const char *outcome, bool failed,
                  const char *fault);
/* A GetEntitlements of the account arrives: false if it is above the quota (0: there is none) in
 * the second that ends now. */
bool call_log_admit(struct call_log *log, struct str account, int64_t quota_per_second,
                    int64_t now_ms);
int64_t call_log_count(const struct call_log *log, struct str operation);
/* Entries numbered above `since`. */
struct json *call_log_json(const struct call_log *log, uint64_t since);

#endif
