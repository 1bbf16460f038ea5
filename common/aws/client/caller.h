/* Whose credentials we sign with, as GetCallerIdentity says, kept true while they change.
 *
 * The account is known for one generation of credentials. An answer's account is asked by the
 * generation that signed it, so keys that were replaced in between are not confused with it.
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
