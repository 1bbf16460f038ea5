/* One AWS call on its way through the sandbox, whichever protocol brought it.
 *
 * The door (door.c) makes a call of a request, has its signature checked (verify.c), and writes the
 * answer. An operation sees the parsed request, who called, and sets the answer; it knows nothing
 * of HTTP.
 */
#ifndef SERVICES_SANDBOX_CALL_H
#define SERVICES_SANDBOX_CALL_H

#include "common/json/json.h"
#include "services/sandbox/faults.h"
#include "services/sandbox/queue.h"

struct sandbox;
struct call;

enum service { SERVICE_METERING, SERVICE_ENTITLEMENT, SERVICE_SQS, SERVICE_STS, SERVICE_COUNT };

struct caller {
    struct str account, arn;
    const struct access_key *key; /* NULL for an unsigned call */
};

struct answer {
    const char *code; /* AWS's error code, a literal; NULL for success */
    char message[256];
    struct json *body; /* NULL: nothing at all */
};

/* An operation answers at once (true), or later by call_finish() (false). A call that is dropped
 * while it waits is told by `cancel`. */
typedef bool operation_fn(struct call *call);

struct operation {
    enum service service;
    const char *name;
    operation_fn *fn;
    bool unsigned_call; /* AssumeRoleWithWebIdentity: the token is the proof */
};

struct call {
    TAILQ_ENTRY(call) link;
    struct sandbox *sandbox;
    const struct operation *operation;
    struct caller caller;
    struct json *request;
    struct answer answer;
    struct fault fault;
    void (*finish)(struct call *call); /* sends the answer */
    void (*cancel)(struct call *call); /* of an operation that waits */
    struct arena arena;                /* for what the operation needs */
    struct loop_timer *timer;
    struct queue_waiter waiter;
    void *receive; /* what a waiting ReceiveMessage asked for */
    struct http_exchange *exchange;
    uint64_t log_number;
    bool query_mode; /* SQS: the caller wants the query protocol's error code too */
    bool by_query;   /* by the query protocol: the answer is XML */
};

bool answer_ok(struct answer *answer, struct json *body); /* takes ownership; returns true */
bool answer_error(struct answer *answer, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* returns true */
void answer_done(struct answer *answer);

/* AWS's unique id of the caller: of a user, of a role with its session, or the account ("IAM
 * identifiers", IAM user guide). */
struct str caller_user_id(const struct caller *caller, struct arena *arena);
/* That of a role's session. */
struct str caller_role_id(struct str session, struct arena *arena);

/* The operation named in X-Amz-Target or Action; NULL if AWS has none or the sandbox does not. */
const struct operation *operation_find(enum service service, struct str name);

/* One for each subject; each table ends with a row without name. */
extern const struct operation metering_operations[];
extern const struct operation entitlement_operations[];
extern const struct operation sqs_operations[];
extern const struct operation sts_operations[];

#endif
