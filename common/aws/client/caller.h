/* Whose credentials we sign with, as GetCallerIdentity says, kept true while they change.
 *
 * What is known is known of one generation of credentials: whoever has an answer asks by the
 * generation that signed it, so that nothing is said of keys that were replaced in between.
 */
#ifndef COMMON_AWS_CLIENT_CALLER_H
#define COMMON_AWS_CLIENT_CALLER_H

#include "common/aws/client/aws.h"

struct caller {
    struct aws *aws;
    aws_caller_fn *fn;
    void *arg;
    struct aws_call *call;
    struct loop_timer *timer; /* the next question */
    unsigned failures;        /* in a row */
    char *account;            /* NULL: not known */
    unsigned generation;      /* of the credentials that it is known of */
};

/* failures: 1 for the first. */
int64_t caller_delay_ms(unsigned failures, double random);
void caller_credentials_changed(struct aws *aws);
void caller_close(struct aws *aws);

#endif
