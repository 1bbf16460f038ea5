/* What a daemon turns away, for the store's journal.
 *
 * A flood must not fill the journal: of each kind the first is told at once, and then at most one
 * entry a minute, with how many there were. While the store is away the count waits, and is told
 * when it is back; what was not told when the process ends is only in its log.
 */
#ifndef PROTO_SUITE_AUDIT_H
#define PROTO_SUITE_AUDIT_H

#include "common/loop/loop.h"
#include "proto/endpoint/client.h"

struct audit;

struct audit_options {
    struct loop *loop;
    struct rpc_client *store; /* outlives the audit */
    const char *process;      /* the daemon's name, for the entries; outlives the audit */
    int64_t interval_ms;      /* 0: a minute. Shorter only for tests. */
};

struct audit *audit_new(const struct audit_options *options);
void audit_free(struct audit *audit); /* takes NULL */

/* Counts one more of a kind. `what` is a constant of the program (kinds are told apart by its
 * text): never what a peer sent, which may be personal or a secret. On the loop's thread. */
void audit_refused(struct audit *audit, const char *what);
/* Counts as many more, by somebody that the journal may name: the last one is in the entry. */
void audit_refused_by(struct audit *audit, const char *what, const char *who, uint64_t count);

#endif
