/* Questions answered from the replica: what the query thread and the loop have in common.
 *
 * No I/O, nothing waits. Within a reader's section: answers borrow from what was found.
 */
#ifndef SERVICES_CHECKER_ANSWERING_H
#define SERVICES_CHECKER_ANSWERING_H

#include "proto/replica/replica.h"
#include "proto/settings/settings.h"

void answering_init(struct replica_guidance *guidance, const struct settings *settings,
                    struct arena *arena);

enum rpc_error answering_check(const struct replica_guidance *guidance,
                               struct replica_reader *reader, const struct check_params *params,
                               int64_t now_s, struct arena *arena, struct answer *ret_answer,
                               struct error *error);
/* The same in the stages of a look-up (replica.h), for questions that have come together; the last
 * is replica_answer(). */
struct answering_inquiry {
    struct decide_question question;
    struct replica_lookup lookup;
};

/* The inquiry borrows from params, and must stay where it is. */
void answering_seek(struct replica_reader *reader, const struct check_params *params,
                    struct answering_inquiry *ret_inquiry);
void answering_fetch(struct answering_inquiry *inquiry);
/* A question that is bad alone says so in its answer. */
void answering_check_many(const struct replica_guidance *guidance, struct replica_reader *reader,
                          const struct check_many_params *params, int64_t now_s,
                          struct arena *arena, struct check_many_result *ret_result);
void answering_one_of_many(const struct replica_guidance *guidance, struct replica_reader *reader,
                           const struct check_many_params *params, size_t index, int64_t now_s,
                           struct arena *arena, struct answer *ret_answer);
/* What a handle leads to, as many as fit into one message. */
void answering_entitlements(const struct replica_guidance *guidance, struct replica_reader *reader,
                            const struct entitlements_params *params, int64_t now_s,
                            struct arena *arena, struct entitlements_result *ret_result);

/* How many records an answer is about, before it is looked for: what it costs. */
size_t answering_breadth(struct replica_reader *reader, struct str handle);
size_t answering_breadth_of_many(struct replica_reader *reader,
                                 const struct check_many_params *params);

#endif
