/* Faults on demand: the next calls of an operation, or the next notifications, go wrong in a stated
 * way. */
#ifndef SERVICES_SANDBOX_FAULTS_H
#define SERVICES_SANDBOX_FAULTS_H

#include <sys/queue.h>

#include "common/base/arena.h"
#include "common/json/json.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_THROTTLE,       /* refused as too many */
    FAULT_ERROR500,       /* refused as AWS's own failure */
    FAULT_DENY,           /* refused because the permission is missing */
    FAULT_DELAY,          /* done after delay_ms */
    FAULT_HANG,           /* never answered */
    FAULT_TRUNCATE,       /* the connection breaks in the middle of the answer */
    FAULT_EMPTY,          /* 200 and {} */
    FAULT_STALE,          /* GetEntitlements: as it was before the last change; credentials: past
                             their time */
    FAULT_MISSING_MEMBER, /* the member is left out wherever it stands */
    FAULT_WRONG_ACCOUNT,  /* as if another account had signed the call */
    FAULT_DUPLICATE,      /* everything in the answer's list twice; a notification: sent twice */
    FAULT_REORDER,        /* the list backwards; a notification: held until the next one is sent */
    FAULT_LOSE,           /* the list without its first item; a notification: never sent */
    FAULT_TAMPER,         /* a message body altered after it was signed */
    FAULT_KIND_COUNT
};

struct fault {
    enum fault_kind kind;
    int64_t delay_ms;
    struct str member; /* of FAULT_MISSING_MEMBER */
};

/* The operation under which notifications are counted. */
#define FAULT_EVENTS "Event"
/* That of fetching SNS's certificate. */
#define FAULT_CERTIFICATE "SigningCertificate"
/* Those of the services that give credentials. */
#define FAULT_METADATA  "InstanceMetadata"
#define FAULT_CONTAINER "ContainerCredentials"

struct armed_fault {
    STAILQ_ENTRY(armed_fault) link;
    struct str operation;
    struct fault fault;
    int64_t left; /* -1: until cleared */
};

struct faults {
    struct arena arena;
    STAILQ_HEAD(, armed_fault) armed;
};

void faults_init(struct faults *faults);
void faults_done(struct faults *faults);
void faults_clear(struct faults *faults);
/* {"operation", "kind", "count" (default 1, -1: until cleared), "delay_ms", "member"} */
int faults_arm(struct faults *faults, const struct json *ask, struct error *error);
/* The fault for the next call of the operation, FAULT_NONE for none. Faults of one operation are
 * used up in the order in which they were armed. */
struct fault faults_take(struct faults *faults, struct str operation);
struct json *faults_list(const struct faults *faults);
const char *fault_name(enum fault_kind kind);

/* What a fault does to the lists and members of an answer. */
void fault_spoil(const struct fault *fault, struct json **body);

#endif
