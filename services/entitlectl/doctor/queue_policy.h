/* Who may send to a queue, as its policy says: an access policy in IAM's language ("IAM JSON policy
 * element reference", IAM user guide; "Using custom policies with the Amazon SQS access policy
 * language", SQS developer guide). Pure; any text will do.
 *
 * Only the question who can send is judged, not every subtlety of the language: conditions on the
 * origin of a message (aws:SourceArn, aws:SourceAccount, ...) are read. Any other condition counts
 * as met in an Allow, and as not met in a Deny.
 */
#ifndef SERVICES_ENTITLECTL_DOCTOR_QUEUE_POLICY_H
#define SERVICES_ENTITLECTL_DOCTOR_QUEUE_POLICY_H

#include "common/base/arena.h"
#include "common/config/config.h"
#include "services/entitlectl/doctor/findings.h"

struct queue_policy_question {
    struct str policy;             /* the attribute; empty: the queue has none */
    struct str queue_arn;          /* empty: not known, every resource counts */
    struct config_list topic_arns; /* that must be able to send; may be empty */
};

struct queue_policy_verdict {
    enum finding_level level;
    struct str text;    /* in the arena, or static */
    const char *advice; /* NULL: none */
};

struct queue_policy_verdict queue_policy_judge(const struct queue_policy_question *question,
                                               struct arena *arena);

/* The dead-letter queue that the attribute RedrivePolicy names. */
struct redrive {
    struct str target_arn; /* in the arena; empty: there is none */
    int64_t receives;      /* before a message goes there; 0: not stated */
};
struct redrive redrive_read(struct str policy, struct arena *arena);

/* Whether text fits a pattern with '*' and '?'. */
bool pattern_fits(struct str pattern, struct str text, bool any_case);

#endif
