/* Records in this process, and answers from them.
 *
 * One thread writes the replica; any number of threads ask.
 */
#ifndef PROTO_CLIENTS_C_COPY_LOCAL_H
#define PROTO_CLIENTS_C_COPY_LOCAL_H

#include "proto/clients/c/call/answer.h"
#include "proto/clients/c/call/inquiry.h"
#include "proto/replica/replica.h"

struct local;

/* All but the last under guard_call(). */
struct local *local_new(void);
struct replica *local_replica(struct local *local);
/* The spans and the products that decide from now on; one thread. NULL policy: policy_default. */
void local_decide_by(struct local *local, const struct decision_policy *policy,
                     const struct product_page_list *products);
/* Stops the clock at now_s; 0: it runs. Before the first question. */
void local_stop_clock(struct local *local, int64_t now_s);

int local_check(struct local *local, const struct inquiry *question, int64_t age_ms,
                struct entitled_answer *answer);
/* After memory ran out within local_check(). */
void local_abort_read(struct local *local);

void local_free(struct local *local); /* no thread may be asking; takes NULL */

#endif
