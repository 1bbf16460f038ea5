/* Taking on roles (AWS STS API reference: AssumeRole, AssumeRoleWithWebIdentity): what is sent, and
 * what the answer holds. */
#ifndef COMMON_AWS_CREDENTIALS_STS_H
#define COMMON_AWS_CREDENTIALS_STS_H

#include "common/aws/credentials/keys.h"
#include "common/aws/environment/warning.h"
#include "common/base/buf.h"

struct aws_call;
struct source;

/* A role to take on; what is NULL or "" is not set. */
struct role {
    const char *arn;
    const char *session_name; /* default: ours, with the time of the start */
    const char *external_id;
    const char *duration_s;
};

int role_check(const struct role *role, struct error *error);
/* Of AWS's variables and files: what cannot be sent is left out, with a warning. */
void role_leave_out_unusable(const struct aws_warnings *warnings, struct role *role);
struct str role_name(const char *arn);
void role_form(struct buf *form, const char *action, const struct role *role);
void form_append(struct buf *form, const char *name, struct str value);

struct sts_answer {
    struct str failure; /* empty: STS gave keys; else why not, as a sentence */
    struct str xml;
};

typedef void sts_done_fn(void *arg, const struct sts_answer *answer);

/* How STS is asked: the client's own way to call, without the client. */
struct sts {
    /* signed_by: NULL sends the form unsigned; else it lives until done is called. */
    struct aws_call *(*ask)(void *arg, struct str form, const struct keys *signed_by,
                            sts_done_fn *done, void *done_arg);
    void (*cancel)(struct aws_call *call); /* takes NULL */
    void *arg;
};

/* Ends the question that the source was asked: with STS's keys, or why there are none. */
void sts_end(struct source *source, const struct sts_answer *answer);

#endif
